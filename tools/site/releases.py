"""The versions of the template that can be looked at: its releases, and what came after them."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Version:
    """A version, as Copier is asked for it and as it describes it."""

    reference: str
    description: str
    commit: str


def git(repository: Path, *arguments: str) -> str:
    """Ask git."""
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def find(repository: Path) -> list[Version]:
    """List the versions, the newest first: what is checked out, and each release before it."""
    released = list(find_releases(repository))
    head = git(repository, "rev-parse", "HEAD").strip()
    if released and released[0].commit == head:
        return released
    description = git(repository, "describe", "--tags", "--always").strip()
    return [Version(head, description, head), *released]


def find_releases(repository: Path) -> Iterator[Version]:
    """List the releases: their commits say so, also in a clone that has no tags."""
    log = git(repository, "log", "--format=%H %s", "--grep=^Release v")
    for commit, version in re.findall(r"^(\w+) Release (v\S+)$", log, re.MULTILINE):
        yield Version(version, version, commit)
