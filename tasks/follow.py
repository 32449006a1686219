"""Lets a project follow its answers after an update, where Copier's merge does not.

An update leaves out the files that are the user's (see manifest.jinja). Where it changed an answer,
this renders them for the answers before and after, and merges the difference into the project's.
It also gives back what Copier deleted although it was edited. Otherwise nothing is rendered.

Arguments: the template, the answers file, the version of the template before the update.
"""

import runpy
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import copier
import jinja2
import yaml
from pathspec import GitIgnoreSpec
from translate import translate

Answers = Mapping[str, Any]
Tree = Mapping[str, bytes]

REVISIONS = "migrations/versions/"


@dataclass(frozen=True)
class Renderings:
    """What the template writes for the project: contents by path."""

    born: Tree  # by the version and for the answers before the update
    before: Tree  # by the version after the update, for the answers before it
    after: Tree

    def has_untouched(self, path: str) -> bool:
        """Say whether a file of the project is as the template wrote it."""
        content = read(path)
        return content is not None and content in (self.born.get(path), self.before.get(path))


def git(*arguments: str | Path, text: bytes = b"") -> bytes:
    """Run git and return what it prints."""
    return subprocess.run(
        ["git", *arguments], input=text, stdout=subprocess.PIPE, check=True
    ).stdout


def say(text: str, paths: Iterable[str]) -> None:
    """Tell the user something about files, if there are any, in one line."""
    if names := ", ".join(sorted(paths)):
        print(f"{text}: {names}", file=sys.stderr)


def read(path: str) -> bytes | None:
    """Read a file of the project, if there is one."""
    return Path(path).read_bytes() if Path(path).is_file() else None


def read_answers(text: bytes) -> Answers:
    """Read an answers file without what Copier keeps there for itself."""
    return {key: value for key, value in yaml.safe_load(text).items() if key[0] != "_"}


def extract(repository: Path, version: str, folder: Path) -> Path:
    """Write a version of the template to a folder outside git, which Copier takes as it is."""
    archive = git("-C", repository, "archive", "--format=zip", version)
    ZipFile(BytesIO(archive)).extractall(folder)
    return folder


def render(template: Path, answers: Answers, answers_file: str, folder: Path) -> Tree:
    """Render a project that remembers these answers; for others the template has defaults."""
    folder.mkdir()
    memory = folder / answers_file
    memory.parent.mkdir(parents=True, exist_ok=True)
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
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def users_files(template: Path) -> GitIgnoreSpec:
    """Match what the manifest leaves out of an update, and of nothing else."""
    manifest = jinja2.Template((template / "manifest.jinja").read_text("utf-8"), trim_blocks=True)
    copied, updated = (
        Counter(manifest.render(_copier_operation=operation).split("\n"))
        for operation in ("copy", "update")
    )
    return GitIgnoreSpec.from_lines(updated - copied)


def samples(tree: Iterable[str]) -> set[str]:
    """Name the packages of the sample domain."""
    modules = (path.split("/") for path in tree if path.startswith("src/") and path.endswith(".py"))
    return {"/".join(parts[:3]) for parts in modules if len(parts) > 3}


def mark_clash(path: str, base: bytes, theirs: bytes | None) -> None:
    """Record in git's index that both sides changed a file, as Copier does."""
    prefix = git("rev-parse", "--show-prefix").decode().strip()
    entry = git("ls-tree", "HEAD", path).decode().split("\t")[0]
    if not entry:
        return  # git ignores it
    mode, _, mine = entry.split()
    blobs = [git("hash-object", "-w", "--stdin", text=base).decode().strip(), mine]
    if theirs is not None:
        blobs.append(git("hash-object", "-w", "--stdin", text=theirs).decode().strip())
    lines = [f"{mode} {blob} {stage}\t{prefix}{path}\n" for stage, blob in enumerate(blobs, 1)]
    lines.insert(0, f"0 {'0' * len(mine)}\t{prefix}{path}\n")
    git("update-index", "--index-info", text="".join(lines).encode())


def merge(path: str, base: bytes, theirs: bytes) -> bool:
    """Merge what the answers change into a file that the user edited; say whether it clashed."""
    with TemporaryDirectory() as folder:
        ancestor, other = Path(folder, "base"), Path(folder, "theirs")
        ancestor.write_bytes(base)
        other.write_bytes(theirs)
        labels = ("-L", "before updating", "-L", "last update", "-L", "after updating")
        command = ["git", "merge-file", *labels, path, str(ancestor), str(other)]
        clashed = subprocess.run(command, check=False).returncode != 0
    if clashed:
        mark_clash(path, base, theirs)
    return clashed


