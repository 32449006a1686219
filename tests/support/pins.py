"""What a tree pins, by its shape alone, and what a bot sees of it."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import generated

# An image of a registry, a commit, a digest, or a version of at least two numbers
PIN = re.compile(
    r"(?P<image>\b(?:[a-z0-9-]+\.)+[a-z]{2,}/[a-z0-9._/-]+):(?P<tag>[\w.-]+)"
    r"|(?P<digest>\b[0-9a-f]{40}\b|\bsha256:[0-9a-f]{64}\b)"
    r"|(?P<version>(?<![\w.])v?\d+(?:\.\d+)+(?:[a-z]+\d+)?)"
)
ADDRESS = re.compile(r"\d+(\.\d+){3}")
LOCKS = ("uv.lock", "poetry.lock", "Pipfile.lock", "requirements/*.txt", "containers/*.txt")

Line = tuple[str, str]  # with the path of its file
Pins = Counter[tuple[str, str]]  # the path of a file, and what it pins


class Unseen(NamedTuple):
    """Lines whose pins no bot has to see, and why."""

    path: str
    line: str
    reason: str

    def covers(self, path: str, line: str) -> bool:
        """Say whether a line is one of them."""
        return fnmatch(path, self.path) and re.search(self.line, line) is not None


def pins_in(text: str) -> Iterator[str]:
    """List what a text pins; an image with its tag is one pin, its digest another."""
    for found in PIN.finditer(text):
        if not ADDRESS.fullmatch(found[0]):
            yield found[0]


def unlocked(project: Path) -> list[Path]:
    """List all files of a project but its locks."""
    locks = set(generated.files(project, *LOCKS))
    return [file for file in generated.files(project) if file not in locks]


def lines_of(project: Path, files: Iterable[Path]) -> Iterator[Line]:
    """List the lines of files, each with the path of its file."""
    for file in files:
        path = file.relative_to(project).as_posix()
        if not path.startswith(".git/"):
            yield from ((path, line) for line in file.read_text("utf-8").splitlines())


def pins_of(lines: Iterable[Line], unseen: Iterable[Unseen] = ()) -> Pins:
    """Count what lines pin, without those that need not be seen."""
    return Counter(
        (path, pin)
        for path, line in lines
        if not any(each.covers(path, line) for each in unseen)
        for pin in pins_in(line)
    )
