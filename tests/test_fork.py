"""A thin fork merges what the original releases, and its projects follow the fork."""

import re
import shlex
import shutil
from pathlib import Path

import generated
import pytest
import yaml
from repository import ROOT
from updating import commit, copy, git, update

BLOCKS = re.compile(r"```console\n(.+?)\n```", re.DOTALL)
IMAGE = "registry.example.com/python:3.14"
QUESTION = {
    "region": {
        "type": "str",
        "help": "Where does it run?",
        "choices": ["east", "west"],
        "default": "east",
    }
}


@pytest.fixture(scope="module")
def original(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Release the work tree."""
    original = tmp_path_factory.mktemp("repositories") / "original"
    shutil.copytree(template, original)
    shutil.copytree(ROOT / "presets", original / "presets")
    git(original, "init", "--quiet", "--initial-branch", "main")
    release(original, "v90.0.0")
    return original


@pytest.fixture(scope="module")
def fork(original: Path) -> Path:
    """Fork the original with a preset, a base image and a default, and take over its next release.

    Both are released twice: as v90.0.0 and v91.0.0, and with .post1 after that.
    """
    fork = original.parent / "fork"
    git(original.parent, "clone", "--quiet", "--origin", "upstream", original, fork)
    shutil.copy2(fork / "presets" / "api.yml", fork / "presets" / "house.yml")
    edit(fork / "catalogue" / "compose.yaml", r"docker.io/library/python:3\.14-slim-\w+", IMAGE)
    edit(fork / "copier.yml", r'(organization:\n.*\n.*\n  default: )""', r'\1"Example Ltd"')
    release(fork, "v90.0.0.post1")
    release_next(original)
    take_over(fork)
    return fork


def test_the_fork_keeps_what_is_its_own_and_has_what_is_new(original: Path, fork: Path) -> None:
    ours = git(fork, "diff", "--name-only", "v91.0.0", "HEAD").split()
    news = git(fork, "diff", "--name-only", "v90.0.0.post1", "HEAD").split()

    assert git(fork, "status", "--porcelain") == ""
    assert set(ours) == {"catalogue/compose.yaml", "copier.yml", "presets/house.yml"}
    assert news == git(original, "diff", "--name-only", "v90.0.0", "v91.0.0").split()


@pytest.mark.parametrize("origin", ["fork", "original"])
def test_a_project_follows_the_fork(
    original: Path, fork: Path, tmp_path: Path, bare_path: str, origin: str
) -> None:
    project = tmp_path / "project"
    version = {"fork": "v90.0.0.post1", "original": "v90.0.0"}[origin]
    copy(original.parent / origin, project, version, {})
    (project / "src" / "harbour_api" / "mine.py").write_text("MINE = True\n", "utf-8")
    if origin == "original":
        edit(project / ".copier-answers.yml", f"_src_path: {original}", f"_src_path: {fork}")
    git(project, "init", "--quiet")
    commit(project, "Start")

    assert update(project, bare_path) == []

    answers = generated.read_answers(project)
    assert (answers["_commit"], answers["_src_path"]) == ("v91.0.0.post1", str(fork))
    assert answers["organization"] == {"fork": "Example Ltd", "original": ""}[origin]
    assert answers["region"] == "east"
    assert f"FROM {IMAGE} AS" in (project / "Dockerfile").read_text("utf-8")
    assert "postgres:99" in (project / "compose.yaml").read_text("utf-8")
    assert "max_line_length" in (project / ".editorconfig").read_text("utf-8")
    assert (project / "scripts" / "new.sh").exists()
    assert (project / "src" / "harbour_api" / "mine.py").exists()


def release_next(original: Path) -> None:
    """Release what changes from one version to the next: images, questions, files and presets."""
    edit(original / "catalogue" / "compose.yaml", r"(uv:\d+\.\d+\.)\d+", r"\g<1>99")
    edit(original / "catalogue" / "compose.yaml", r"library/postgres:\d+", "library/postgres:99")
    edit(original / "copier.yml", r"\nlicense:\n", f"\n{yaml.safe_dump(QUESTION)}\nlicense:\n")
    for preset in (original / "presets").iterdir():
        edit(preset, r"license:", "region: west\nlicense:")
    edit(original / "template" / ".editorconfig", r"\Z", "\n[*.md]\nmax_line_length = off\n")
    (original / "template" / "scripts" / "new.sh").write_text("#!/bin/sh\n", "utf-8")
    release(original, "v91.0.0")


def take_over(fork: Path) -> None:
    """Bring the next release into the fork with the commands of the guide."""
    guide = (ROOT / "docs" / "organisations.md").read_text("utf-8")
    commands = next(block for block in BLOCKS.findall(guide) if "git merge" in block)
    for command in commands.replace("v0.3.0", "v91.0.0").splitlines():
        if "push" not in command:  # the fork is read where it is
            git(fork, *shlex.split(command)[1:])


def release(repository: Path, version: str) -> None:
    """Commit everything as a version."""
    commit(repository, f"Release {version}")
    git(repository, "tag", version)


def edit(file: Path, pattern: str, replacement: str) -> None:
    """Replace what matches in a file, which must be something."""
    text, count = re.subn(pattern, replacement, file.read_text("utf-8"))
    assert count, f"{pattern} is not in {file}"
    file.write_text(text, "utf-8")
