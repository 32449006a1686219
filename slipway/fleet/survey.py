"""Looks at repositories, each in a scratch clone, many at a time."""

import json
import os
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, ClassVar

import yaml
from rich.console import Console
from rich.progress import track

from slipway.fleet.git import GitError, canonical, expand, git, is_address, without_secrets
from slipway.fleet.report import Service, State
from slipway.fleet.sharing import share_compiled
from slipway.fleet.template import Template

ANSWERS_FILE = re.compile(r"\.copier-answers(\..+)?\.ya?ml")
IDENTITY = ("-c", "user.name=Fleet", "-c", "user.email=fleet@localhost")


@dataclass(frozen=True)
class Survey:
    """What all repositories of a run are compared with."""

    template: Template
    today: date
    tries: bool
    patience: int  # seconds for one repository

    clean: ClassVar[State] = State.CLEAN
    conflicting: ClassVar[State] = State.CONFLICTS
    sees_services: ClassVar[bool] = True  # of a workspace, each of which has its own version

    def look_at_all(self, source: str) -> list[Service]:
        """Make the rows of a repository: one, or one more for each service of a workspace."""
        row = self.look(source)
        names = row.answers.get("services") if self.sees_services else None
        listed = names.replace(",", " ").split() if isinstance(names, str) else names
        services = listed if isinstance(listed, list) else []
        return [row, *(self.look(source, f"services/{name}") for name in services)]

    def look(self, source: str, folder: str = "") -> Service:
        """Make the row of a project; whatever goes wrong becomes part of it."""
        name = f"{without_secrets(source)} {folder}".rstrip()
        row = Service(repository=name, state=State.BROKEN)
        with TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
            try:
                with time_limit(self.patience):
                    self._fill(row, source, Path(scratch, "project"), folder)
            except Exception as error:
                # What is known by then, such as the version, stays in the row.
                row.state = State.FAILS if row.version else State.BROKEN
                row.reason = explain(error)
        return Service.model_validate_json(without_secrets(row.model_dump_json()))

    def _fill(self, row: Service, source: str, clone: Path, folder: str) -> None:
        clone_without_files(source, clone)
        file, answers = read_answers(clone, self.template, folder)
        row.template = str(answers["_src_path"])
        row.answers = {key: value for key, value in answers.items() if not key.startswith("_")}
        commit = str(answers.get("_commit", ""))
        if canonical(row.template) not in self.template.spellings:
            row.state, row.version = State.OTHER, commit
            return
        if python := self.template.python_of(answers):
            row.python, row.python_until = python, self.template.python_until(python)
            if self.template.pythons:
                row.python_supported = f"{self.today:%Y-%m}" <= row.python_until
        row.release = self.template.tag_of(commit)
        if not row.release:
            raise ValueError(f"its version, {commit or 'none'}, is none of the template's")
        row.version = commit
        row.behind = self.template.behind(row.release)
        if commit == self.template.newest:
            row.state = State.CURRENT
        elif row.behind == 0:
            row.state = State.AHEAD
        elif not self.tries:
            row.state = State.BEHIND
        else:
            git("checkout", "--quiet", cwd=clone)
            row.conflicts = self.update(source, clone / folder, file, answers)
            row.state = self.conflicting if row.conflicts else self.clean

    def update(self, source: str, clone: Path, file: str, answers: dict[str, Any]) -> list[str]:
        """Try an update in a scratch clone; list the files with conflicts."""
        return try_update(clone, file, answers, self.template)


def clone_without_files(source: str, clone: Path) -> None:
    """Clone as little as is needed, and no link that could lead out of the clone.

    A folder is cloned like any address, since git would touch the objects that two clones share.
    """
    address = expand(source)
    if not is_address(source):
        if not any(Path(source, name).exists() for name in (".git", "HEAD")):
            exists = Path(source).is_dir()
            raise ValueError("it is not a git repository" if exists else "there is no such folder")
        address = Path(source).resolve().as_uri()
    little = ("--depth=1", "--filter=blob:none", "--no-checkout", "--no-tags")
    git("clone", "--quiet", *little, "-c", "core.symlinks=false", "--", address, clone)


def read_answers(clone: Path, template: Template, folder: str = "") -> tuple[str, dict[str, Any]]:
    """Find the answers to a template, or those to another one; some projects have several."""
    tree = f"HEAD:{folder}" if folder else "HEAD"
    try:
        names = git("ls-tree", "--name-only", tree, cwd=clone).splitlines()
    except GitError:
        raise ValueError(f"there is no {folder}, which the workspace lists") from None
    found = []
    for name in filter(ANSWERS_FILE.fullmatch, names):
        try:
            answers = yaml.safe_load(
                git("show", f"HEAD:{folder}/{name}" if folder else f"HEAD:{name}", cwd=clone)
            )
        except yaml.YAMLError:
            raise ValueError(f"{name} is damaged: it is not YAML") from None
        if not isinstance(answers, dict) or "_src_path" not in answers:
            raise ValueError(f"{name} is damaged: it names no template")
        found.append((name, json.loads(json.dumps(answers, default=str))))
    if not found:
        raise ValueError("it has no .copier-answers.yml, so no template made it")
    ours = (one for one in found if canonical(str(one[1]["_src_path"])) in template.spellings)
    return next(ours, found[0])


def try_update(clone: Path, file: str, answers: dict[str, Any], template: Template) -> list[str]:
    """Update a scratch clone to the newest release; list the files with conflicts."""
    import copier  # takes longer than all the rest, and only this needs it

    git("checkout", "--quiet", cwd=clone)
    local = {**answers, "_src_path": str(template.mirror)}
    (clone / file).write_text(yaml.safe_dump(local), "utf-8")
    message = ("--message=Use the local template", "--no-gpg-sign")
    git(*IDENTITY, "commit", "--quiet", "--all", *message, cwd=clone)
    copier.run_update(
        clone,
        answers_file=file,
        vcs_ref=template.newest,
        settings=copier.Settings(),  # whoever runs this may have defaults of their own
        defaults=True,
        overwrite=True,
        quiet=True,
        skip_tasks=True,
        unsafe=True,
    )
    return git("diff", "--name-only", "--diff-filter=U", "-z", cwd=clone).split("\0")[:-1]


def explain(error: Exception) -> str:
    """Say in one line what went wrong."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise TimeoutError when the time is up."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"it took longer than {seconds} seconds")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def fall_silent() -> None:
    """Keep what Copier and migrations print away from the progress bar and the table."""
    with Path(os.devnull).open("w") as nowhere:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere.fileno(), stream.fileno())


def prepare() -> None:
    """Prepare a process for many updates."""
    fall_silent()
    share_compiled()


def survey(sources: Sequence[str], work: Survey, jobs: int) -> list[Service]:
    """Look at all repositories in several processes, because Copier changes the directory."""
    console = Console(stderr=True)
    rows: list[Service] = []
    jobs = max(1, min(jobs, len(sources)))
    with ProcessPoolExecutor(jobs, get_context("spawn"), prepare) as pool:
        futures = {pool.submit(work.look_at_all, source): source for source in sources}
        done = track(
            as_completed(futures),
            "Looking at repositories",
            total=len(futures),
            console=console,
            disable=not console.is_terminal,
        )
        try:
            rows.extend(row for future in done for row in rows_of(future, futures[future]))
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
    return rows


def rows_of(future: Future[list[Service]], source: str) -> list[Service]:
    """Take what a process found out, unless it was killed."""
    try:
        return future.result()
    except BrokenProcessPool:
        name = without_secrets(source)
        return [Service(repository=name, state=State.BROKEN, reason="its process was killed")]
