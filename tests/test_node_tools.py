"""Programs for Node.js are pinned, and installed where a test needs them."""

import json
import re
import stat
from pathlib import Path

import generated
import node_tools
import programs
import pytest
from repository import ROOT

SMALL = "@devcontainers/cli"


def test_every_version_is_exact_and_seen_by_the_bot() -> None:
    for version in node_tools.versions().values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    bot = generated.parse(ROOT / ".github" / "dependabot.yml")
    folder = f"/{node_tools.MANIFEST.parent.relative_to(ROOT).as_posix()}"
    (npm,) = (each for each in bot["updates"] if each["package-ecosystem"] == "npm")
    assert folder in npm["directories"]


def test_node_is_as_new_as_the_programs_need() -> None:
    needed = json.loads(node_tools.MANIFEST.read_text("utf-8"))["engines"]["node"]
    found = programs.run(str(node_tools.NODE), "--version")

    assert numbers(found) >= numbers(needed)


def numbers(version: str) -> tuple[int, ...]:
    """Read the first two numbers of a version."""
    return tuple(map(int, re.findall(r"\d+", version)[:2]))


def test_a_program_is_installed_once_and_starts() -> None:
    (node, program) = node_tools.command(SMALL)
    before = Path(program).stat()[stat.ST_INO]

    assert node_tools.versions()[SMALL] in programs.run(node, program, "--version")
    assert Path(node_tools.command(SMALL)[1]).stat()[stat.ST_INO] == before


@pytest.mark.parametrize(
    ("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)]
)
def test_without_a_network_a_test_is_skipped_but_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")  # where nobody listens
    monkeypatch.setenv("npm_config_fetch_retries", "0")

    with pytest.raises(outcome):
        node_tools.package(SMALL, tmp_path)
    monkeypatch.setattr(node_tools, "install", lambda wanted, folder: folder.mkdir())
    assert node_tools.package(SMALL, tmp_path).parts[-2:] == ("@devcontainers", "cli")
