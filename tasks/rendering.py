"""Renders versions of the template for an update, and reads what they write."""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from tarfile import TarFile
from tempfile import mkdtemp
from typing import Any

import yaml
from git import git
from pathspec import GitIgnoreSpec

MOST = 500  # renderings that are kept for other projects, each some 200 KB

Answers = Mapping[str, Any]
Tree = Mapping[str, bytes]


@dataclass(frozen=True)
class Renderings:
    """What the template writes for the project: contents by path."""

    born: Tree  # by the version and for the answers before the update
    before: Tree  # by the version after the update, for the answers before it
    after: Tree


@dataclass(frozen=True)
class Version:
    """A version of the template, and what it writes for answers.

    A fleet's projects have much in common: their updates share the folder UPDATE_RENDERINGS.
    """

    repository: Path
    name: str
    folder: Path  # for what is written

    @cached_property
    def tree(self) -> str:
        """Name the content of this version."""
        return git("-C", self.repository, "rev-parse", f"{self.name}^{{tree}}").decode().strip()

    @cached_property
    def files(self) -> Path:
        """Write this version to a folder outside git, which Copier takes as it is."""
        archive = git("-c", "core.autocrlf=false", "-C", self.repository, "archive", self.name)
        folder = Path(mkdtemp(dir=self.folder))
        with TarFile(fileobj=BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        return folder

    def render(self, answers: Answers, answers_file: str) -> Path:
        """Find the rendering for these answers, or make it; nobody changes it afterwards."""
        memory = yaml.safe_dump(dict(answers))
        digest = hashlib.sha256("\0".join((self.tree, answers_file, memory)).encode()).hexdigest()
        shared = os.environ.get("UPDATE_RENDERINGS")
        known = Path(shared or self.folder, digest)
        if known.exists():
            return known
        keeps = sum(1 for _ in known.parent.iterdir()) < MOST
        made = Path(mkdtemp(dir=known.parent if keeps else self.folder))
        render(self.files, memory, answers_file, made)
        if keeps:
            with suppress(OSError):  # another process was faster
                made.rename(known)
                return known
        return made


def read_answers(text: bytes) -> Answers:
    """Read an answers file without what Copier keeps there for itself."""
    return {key: value for key, value in yaml.safe_load(text).items() if key[0] != "_"}


def render(template: Path, answers: str, answers_file: str, folder: Path) -> None:
    """Render a project that remembers these answers; for others the template has defaults."""
    import copier  # takes half a second, which nobody needs who finds a rendering

    memory = folder / answers_file
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text(answers, "utf-8")
    copier.run_copy(
        str(template),
        folder,
        answers_file=answers_file,
        settings=copier.Settings(),  # those of the machine would answer what nobody was asked
        defaults=True,
        overwrite=True,
        quiet=True,
        skip_tasks=True,
        unsafe=True,
    )
    memory.unlink()


def read_tree(folder: Path) -> Tree:
    """Read all files of a folder."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def read_choices(template: Path) -> Mapping[str, Any]:
    """Read what follows from each choice, by question and value."""
    choices: Mapping[str, Any] = yaml.safe_load(
        (template / "catalogue" / "choices.yaml").read_text("utf-8")
    )
    return choices


def users_files(template: Path) -> GitIgnoreSpec:
    """Match the files that are the user's."""
    return GitIgnoreSpec.from_lines((template / "yours.gitignore").read_text("utf-8").splitlines())
