"""Parts of the template are found: in the folder of a value, or where several files share them."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import generated
import pytest
import questions
from repository import ROOT

PARTS = ROOT / "template-parts"
INCLUDE = re.compile(
    r"{%[-+]? (?:include|from) ('template-parts/.*?')( ignore missing| import .*)? %}"
)
COMPUTED = re.compile(r"' ~ (.+?) ~ '")
# By folder, the facts that name one in it, with the values that have all of its parts.
VALUES: Mapping[str, Mapping[str, list[str]]] = {
    "managers": {"dependency_manager": questions.choices()["dependency_manager"]},
    "package-managers": {
        "package_manager": ["apk", "apt"],
        "runtime_package_manager": ["apk", "apt", "none"],
    },
    "databases": {"database": [], "database_protocol": []},
    "forges": {"ci": []},
    "frameworks": {"framework": []},
    "services": {"name": [], "service": []},
    "reverse-proxies": {"front": [*questions.choices()["reverse_proxy"], "gateway"]},
    "licenses": {"license": questions.choices()["license"]},
}
PYTHON = ("source", "tests", "without_sample")  # by the module that they are parts of


def including() -> list[tuple[str, bool]]:
    """List what files include, as written, and whether it may be missing."""
    files = (
        ROOT / "copier.yml",
        *(file for folder in ROOT.glob("template*") for file in folder.rglob("*.jinja")),
    )
    return [
        (name, "missing" in option)
        for file in files
        for name, option in INCLUDE.findall(file.read_text("utf-8"))
    ]


INCLUDING = including()
SHARED = [
    file
    for file in generated.files(PARTS)
    if file.relative_to(PARTS).parts[0] not in (*VALUES, *PYTHON)
]


def found(name: str) -> set[Path]:
    """List the parts that an include may mean."""
    return set(ROOT.glob(COMPUTED.sub("*", name).strip("'")))


def test_every_part_is_included() -> None:
    used = {file for name, _ in INCLUDING for file in found(name)}

    assert set(PARTS.rglob("*.jinja")) - used == set()


@pytest.mark.parametrize(
    "name",
    sorted({name for name, _ in INCLUDING if "~" in name and name.split("/")[1] not in PYTHON}),
)
def test_a_computed_name_is_that_of_a_value(name: str) -> None:
    folder = name.split("/")[1]
    (variable,) = COMPUTED.findall(name)

    assert variable in VALUES[folder]
    assert re.search(r"/' ~ \w+ ~ '[/.]", name), "the value is the whole name of a folder or file"
    may_be_missing = (name, True) in INCLUDING
    for value in VALUES[folder][variable]:
        assert may_be_missing or found(COMPUTED.sub(value, name)), value


@pytest.mark.parametrize("part", SHARED, ids=lambda file: str(file.relative_to(PARTS)))
def test_what_belongs_to_no_value_is_included_more_than_once(part: Path) -> None:
    times = Counter(file for name, _ in INCLUDING for file in found(name))

    assert times[part] > 1
