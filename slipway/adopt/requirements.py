"""Reads requirements files as pip does, with the files that they name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from posixpath import normpath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

NAMED = re.compile(r"(?:-([rc])|--(requirement|constraint)\b)\s*=?\s*(.+)")
# A folder, a version control system or a local file: pip takes no hash of these.
UNHASHED = re.compile(r"-e\b|--editable|\.{1,2}(/|$|\[)|.*\b(git|hg|svn|bzr)\+|(.*@ *)?file:")


class UnreadableError(Exception):
    """A file does not follow its format; the text is a sentence for whoever wrote it."""


@dataclass(frozen=True)
class Line:
    """A requirement or an option, and the file that has it."""

    file: str
    text: str
    is_constraint: bool = False


def read_requirements(
    root: Path, file: str, seen: set[str] | None = None, is_constraint: bool = False
) -> Iterator[Line]:
    """List the lines of a requirements file and of all that it names, each file once.

    What files it took is added to those that were seen.
    """
    seen = set() if seen is None else seen
    seen.add(file)
    for text in join_lines(read_text(root / file)):
        option = NAMED.fullmatch(text)
        if not option:
            yield Line(file, text, is_constraint)
            continue
        named = option[3].strip("\"'")
        if "://" in named:
            continue
        path = normpath(PurePosixPath(file).parent / named)
        if path.startswith(("..", "/")):
            raise UnreadableError(f"{file} names {named}, which is outside of the application")
        if not (root / path).is_file():
            raise UnreadableError(f"{file} names {named}, which does not exist")
        if path not in seen:
            constrains = is_constraint or "c" in (option[1], (option[2] or "")[:1])
            yield from read_requirements(root, path, seen, constrains)


def join_lines(text: str) -> Iterator[str]:
    """List what a file says: lines that go on in the next one are joined, comments left out."""
    pending = ""
    for line in text.splitlines():
        is_comment = re.match(r"\s*#", line)
        if line.endswith("\\") and not is_comment:
            pending += line.removesuffix("\\")
            continue
        whole, pending = pending + (" " if is_comment else "") + line, ""
        if said := re.sub(r"(^|\s+)#.*$", "", whole).strip():
            yield said
    if pending.strip():
        yield pending.strip()


def names(lines: list[str]) -> Iterator[str]:
    """List the names of requirements, also with each extra; options are left out."""
    for line in lines:
        try:
            requirement = Requirement(re.sub(r"\s(#|--).*", "", line).strip())
        except InvalidRequirement:
            continue
        name = canonicalize_name(requirement.name)
        yield from (name, *(f"{name}[{extra}]" for extra in requirement.extras))


def read_text(file: Path) -> str:
    """Read a file that may be missing; nothing without it."""
    try:
        return file.read_text("utf-8-sig") if file.is_file() else ""
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{file.name} cannot be read, as it is not UTF-8") from error
