"""Prepares an adoption beside the application, and brings it over when it is complete."""

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Stage:
    """A copy of what the application has committed, in which files are added."""

    root: Path
    folder: Path
    tracked: frozenset[str]
    added: set[str] = field(default_factory=set)

    def copy_application(self) -> None:
        """Copy what is committed, and the .env of this machine, which Compose reads."""
        for path in (*self.tracked, ".env"):
            source, target = self.root / path, self.folder / path
            if source.is_dir() and not source.is_symlink():  # a submodule
                shutil.copytree(source, target, symlinks=True, ignore=without_history)
            elif source.is_symlink() or source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)

    def add(self, rendered: Path) -> None:
        """Add the files of a rendering; none is in the way of the application's."""
        for file in sorted(rendered.rglob("*")):
            path = file.relative_to(rendered)
            if file.is_file() and not os.path.lexists(self.folder / path):
                (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, self.folder / path)
                self.added.add(path.as_posix())

    def add_locks(self, patterns: Iterable[str]) -> None:
        """Take over what locking has written or renewed."""
        files = (file for pattern in patterns for file in self.folder.glob(pattern))
        self.added |= {
            path
            for file in files
            if not same(file, self.root / (path := file.relative_to(self.folder).as_posix()))
        }

    def bring_over(self) -> list[str]:
        """Write what was added to the application, all of it or nothing; list what was in the way.

        In the way is what somebody else has written since the copy.
        """
        renewed = self.added & self.tracked
        before = {path: (self.root / path).read_bytes() for path in renewed}
        written: list[Path] = []
        in_the_way = []
        try:
            for path in sorted(self.added):
                target = self.root / path
                if path not in renewed and os.path.lexists(target):
                    in_the_way.append(path)
                    continue
                for folder in reversed(target.parents):
                    if not folder.is_dir():
                        folder.mkdir()
                        written.append(folder)
                written.append(target)
                shutil.copy(self.folder / path, target)
        except OSError:
            for target in reversed(written):
                path = target.relative_to(self.root).as_posix()
                if path in before:
                    target.write_bytes(before[path])
                elif target.is_dir():
                    target.rmdir()
                else:
                    target.unlink(missing_ok=True)
            raise
        return in_the_way


def without_history(_: str, names: list[str]) -> set[str]:
    """Leave out a submodule's link to its repository."""
    return {".git"} & set(names)


def same(one: Path, other: Path) -> bool:
    """Say whether two files have the same content."""
    return other.is_file() and one.read_bytes() == other.read_bytes()
