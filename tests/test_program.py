"""The program finds its template, passes on what Copier takes, and says what is wrong."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import generated
import programs
import pytest
from packaging.requirements import Requirement
from repository import ROOT
from updating import git

from slipway import source
from slipway.__main__ import main

COMMANDS = {
    (): ("new", "adopt", "explore", "fleet"),
    ("new",): ("slipway new harbour-api",),
    ("adopt",): ("slipway adopt ../harbour",),
    ("explore",): ("slipway explore --port 8090",),
    ("fleet",): ("report", "update", "merge"),
    ("fleet", "report"): ("slipway fleet report --from",),
    ("fleet", "update"): ("slipway fleet update --from",),
    ("fleet", "merge"): ("slipway fleet merge part-*.json",),
}
PUBLIC = "https://github.com/slipway-template/slipway"


def execute(
    *command: str | Path, cwd: Path = ROOT, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run a program without a terminal."""
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def slipway(*words: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the program as a module."""
    return execute(sys.executable, "-m", "slipway", *words, cwd=ROOT, **environment)


@pytest.mark.parametrize(("command", "texts"), COMMANDS.items())
def test_help_describes_each_command(
    command: tuple[str, ...], texts: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--help"]) == 0
    printed = capsys.readouterr().out
    assert f"Usage: {' '.join(('slipway', *command))}" in printed
    for text in texts:
        assert text in printed


def test_the_version_is_that_of_the_last_release() -> None:
    result = slipway("--version")
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    released = re.findall(r"^## \[([\d.]+)\]", changelog, re.MULTILINE)
    assert (result.returncode, result.stdout) == (0, f"slipway {released[0]}\n")


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("slipway ", {"new", "adopt", "explore", "fleet"}),
        ("slipway fleet re", {"report"}),
        ("slipway adopt --ans", {"--answers-file"}),
    ],
)
def test_a_shell_completes_commands_and_options(typed: str, completed: set[str]) -> None:
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split(" ")) - 1)}
    result = slipway(_SLIPWAY_COMPLETE="complete_bash", **words)
    assert set(result.stdout.split()) == completed


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["launch"], "No such command 'launch'; slipway --help tells more."),
        (["adopt"], "Missing argument 'DIRECTORY'; slipway adopt --help tells more."),
        (["adopt", ".", "--port"], "No such option: --port; slipway adopt --help tells more."),
    ],
)
def test_wrong_arguments_get_a_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert capsys.readouterr() == ("", f"{sentence}\n")


# new


def test_a_new_project_comes_from_the_clone_with_the_options_of_copier(tmp_path: Path) -> None:
    clone = tmp_path / "slipway"
    git(tmp_path, "clone", "--quiet", ROOT, clone)
    git(clone, "tag", "v1.0.0")
    for path in ("slipway", "pyproject.toml"):  # as they are in this work tree
        programs.run("cp", "-R", ROOT / path, clone)
    (tmp_path / "house.yml").write_text("database: sqlite\nci: none\n", "utf-8")

    result = execute(
        *(sys.executable, "-m", "slipway", "new", "--data-file", "../house.yml", "--defaults"),
        *("--data=framework=flask", "../harbour-api", "--skip-tasks", "-q", "--vcs-ref", "v1.0.0"),
        cwd=clone,
        COPIER_SETTINGS_PATH=os.devnull,
    )

    assert result.returncode == 0, result.stderr
    answers = generated.read_answers(tmp_path / "harbour-api")
    assert {
        "_src_path": str(clone),
        "_commit": "v1.0.0",
        "framework": "flask",
        "database": "sqlite",
        "ci": "none",
    }.items() <= answers.items()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--vcs-ref=v9",), "Unknown revision: 'v9'"),
        (("--data-file=broken.yml",), "while parsing"),
        (("--defaults",), "Not a directory"),
    ],
    ids=["version", "file", "destination"],
)
def test_what_copier_would_end_in_a_traceback_is_a_sentence(
    options: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    (tmp_path / "broken.yml").write_text("{: :", "utf-8")
    (tmp_path / "file").write_text("mine\n", "utf-8")
    command = [sys.executable, "-m", "slipway", "new", *options, "file"]
    result = execute(*command, cwd=tmp_path, PYTHONPATH=str(ROOT))

    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("Copier could not make the project: ")
    assert reason in result.stderr
    assert "Traceback" not in result.stderr
    assert (tmp_path / "file").read_text("utf-8") == "mine\n"


def test_the_next_step_suits_a_shell(tmp_path: Path) -> None:
    result = slipway("new", "--defaults", "--skip-tasks", tmp_path / "fresh quay")
    assert f"\n  cd '{tmp_path}/fresh quay'\n" in result.stderr


def test_a_refusal_of_copier_is_passed_on(tmp_path: Path) -> None:
    options = ("--defaults", "--vcs-ref=HEAD", "--data=database=oracle")
    folder = tmp_path / "harbour-api"
    result = slipway("new", *options, folder, COPIER_SETTINGS_PATH=os.devnull)
    assert result.returncode == 1
    assert "The answer to database: Choose one of" in result.stderr
    assert not folder.exists()


# Installed


@pytest.mark.parametrize(
    ("origin", "found"),
    [
        (None, PUBLIC),
        ({"url": PUBLIC, "vcs_info": {"vcs": "git"}}, PUBLIC),
        (
            {"url": "https://git.example.com/slipway", "vcs_info": {"vcs": "git"}},
            "git+https://git.example.com/slipway",
        ),
        (
            {"url": "ssh://git@example.com/slipway.git", "vcs_info": {"vcs": "git"}},
            "ssh://git@example.com/slipway.git",
        ),
        ({"url": ROOT.as_uri(), "dir_info": {}}, str(ROOT)),
        ({"url": "file:///gone", "dir_info": {}}, PUBLIC),
        ({"url": "https://example.com/slipway.whl", "archive_info": {}}, PUBLIC),
    ],
)
def test_an_installed_program_uses_what_it_was_installed_from(
    origin: object, found: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "slipway-1.0.0.dist-info"
    folder.mkdir()
    text = (
        f"Metadata-Version: 2.4\nName: slipway\nVersion: 1.0.0\nProject-URL: Repository, {PUBLIC}\n"
    )
    (folder / "METADATA").write_text(text, "utf-8")
    if origin:
        (folder / "direct_url.json").write_text(json.dumps(origin), "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(source, "IS_CLONE", False)
    assert distribution("slipway").version == source.find_version() == "1.0.0"
    assert source.find_source() == found


def test_the_program_can_be_installed_and_works_without_its_clone(
    template: Path, tmp_path: Path
) -> None:
    programs.run("uv", "build", "--quiet", "--wheel", f"--out-dir={tmp_path}", ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    python = tmp_path / "venv" / "bin" / "python"
    programs.run("uv", "venv", "--quiet", f"--python={sys.executable}", tmp_path / "venv")
    programs.run("uv", "pip", "install", "--quiet", f"--python={python}", wheel)
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "app.py").write_text("from flask import Flask\napp = Flask('shop')\n")
    (tmp_path / "shop" / "requirements.txt").write_text("flask\n")
    git(tmp_path / "shop", "init", "--quiet")
    git(tmp_path / "shop", "add", "--all")
    git(tmp_path / "shop", "commit", "--quiet", "--message", "Start")
    program = python.with_name("slipway")

    helped = execute(program, "--help", cwd=tmp_path)
    assert (helped.returncode, helped.stderr) == (0, "")
    # "new" would fetch the template from its public address, for which this clone stands.
    address = f"url.{ROOT.as_uri()}.insteadOf"
    redirected = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": address,
        "GIT_CONFIG_VALUE_0": f"{PUBLIC}.git",
        "COPIER_CACHE_DIR": str(tmp_path / "cache"),
    }
    options = ("--defaults", "--skip-tasks", "--quiet", "--vcs-ref=HEAD")
    made = execute(program, "new", *options, "harbour-api", cwd=tmp_path, **redirected)
    assert made.returncode == 0, made.stderr
    assert generated.read_answers(tmp_path / "harbour-api")["_src_path"] == PUBLIC
    adopted = execute(
        *(program, "adopt", "--defaults", "--skip-tasks", f"--template={template}", "shop"),
        cwd=tmp_path,
    )
    assert adopted.returncode == 0, adopted.stderr
    assert (tmp_path / "shop" / "Dockerfile").exists()


def test_the_program_is_tested_with_what_it_asks_for() -> None:
    listed = [
        Requirement(line)
        for file in ("copier.txt", "program.txt")
        for line in (ROOT / "requirements" / file).read_text("utf-8").splitlines()
        if not line.startswith("#")
    ]
    assert {one.name for one in listed} >= {"copier", "copier-template-extensions", "typer", "rich"}
    for one in listed:
        assert distribution(one.name).version in one.specifier
