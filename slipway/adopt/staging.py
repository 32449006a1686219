"""Prepares an adoption beside the application, and brings it over when it is complete."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

LOCKS = ("poetry.lock", "Pipfile.lock", "uv.lock")


@dataclass
class Stage:
    """A copy of what the application has committed, in which files are added."""

    root: Path
    folder: Path
    tracked: frozenset[str]
    added: set[str] = field(default_factory=set)
    old_locks: dict[str, bytes] = field(default_factory=dict)

    def copy_application(self) -> None:
        """Copy what is committed, and the .env of this machine, which Compose reads."""
        for path in (*self.tracked, ".env"):
            source, target = self.root / path, self.folder / path
            if source.is_dir() and not source.is_symlink():  # a submodule
                shutil.copytree(source, target, symlinks=True, ignore=without_history)
            elif source.is_symlink() or source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)
        self.old_locks = {
            path: (self.folder / path).read_bytes() for path in LOCKS if path in self.tracked
        }

    def add(self, rendered: Path) -> None:
        """Add the files of a rendering; none is in the way of the application's."""
        for file in sorted(rendered.rglob("*")):
            path = file.relative_to(rendered)
            if file.is_file() and not os.path.lexists(self.folder / path):
                (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, self.folder / path)
                self.added.add(path.as_posix())

    def add_locks(self) -> None:
        """Take over what locking has written or renewed."""
        files = [*self.folder.glob("containers/*.txt"), *map(self.folder.joinpath, LOCKS)]
        self.added |= {
            path
            for file in files
            if file.is_file()
            and self.old_locks.get(path := file.relative_to(self.folder).as_posix())
            != file.read_bytes()
        }

    def bring_over(self) -> list[str]:
        """Write what was added to the application, all of it or nothing; list what was in the way.

        In the way is what somebody else has written since the copy.
        """
        written: list[Path] = []
        in_the_way = []
        try:
            for path in sorted(self.added):
                target = self.root / path
                there = target.read_bytes() if target.is_file() else None
                if os.path.lexists(target) and (there is None or there != self.old_locks.get(path)):
                    in_the_way.append(path)
                    continue
                for folder in reversed(target.parents):
                    if not folder.is_dir():
                        folder.mkdir()
                        written.append(folder)
                written.append(target)
                shutil.copy(self.folder / path, target)
        except OSError:
            self.take_back(written)
            raise
        return in_the_way

    def take_back(self, written: list[Path]) -> None:
        """Undo what has been written so far."""
        for target in reversed(written):
            path = target.relative_to(self.root).as_posix()
            if path in self.old_locks:
                target.write_bytes(self.old_locks[path])
            elif target.is_dir():
                target.rmdir()
            else:
                target.unlink(missing_ok=True)


def without_history(_: str, names: list[str]) -> set[str]:
    """Leave out a submodule's link to its repository."""
    return {".git"} & set(names)
