"""Projects under git that come from a release of the template, and their updates."""

import filecmp
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import copier
import generated
import plumbum
import programs
import questions
import stacks
import yaml
from repository import ROOT

NEWEST = "v99.0.0"  # what the work tree is called once it is released in a clone


@cache
def releases() -> Mapping[str, str]:
    """Map each earlier release to its commit, also in a clone that has no tags."""
    log = programs.run("git", "-C", ROOT, "log", "--format=%H %s", "--grep=^Release v")
    found = re.findall(r"^(\w+) Release (v\S+)$", log, re.MULTILINE)
    return {version: revision for revision, version in reversed(found)}


def choices(version: str) -> dict[str, list[str]]:
    """Map each question of a release that has choices to their values, for a single project."""
    entries = yaml.safe_load(git(ROOT, "show", f"{releases()[version]}:copier.yml"))
    found = questions.choices(entries)
    return {**found, "framework": [name for name in found["framework"] if name != "workspace"]}


def git(folder: Path, *arguments: str | Path) -> str:
    """Run git with an identity of its own."""
    identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.com")
    return programs.run("git", "-C", folder, *identity, *arguments)


def commit(folder: Path, subject: str) -> None:
    """Commit everything."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", subject)


def clone_with_releases(template: Path, clone: Path) -> Path:
    """Clone the template with a tag for each release, and check the work tree's files out."""
    git(clone.parent, "clone", "--quiet", ROOT, clone)
    for version, revision in releases().items():
        git(clone, "tag", "--force", version, revision)
    git(clone, "checkout", "--quiet", "--detach")
    git(clone, "rm", "--quiet", "-r", ".")
    shutil.copytree(template, clone, dirs_exist_ok=True)
    return clone


def release(clone: Path, version: str = NEWEST) -> None:
    """Release what is checked out."""
    commit(clone, f"Release {version}")
    git(clone, "tag", version)
    git(clone, "gc", "--quiet", "--prune=now")  # Copier clones it several times for each update


def copy(template: Path, project: Path, version: str, answers: questions.Answers) -> Path:
    """Make a project from a version of the template."""
    copier.run_copy(
        str(template),
        project,
        data=dict(answers),
        vcs_ref=version,
        defaults=True,
        quiet=True,
        skip_tasks=True,
        unsafe=True,
    )
    return project


def start(template: Path, project: Path, version: str, answers: questions.Answers) -> Path:
    """Make a project and commit it."""
    copy(template, project, version, answers)
    git(project, "init", "--quiet")
    commit(project, "Start")
    return project


def clone(project: Path, umask: int) -> Path:
    """Clone a project as it is now, as on a machine where new files lack these permissions."""
    checkout = project.with_name(f"{project.name}-{umask:03o}")
    shared = shutil.copytree(project, project.with_name(f"{project.name}-shared"), symlinks=True)
    git(shared, "init", "--quiet")
    git(shared, "add", "--all")
    git(shared, "commit", "--quiet", "--allow-empty", "--message", "Share")
    with generated.umask(umask):
        git(shared, "clone", "--quiet", ".", checkout)
    shutil.rmtree(shared)
    return checkout


@dataclass(frozen=True)
class Renderings:
    """The projects that the releases of a template make, each of them made once."""

    template: Path
    folder: Path
    made: dict[tuple[str, str], Path] = field(default_factory=dict, repr=False)

    def __call__(self, version: str, answers: questions.Answers) -> Path:
        """Find the project that these answers lead to, which are some or all."""
        key = (version, json.dumps(answers, sort_keys=True))
        if key not in self.made:
            project = self.folder / str(len(self.made))
            copy(self.template, project, version, answers)
            self.made[version, json.dumps(answers_of(project), sort_keys=True)] = project
            self.made[key] = project
        return self.made[key]


def answers_of(project: Path) -> questions.Answers:
    """Read what was answered."""
    return {key: value for key, value in generated.read_answers(project).items() if key[0] != "_"}


def update(project: Path, path: str) -> list[str]:
    """Update a project in this process, with a PATH of its own; list the files with conflicts."""
    with plumbum.local.env(PATH=path):
        copier.run_update(project, defaults=True, overwrite=True, quiet=True, unsafe=True)
    return conflicts_in(project)


def conflicts_in(project: Path) -> list[str]:
    """List the files that git knows to be unmerged."""
    entries = git(project, "ls-files", "--unmerged").splitlines()
    return sorted({entry.split("\t")[1] for entry in entries})


def run_update(project: Path, path: str, *options: str, conflicts: list[str] | None = None) -> str:
    """Update a project as users do, with a PATH of its own; check its conflicts, return the log."""
    command = ("update", "--defaults", "--trust", *options)
    result = stacks.execute("copier", *command, cwd=project, PATH=path)
    assert result.returncode == 0, result.stdout
    assert conflicts_in(project) == (conflicts or [])
    assert not list(project.rglob("*.rej"))
    return result.stdout


def compare(project: Path, other: Path) -> set[str]:
    """Name the files that differ, or that only one project has."""
    names = {
        file.relative_to(folder).as_posix()
        for folder in (project, other)
        for file in generated.files(folder)
        if ".git" not in file.parts
    }
    return {
        name
        for name in names
        if not (project / name).exists()
        or not (other / name).exists()
        or not filecmp.cmp(project / name, other / name, shallow=False)
    }
