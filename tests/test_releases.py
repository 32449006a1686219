"""A release writes its entry, its commit and its tag, or says what is wrong and does nothing."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import programs
import pytest
import yaml
from packaging.requirements import Requirement
from repository import ROOT
from updating import commit, git

REQUIREMENTS = ROOT / "requirements" / "copier.txt"
UNRELEASED = "## [Unreleased]\n"
BASE = "https://github.com/slipway-template/slipway"
CHANGELOG = f"""# Changelog

## [Unreleased]

## [0.1.1] - 2026-02-03

### Fixed

- A fault.

## [0.1.0] - 2026-01-02

### Added

- Everything.

[Unreleased]: {BASE}/compare/v0.1.1...HEAD
[0.1.1]: {BASE}/releases/tag/v0.1.1
[0.1.0]: {BASE}/releases/tag/v0.1.0
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Make a clone that has two releases, two changes since then, and a remote to push to."""
    clone, remote = tmp_path / "clone", tmp_path / "remote"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch", "main", remote)
    git(tmp_path, "clone", "--quiet", remote, clone)
    for key, value in {"name": "Tester", "email": "tester@example.com"}.items():
        git(clone, "config", f"user.{key}", value)
    git(clone, "switch", "--quiet", "--orphan", "main")
    for path in ("pyproject.toml", "tools/release.py", "docs/changes/README.md"):
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, clone / path)
    (clone / "CHANGELOG.md").write_text(CHANGELOG, "utf-8")
    commit(clone, "Start")
    (clone / "docs" / "changes" / "12.fixed.md").write_text("A leak.\n", "utf-8")
    (clone / "docs" / "changes" / "+cache.added.md").write_text("A cache, `valkey`.\n", "utf-8")
    commit(clone, "Add a cache")
    git(clone, "push", "--quiet", "origin", "main")
    return clone


def test_the_changes_become_the_entry_of_the_release(repository: Path) -> None:
    days = {today()}
    release(repository, "write", "0.2.0")
    days.add(today())  # the day can change meanwhile

    entry = """### Added

- A cache, `valkey`.

### Fixed

