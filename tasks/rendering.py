"""Renders versions of the template for an update, and reads what they write."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tarfile import TarFile
from typing import Any

import copier
import yaml
from git import git
from pathspec import GitIgnoreSpec

Answers = Mapping[str, Any]
Tree = Mapping[str, bytes]


@dataclass(frozen=True)
class Renderings:
    """What the template writes for the project: contents by path."""

    born: Tree  # by the version and for the answers before the update
    before: Tree  # by the version after the update, for the answers before it
    after: Tree


def read_answers(text: bytes) -> Answers:
    """Read an answers file without what Copier keeps there for itself."""
    return {key: value for key, value in yaml.safe_load(text).items() if key[0] != "_"}


def extract(repository: Path, version: str, folder: Path) -> Path:
    """Write a version of the template to a folder outside git, which Copier takes as it is."""
    archive = git("-c", "core.autocrlf=false", "-C", repository, "archive", version)
    with TarFile(fileobj=BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder


def render(template: Path, answers: Answers, answers_file: str, folder: Path) -> Path:
    """Render a project that remembers these answers; for others the template has defaults."""
    memory = folder / answers_file
    memory.parent.mkdir(parents=True)
    memory.write_text(yaml.safe_dump(dict(answers)), "utf-8")
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
    return folder


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
