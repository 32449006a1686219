"""The names that no project may have are listed by a command, which only a release needs."""

from pathlib import Path

import pytest
import yaml
from repository import ROOT

from tools import taken_names

LOCKED = """\
psycopg-binary==3.3.9 ; implementation_name != 'pypy'
PyYAML==6.0.4
zope.event==6.1
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for the template and for uv, which installs some files."""
    catalogue = tmp_path / "catalogue"
    for name in ("base/common", "testing/common", "tool/poetry"):
        file = catalogue / "requirements" / f"{name}.txt"
        file.parent.mkdir(parents=True)
        file.write_text(f"{name.replace('/', '-')}>=1\n", "utf-8")
    (tmp_path / "copier.yml").write_text((ROOT / "copier.yml").read_text("utf-8"), "utf-8")

    def uv(*arguments: str, text: str) -> str:
        if arguments[1] == "compile":
            assert text == "base-common>=1\ntesting-common>=1\n"
            return LOCKED
        assert text == LOCKED
        target = Path(arguments[arguments.index("--target") + 1])
        for name in (
            "yaml/__init__.py",
            "_yaml/__init__.py",
            "zope/event/__init__.py",
            "six.py",
            "fast.cpython-314-x86_64-linux-gnu.so",
            "Upper/__init__.py",
            "bin/pyyaml",
            "share/man/pyyaml.1",
            "pyyaml-6.0.4.dist-info/top_level.py",
        ):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).touch()
        return ""

    monkeypatch.setattr(taken_names, "ROOT", tmp_path)
    monkeypatch.setattr(taken_names, "LIST", catalogue / "taken_names.yaml")
    monkeypatch.setattr(taken_names, "uv", uv)
    monkeypatch.setattr("sys.argv", ["taken_names"])
    return catalogue


def test_the_list_has_distributions_and_packages(folder: Path) -> None:
    taken_names.main()

    assert yaml.safe_load((folder / "taken_names.yaml").read_text("utf-8")) == {
        "distributions": ["psycopg_binary", "pyyaml", "zope_event"],
        "packages": ["fast", "six", "yaml", "zope"],
    }


def test_a_list_that_is_out_of_date_is_refused_and_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken_names.main()
    file = folder / "taken_names.yaml"
    monkeypatch.setattr("sys.argv", ["taken_names", "--check"])
    taken_names.main()
    stale = file.read_text("utf-8").replace("- six\n", "")
    file.write_text(stale, "utf-8")

    with pytest.raises(SystemExit, match=r"^catalogue/taken_names.yaml is out of date: run python"):
        taken_names.main()

    assert file.read_text("utf-8") == stale


def test_the_list_is_as_the_command_writes_it() -> None:
    text = taken_names.LIST.read_text("utf-8")
    names = yaml.safe_load(text)

    assert text == taken_names.HEADER + yaml.safe_dump(names)
    assert list(names) == ["distributions", "packages"]
    for listed in names.values():
        assert listed == sorted(set(listed))