- A leak. ([#12](https://github.com/slipway-template/slipway/issues/12))
"""
    link = f"[0.2.0]: {BASE}/releases/tag/v0.2.0"
    linked = CHANGELOG.replace("v0.1.1...HEAD\n", f"v0.2.0...HEAD\n{link}\n")
    assert (repository / "CHANGELOG.md").read_text("utf-8") in {
        linked.replace(UNRELEASED, f"{UNRELEASED}\n## [0.2.0] - {day}\n\n{entry}") for day in days
    }
    assert git(repository, "log", "-1", "--format=%s") == "Release v0.2.0\n"
    assert git(repository, "status", "--porcelain") == ""
    assert [file.name for file in (repository / "docs" / "changes").iterdir()] == ["README.md"]


def test_a_check_shows_the_entry_and_changes_nothing(repository: Path) -> None:
    before = state(repository)

    assert "- A cache, `valkey`." in release(repository, "check", "0.2.0")
    assert state(repository) == before


def test_a_release_is_pushed_with_its_tag_or_not_at_all(repository: Path, tmp_path: Path) -> None:
    release(repository, "write", "0.2.0")
    remote = tmp_path / "remote"
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", remote, other)
    (other / "README.md").write_text("Meanwhile\n", "utf-8")
    commit(other, "Write a README")
    git(other, "push", "--quiet", "origin", "main")
    meanwhile = git(remote, "rev-parse", "main")

    assert "[rejected]" in refused(repository, "tag")
    assert (git(remote, "rev-parse", "main"), git(remote, "tag")) == (meanwhile, "")

    git(remote, "update-ref", "refs/heads/main", "main~1")
    notes = release(repository, "tag")

    commits = {git(remote, "rev-parse", name) for name in ("main", "v0.2.0")}
    assert commits == {git(repository, "rev-parse", "HEAD")}
    assert notes.startswith("### Added\n")
    assert notes.endswith("/issues/12))\n")
    assert release(repository, "tag") == notes  # a second attempt goes on where the first ended


def test_a_release_that_was_written_by_hand_is_only_tagged(
    repository: Path, tmp_path: Path
) -> None:
    entry = f"{UNRELEASED}\n## [0.2.0] - 2026-03-04\n\nWell.\n"
    by_hand = CHANGELOG.replace(UNRELEASED, entry)
    (repository / "CHANGELOG.md").write_text(by_hand, "utf-8")
    commit(repository, "Release v0.2.0 (#31)")
    released = git(repository, "rev-parse", "HEAD")
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "Go on")
    git(repository, "push", "--quiet", "origin", "main")
    git(repository, "switch", "--quiet", "--detach", "HEAD~1")

    assert release(repository, "tag") == "Well.\n"
    assert git(tmp_path / "remote", "rev-parse", "v0.2.0") == released


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("v0.2.0", "not a semantic version"),
        ("0.2", "not a semantic version"),
        ("0.02.0", "not a semantic version"),
        ("0.2.0-rc.1", "not a semantic version"),
        ("0.2.0; reboot", "not a semantic version"),
        ("", "not a semantic version"),
        ("0.1.1", "not newer than 0.1.1"),
        ("0.0.9", "not newer than 0.1.1"),
    ],
)
def test_a_wrong_version_is_refused(repository: Path, version: str, reason: str) -> None:
    before = state(repository)

    assert_one_sentence(refused(repository, "write", version), reason)
    assert state(repository) == before


def test_a_fork_numbers_its_releases_after_the_original(repository: Path) -> None:
    release(repository, "write", "0.1.1.post1")

    assert git(repository, "log", "-1", "--format=%s") == "Release v0.1.1.post1\n"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (UNRELEASED, f"{UNRELEASED}\n- By hand.\n", "under [Unreleased]"),
        ("/compare/", "/commits/", "no link"),
    ],
    ids=["entry", "link"],
)
def test_a_changelog_of_another_form_is_refused(
    repository: Path, old: str, new: str, reason: str
) -> None:
    (repository / "CHANGELOG.md").write_text(CHANGELOG.replace(old, new), "utf-8")
    commit(repository, "Edit")
    before = state(repository)

    assert_one_sentence(refused(repository, "write", "0.2.0"), reason)
    assert state(repository) == before


def test_a_release_without_a_change_is_refused(repository: Path) -> None:
    git(repository, "rm", "--quiet", "docs/changes/12.fixed.md", "docs/changes/+cache.added.md")
    commit(repository, "Change nothing")

    assert_one_sentence(refused(repository, "write", "0.2.0"), "Nothing to release")


def test_a_work_tree_with_changes_is_refused(repository: Path) -> None:
    (repository / "README.md").write_text("Not committed\n", "utf-8")

    assert_one_sentence(refused(repository, "write", "0.2.0"), "work tree")


def test_a_change_of_an_unknown_kind_is_refused(repository: Path) -> None:
    (repository / "docs" / "changes" / "13.feature.md").write_text("New.\n", "utf-8")
    commit(repository, "Name it wrongly")
    before = state(repository)

    assert "Invalid news fragment name: 13.feature.md" in refused(repository, "write", "0.2.0")
    assert state(repository) == before


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        ("Add a cache", "Release vX.Y.Z"),
        ("Release v0.2", "Release vX.Y.Z"),
        ("Release v9.0.0", "no entry"),
    ],
)
def test_a_commit_that_is_no_release_is_not_tagged(
    repository: Path, subject: str, reason: str
) -> None:
    git(repository, "commit", "--quiet", "--allow-empty", "--message", subject)

    assert_one_sentence(refused(repository, "tag"), reason)
    assert git(repository, "tag") == ""


def test_the_changes_of_this_repository_can_be_released() -> None:
    version = "9999.0.0"
    programs.run("towncrier", "build", "--draft", "--version", version, cwd=ROOT)


def test_every_release_of_the_changelog_has_its_link() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    versions = re.findall(r"^## \[(\d[^]]+)\] - \d{4}-\d\d-\d\d$", text, re.MULTILINE)
    _, _, links = text.partition("\n[Unreleased]: ")

    assert versions
    assert links.splitlines() == [
        f"{BASE}/compare/v{versions[0]}...HEAD",
        *(f"[{version}]: {BASE}/releases/tag/v{version}" for version in versions),
    ]


def test_a_release_needs_the_whole_suite() -> None:
    jobs = workflow()["jobs"]

    assert jobs["release"]["needs"] == "sbom"
    assert jobs["sbom"]["needs"] == ["names", "test"]
    assert jobs["names"]["if"] == jobs["sbom"]["if"]
    assert jobs["names"]["steps"][-1]["run"] == ".venv/bin/python -m tools.taken_names --check"
    assert jobs["test"]["uses"] == "./.github/workflows/ci.yml"


def test_a_release_comes_with_its_source_and_parts_list_signed(
    repository: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    for name in ("gh", "cosign"):
        write_program(tmp_path / "bin" / name, f'echo "{name} $*" >>{log}')
    (repository / ".git" / "info" / "exclude").write_text(".venv\n", "utf-8")
    (repository / ".venv").symlink_to(sys.prefix)
    (repository / "requirements").mkdir()
    shutil.copy2(REQUIREMENTS, repository / "requirements")
    commit(repository, "Require Copier")
    variables = {"VERSION": "0.2.0", "RUNNER_TEMP": str(tmp_path)}

    run_steps(repository, "sbom", tmp_path / "bin", variables)
    (tmp_path / "dist").mkdir()
    shutil.move(repository / "slipway.cdx.json", tmp_path / "dist")
    run_steps(repository, "release", tmp_path / "bin", variables)

    assert_lists_what_copier_needs(tmp_path / "dist" / "slipway.cdx.json")
    archive = tmp_path / "dist" / "slipway-0.2.0.tar"
    options = ("--format=tar", "--prefix=slipway-0.2.0/", "--output", tmp_path / "again.tar")
    git(tmp_path / "remote", "archive", *options, "v0.2.0")
    assert archive.read_bytes() == (tmp_path / "again.tar").read_bytes()
    dist = archive.parent
    signed = [f"--bundle {file}.sigstore.json {file}" for file in sorted(dist.iterdir())]
    calls = log.read_text("utf-8").splitlines()
    assert [f"cosign sign-blob --yes {options}" for options in signed] == calls[1:-1]
    assert calls[-1].endswith(
        f"--notes-file {tmp_path}/notes.md {' '.join(map(str, sorted(dist.iterdir())))}"
    )


def test_what_may_write_to_main_is_pinned_by_hash() -> None:
    folder = ROOT / "requirements"
    wanted = [Requirement(line) for line in read_requirements(folder / "releasing.in")]
    pinned = {
        pin.name: str(pin.specifier).removeprefix("==")
        for pin in map(Requirement, read_requirements(folder / "releasing.txt"))
    }

    assert wanted
    for requirement in wanted:
        assert requirement.specifier.contains(pinned[requirement.name])
    text = (folder / "releasing.txt").read_text("utf-8")
    assert len(re.findall(r"==\S+.* \\\n    --hash=sha256:[0-9a-f]{64}", text)) == len(pinned)
    steps = workflow()["jobs"]["release"]["steps"]
    installs = [step["run"] for step in steps if "pip install" in step.get("run", "")]
    assert [command.split()[-1] for command in installs] == ["requirements/releasing.txt"]


def workflow() -> Any:
    """Read the workflow of the releases."""
    return yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text("utf-8"))


def run_steps(repository: Path, job: str, programs: Path, variables: dict[str, str]) -> None:
    """Run the scripts of a job, but for those that install what is here already."""
    path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    for step in workflow()["jobs"][job]["steps"]:
        if "run" in step and not step["name"].startswith("Install"):
            environment = {**os.environ, **variables, "PATH": path}
            subprocess.run(
                ["bash", "-e", "-c", step["run"]], cwd=repository, env=environment, check=True
            )


def write_program(file: Path, script: str) -> None:
    """Write a stand-in for a program."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    file.chmod(0o755)


def assert_lists_what_copier_needs(file: Path) -> None:
    """Check a software bill of materials, without what only this environment has."""
    parts = json.loads(file.read_text("utf-8"))
    root = parts["metadata"]["component"]
    needs = {entry["ref"]: entry.get("dependsOn", []) for entry in parts["dependencies"]}
    listed = {part["bom-ref"]: part for part in parts["components"]}

    assert (root["name"], root["version"]) == ("slipway", "0.2.0")
    direct = {listed[reference]["name"] for reference in needs[root["bom-ref"]]}
    assert direct == {Requirement(line).name for line in read_requirements(REQUIREMENTS)}
    (copier,) = (reference for reference, part in listed.items() if part["name"] == "copier")
    assert {"Jinja2", "pathspec"} <= {listed[reference]["name"] for reference in needs[copier]}
    assert all(part["version"] and part["purl"] for part in listed.values())


def read_requirements(file: Path) -> list[str]:
    """List the requirement specifiers of a file, without hashes."""
    lines = file.read_text("utf-8").splitlines()
    return [line.rstrip(" \\") for line in lines if line[:1].isalpha()]


def execute(repository: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the script in a repository."""
    command = [sys.executable, "tools/release.py", *arguments]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)


def release(repository: Path, *arguments: str) -> str:
    """Run the script and return what it prints; fail unless it ends well."""
    result = execute(repository, *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def refused(repository: Path, *arguments: str) -> str:
    """Run the script, which must fail, and return why it did."""
    result = execute(repository, *arguments)
    assert result.returncode != 0
    assert result.stdout == ""
    return result.stderr


def assert_one_sentence(message: str, reason: str) -> None:
    """Check that a message is a single line with the reason in it."""
    assert reason in message
    assert message.count("\n") == 1
    assert "Traceback" not in message


def state(repository: Path) -> tuple[str, str]:
    """Tell the commit, and what has changed since."""
    return git(repository, "rev-parse", "HEAD"), git(repository, "status", "--porcelain")


def today() -> str:
    """Tell the date of this machine."""
    return datetime.now(UTC).astimezone().date().isoformat()