def write(path: str, content: bytes | None) -> None:
    """Write a file, or delete it and the folders that are empty then."""
    file = Path(path)
    if content is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return
    file.unlink()
    for folder in file.parents:
        if any(folder.iterdir()):
            break
        folder.rmdir()


def restore_edited(deleted: Iterable[str], born: Tree) -> list[str]:
    """Give back what Copier deleted although the user had edited it."""
    edited = [path for path in deleted if born.get(path, b"") != git("show", f"HEAD:./{path}")]
    for path in edited:
        git("checkout", "HEAD", "--", path)
        mark_clash(path, born.get(path, b""), None)
    return edited


def is_exchanged(renderings: Renderings) -> bool:
    """Say whether the answers put one sample domain in the place of another."""
    return samples(renderings.before) != samples(renderings.after)


def is_untouched_sample(renderings: Renderings) -> bool:
    """Say whether the project has the sample domain as it was, and nothing in it besides."""
    files = git("ls-files", "-z", *samples(renderings.before)).decode().split("\0")[:-1]
    return bool(files) and all(map(renderings.has_untouched, files))


def has_own_revisions(before: Tree) -> bool:
    """Say whether the database of the project has a history of its own."""
    files = git("ls-files", "-z", REVISIONS).decode().split("\0")[:-1]
    return not set(files) <= before.keys()


def changed_files(renderings: Renderings, has_new_database: bool, mine: GitIgnoreSpec) -> list[str]:
    """List the files of the user that the answers change."""
    before, after = renderings.before, renderings.after
    changed = [
        path
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path) and mine.match_file(path)
    ]
    revisions = {path for path in changed if path.startswith(REVISIONS)}
    added = revisions - before.keys()
    # A new database begins empty. What another one ran is history, and history has one end.
    if (added and has_own_revisions(before)) or (revisions - added and not has_new_database):
        say("The tables changed; write a revision as with these, by make revision", revisions)
        return [path for path in changed if path not in revisions]
    return changed


def carry_over(paths: Iterable[str], renderings: Renderings) -> None:
    """Bring the difference that the answers make into the files of the user."""
    before, after = renderings.before, renderings.after
    has_sample = any(Path(package).exists() for package in samples(before))
    kept, clashed, missing = [], [], []
    for path in paths:
        base, theirs = before.get(path), after.get(path)
        if not Path(path).exists():
            if base is None and has_sample:
                write(path, theirs)
            elif base is None:
                missing.append(path)
        elif renderings.has_untouched(path):
            write(path, theirs)
        elif theirs is None:
            mark_clash(path, base or b"", None)
            kept.append(path)
        elif merge(path, base or b"", theirs):
            clashed.append(path)
    say("Both you and the answers changed these files; resolve them", clashed)
    say("The answers need these files no longer, but you edited them; keep or delete them", kept)
    say("You deleted the sample, so these files of it were not written", missing)


def follow(template: Path, answers_file: str, version: str) -> None:
    """Do all of it in the project, which is the current folder."""
    old = read_answers(git("show", f"HEAD:./{answers_file}"))
    new = read_answers(Path(answers_file).read_bytes())
    translated = translate(old)
    gone = git("diff", "--name-only", "-z", "--relative", "--diff-filter=D", "HEAD")
    deleted = gone.decode().split("\0")[:-1]
    if translated == new and not deleted:
        return
    with TemporaryDirectory() as folder:
        root = Path(folder)
        current = extract(template, "HEAD", root / "current")
        mine = users_files(current)
        managers = runpy.run_path(str(current / "extensions" / "slipway.py"))["MANAGERS"]
        renderings = Renderings(
            render(extract(template, version, root / "previous"), old, answers_file, root / "born"),
            render(current, translated, answers_file, root / "before"),
            render(current, new, answers_file, root / "after"),
        )
    edited = restore_edited(deleted, renderings.born)
    say("The kit has these files no longer, but you edited them; keep or delete them", edited)
    if is_exchanged(renderings) and not is_untouched_sample(renderings):
        say("Your domain stays as it is, since it is not the sample", samples(renderings.before))
    else:
        has_new_database = translated["database"] != new["database"]
        carry_over(changed_files(renderings, has_new_database, mine), renderings)
    if "own_files" in new:
        return  # the locks of an adopted application are its own
    was, now = (managers[answers["dependency_manager"]].locks for answers in (translated, new))
    for lock in was:
        if lock not in now and Path(lock).exists():
            write(lock, None)


if __name__ == "__main__":
    follow(Path(sys.argv[1]), *sys.argv[2:])
