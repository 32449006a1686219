"""Brings an update to repositories: each gets a branch, and nothing else."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from slipway.fleet.git import expand, git, is_address
from slipway.fleet.report import State
from slipway.fleet.survey import Survey
from slipway.processes import run
from slipway.source import FILES

BRANCH = "template-update"  # that of a project's weekly job, which takes it over and is taken over
EVERYTHING = f"--depth={2**31 - 1}"  # git's own word for a whole history


@dataclass(frozen=True)
class Rollout(Survey):
    """Updates what is behind, as "make update" of a project does."""

    pushes: bool = False

    clean: ClassVar[State] = State.UPDATED
    conflicting: ClassVar[State] = State.CONFLICTED
    sees_services: ClassVar[bool] = False  # there is one branch: "make update" brings it to all

    def update(self, source: str, clone: Path, file: str, answers: dict[str, Any]) -> list[str]:
        """Update a scratch clone, and hand its branch over; list the files with conflicts."""
        git("fetch", "--quiet", EVERYTHING, cwd=clone)  # which tells who has committed to a branch
        git("checkout", "--quiet", cwd=clone)
        tasks = shutil.copytree(FILES / "tasks", clone.with_name("tasks"))  # writes beside itself
        result = run(
            *(sys.executable, str(tasks / "update.py"), str(self.template.mirror), file),
            *(self.template.newest, "--branch", str(clone.with_name("description.md"))),
            *("--no-check", self.template.newest),
            cwd=clone,
            environment={"COPIER_SETTINGS_PATH": os.devnull},
        )
        if result.returncode != 0:
            raise ValueError(result.stdout.rstrip().rpartition("\n")[2])
        robot = f"{BRANCH}@{answers['project_slug']}.invalid"
        for target in self.targets(source):
            push(clone, target, robot)
        trailers = "--format=%(trailers:key=Conflict,valueonly)"
        return list(filter(None, git("log", "-1", trailers, BRANCH, cwd=clone).split("\n")))

    def targets(self, source: str) -> list[str]:
        """List the repositories that get the branch."""
        if is_address(source):
            return [expand(source)]
        folder = Path(source).resolve()
        if not self.pushes:
            return [str(folder)]
        origin = git("remote", "get-url", "--push", "origin", cwd=folder).strip()
        return [str(folder), origin if is_address(origin) else str(folder / origin)]


def push(clone: Path, target: str, robot: str) -> None:
    """Push the branch, unless people have added commits to it."""
    reference = f"refs/heads/{BRANCH}"
    theirs = git("ls-remote", "--", target, reference, cwd=clone).partition("\t")[0]
    if theirs:
        git("fetch", "--quiet", "--", target, reference, cwd=clone)
        committers = git("log", "--format=%ce", f"HEAD..{theirs}", cwd=clone).splitlines()
        if set(committers) - {robot}:
            raise ValueError(
                f"someone has added commits to the branch {BRANCH}: merge or delete it first"
            )
    lease = f"--force-with-lease={BRANCH}:{theirs}"
    git("push", "--quiet", lease, "--", target, BRANCH, cwd=clone)
