"""An update for a fleet is a branch in each repository, and nothing else."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
import repository
import updating
from repository import ROOT
from updating import commit, copy, git

from slipway.fleet.report import Report, Service, State

OLD, NEW = "v1.0.0", "v1.1.0"
BRANCH = "template-update"
ROBOT = f"{BRANCH}@harbour-api.invalid"
NEWS = "\n[*.md]\nmax_line_length = off\n"


class Outcome(NamedTuple):
    """What a run of the program leaves."""

    status: int
    rows: Mapping[str, Service]  # by the last part of a repository's name


class Fleet(NamedTuple):
    """A template with two releases, and projects of them."""

    template: Path
    folder: Path
    path: str  # where uv only writes down what it is told

    def start(self, name: str, version: str = OLD) -> Path:
        """Make a project, with a branch main."""
        project = copy(self.template, self.folder / name, version, {"database": "none"})
        git(project, "init", "--quiet", "--initial-branch=main")
        commit(project, "Start")
        return project

    def publish(self, project: Path) -> str:
        """Make a bare clone of a project its remote origin; name its address."""
        remote = project.with_suffix(".git")
        git(project, "clone", "--quiet", "--bare", ".", remote)
        git(project, "remote", "add", "origin", remote)
        return remote.as_uri()

    def update(self, *arguments: str | Path) -> Outcome:
        """Bring updates."""
        written = self.folder / "report.json"
        options = (f"--template={self.template}", f"--json={written}")
        result = execute(self.path, *options, *arguments)
        assert result.stderr == ""
        report = Report.model_validate_json(written.read_text("utf-8"))
        rows = {row.repository.rpartition("/")[2]: row for row in report.services}
        return Outcome(result.returncode, rows)


@pytest.fixture(scope="module")
def template(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Release the template twice, the second time with something new."""
    clone = repository.copy_template(tmp_path_factory.mktemp("releases"))
    git(clone, "init", "--quiet")
    for version in (OLD, NEW):
        commit(clone, f"Release {version}")
        git(clone, "tag", version)
        with (clone / "template" / ".editorconfig").open("a", encoding="utf-8") as file:
            file.write(NEWS)
    git(clone, "checkout", "--quiet", ".")
    return clone


@pytest.fixture
def fleet(template: Path, bare_path: str, tmp_path: Path) -> Fleet:
    """Make a place for projects, and a stand-in for uv."""
    (tmp_path / "bin").mkdir()
    uv = tmp_path / "bin" / "uv"
    uv.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/uv.log\n', "utf-8")
    uv.chmod(0o755)
    return Fleet(template, tmp_path, f"{uv.parent}:{bare_path}")


def execute(path: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run the program."""
    return subprocess.run(
        [sys.executable, "-m", "slipway", "fleet", "update", *arguments],
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_directory_gets_a_branch_and_is_not_touched_otherwise(fleet: Fleet) -> None:
    project = fleet.start("behind")
    start = git(project, "rev-parse", "HEAD")
    with (project / "README.md").open("a", encoding="utf-8") as readme:
        readme.write("An edit that is not committed\n")
    status = git(project, "status", "--porcelain")

    outcome = fleet.update(project)

    assert (outcome.status, outcome.rows["behind"].state) == (0, State.UPDATED)
    assert git(project, "status", "--porcelain") == status
    assert git(project, "rev-parse", "HEAD", "main") == start * 2
    assert git(project, "branch", "--format=%(refname:short)").split() == ["main", BRANCH]
    assert git(project, "log", "--format=%ce", f"main..{BRANCH}").split() == [ROBOT]
    assert NEWS in git(project, "show", f"{BRANCH}:.editorconfig")
    assert f"_commit: {NEW}\n" in git(project, "show", f"{BRANCH}:.copier-answers.yml")
    assert (fleet.folder / "uv.log").read_text("utf-8").splitlines()[1:] == ["lock"]


def test_conflicts_are_committed_and_named(fleet: Fleet) -> None:
    project = fleet.start("edited")
    with (project / ".editorconfig").open("a", encoding="utf-8") as file:
        file.write("\n[*.txt]\nmax_line_length = 80\n")
    commit(project, "Wrap texts")

    outcome = fleet.update(project)

    assert (outcome.status, outcome.rows["edited"].state) == (1, State.CONFLICTED)
    assert outcome.rows["edited"].conflicts == [".editorconfig"]
    assert git(project, "log", "-1", "--format=%B", BRANCH).split("\n")[:3] == [
        f"Update the template to {NEW}",
        "",
        "Conflict: .editorconfig",
    ]
    assert "\n<<<<<<< " in git(project, "show", f"{BRANCH}:.editorconfig")


def test_a_branch_is_pushed_unless_somebody_else_has_added_to_it(fleet: Fleet) -> None:
    project = fleet.start("behind")
    address = fleet.publish(project)
    remote = project.with_suffix(".git")
    main = git(remote, "rev-parse", "main")

    for _ in range(2):  # the second time over its own
        outcome = fleet.update("--push", address)
        assert (outcome.status, outcome.rows["behind.git"].state) == (0, State.UPDATED)
        assert git(remote, "log", "--format=%ce", f"main..{BRANCH}").split() == [ROBOT]

    git(project, "fetch", "--quiet", "origin")
    git(project, "switch", "--quiet", BRANCH)
    git(project, "commit", "--quiet", "--allow-empty", "--message", "Mend what the update breaks")
    git(project, "push", "--quiet", "origin", BRANCH)
    theirs = git(remote, "rev-parse", BRANCH)

    outcome = fleet.update("--push", address)

    assert (outcome.status, outcome.rows["behind.git"].state) == (1, State.FAILS)
    assert outcome.rows["behind.git"].reason.startswith("someone has added commits")
    assert git(remote, "rev-parse", "main", BRANCH) == main + theirs


def test_a_directory_is_pushed_to_its_origin(fleet: Fleet) -> None:
    project = fleet.start("behind")
    fleet.publish(project)
    git(project, "commit", "--quiet", "--allow-empty", "--message", "Not pushed yet")

    outcome = fleet.update("--push", project)

    assert (outcome.status, outcome.rows["behind"].state) == (0, State.UPDATED)
    branches = git(project, "ls-remote", "--heads", "origin", BRANCH).split("\t")[0]
    assert branches == git(project, "rev-parse", BRANCH).strip()


def test_what_needs_no_update_and_what_cannot_have_one_is_told(fleet: Fleet) -> None:
    current = fleet.start("current", NEW)
    assert fleet.update(current).status == 0
    busy = fleet.start("busy")
    git(busy, "switch", "--quiet", "--create", BRANCH)

    outcome = fleet.update(current, fleet.folder / "gone", busy)

    assert outcome.status == 1
    assert {name: row.state for name, row in outcome.rows.items()} == {
        "current": State.CURRENT,
        "gone": State.BROKEN,
        "busy": State.FAILS,
    }
    assert updating.git(current, "branch", "--format=%(refname:short)").split() == ["main"]
    assert git(busy, "log", "--format=%s").split("\n")[:-1] == ["Start"]


def test_an_address_without_leave_to_push_is_refused(fleet: Fleet) -> None:
    result = execute(fleet.path, "https://someone:hunter2@example.com/harbour.git")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"https://example.com/harbour.git can only get the branch {BRANCH} with --push: add it.\n"
    )
