"""Lets a project follow its answers after an update, where Copier's merge does not.

An update leaves out the files that are the user's (see manifest.jinja). Where it changed an answer,
this renders them for the answers before and after, and merges the difference into the project's.
It also gives back what Copier deleted although it was edited. Otherwise nothing is rendered.
At the end it lists what is imported and no longer there, in lines that begin with "Missing: ".

Arguments: the template, the answers file, the version of the template before the update.
"""

import os
import re
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
import imports
import jinja2
import yaml
from pathspec import GitIgnoreSpec
from translate import translate

Answers = Mapping[str, Any]
Tree = Mapping[str, bytes]


@dataclass(frozen=True)
class Renderings:
    """What the template writes for the project: contents by path."""

    born: Tree  # by the version and for the answers before the update
    before: Tree  # by the version after the update, for the answers before it
    after: Tree


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


def render(template: Path, answers: Answers, folder: Path) -> Tree:
    """Render a project that remembers these answers; for others the template has defaults."""
    folder.mkdir()
    memory = folder / ".copier-answers.yml"
    memory.write_text(yaml.safe_dump(dict(answers)), "utf-8")
    copier.run_copy(
        str(template),
        folder,
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


def read_code() -> tuple[Tree, Tree]:
    """Read the Python modules of the project as they were committed, and as they are."""
    only = ("-z", "--", "*.py")
    diff = ("diff", "--name-only", "--no-renames", "--relative", "HEAD")
    changed, added, kept = (
        set(os.fsdecode(git(*command, *only)).split("\0")[:-1])
        for command in (diff, ("ls-files", "--others", "--exclude-standard"), ("ls-files",))
    )
    if not changed | added:
        return {}, {}
    tree = ("ls-tree", "-r", "--name-only", "-z", "HEAD", ".")
    committed = set(os.fsdecode(git(*tree)).split("\0")[:-1])
    now = {path: content for path in kept | added if (content := read(path)) is not None}
    before = {path: content for path, content in now.items() if path in committed - changed}
    return before | {path: git("show", f"HEAD:./{path}") for path in changed & committed}, now


def say_missing(gone: Iterable[str]) -> None:
    """Tell the user what is imported but is there no longer; packages of others may be gone."""
    before, now = read_code()
    for name, files in imports.vanished(before, now, gone).items():
        print(f"Missing: {name}, imported by {', '.join(files)}", file=sys.stderr)


def gone_packages(renderings: Renderings, manifests: Iterable[str]) -> set[str]:
    """Name the packages of others that the template uses no longer, nor the user."""
    wanted = b"".join(read(manifest) or b"" for manifest in manifests).decode(errors="replace")
    listed = {name.lower().replace("-", "_") for name in re.findall(r"[\w-]+", wanted)}
    gone = imports.packages(renderings.before) - imports.packages(renderings.after)
    return {name for name in gone if name.lower() not in listed}


def follow(template: Path, answers_file: str, version: str) -> set[str]:
    """Follow changed answers in the project, which is the current folder.

    Return the packages of others that the project no longer installs.
    """
    from sample import OwnFiles, Releases  # which imports this module

    old = read_answers(git("show", f"HEAD:./{answers_file}"))
    new = read_answers(Path(answers_file).read_bytes())
    translated = translate(old)
    gone = git("diff", "--name-only", "-z", "--relative", "--diff-filter=D", "HEAD")
    deleted = gone.decode().split("\0")[:-1]
    if translated == new and not deleted:
        return set()
    with TemporaryDirectory() as folder:
        root = Path(folder)
        current = extract(template, "HEAD", root / "current")
        mine = users_files(current)
        managers = runpy.run_path(str(current / "extensions" / "slipway.py"))["MANAGERS"]
        renderings = Renderings(
            render(extract(template, version, root / "previous"), old, root / "born"),
            render(current, translated, root / "before"),
            render(current, new, root / "after"),
        )
        edited = restore_edited(deleted, renderings.born)
        say("The kit has these files no longer, but you edited them; keep or delete them", edited)
        if "own_files" not in new:  # an adopted application has no sample
            releases = Releases(
                template,
                version,
                new["package_name"],
                lambda commit: render(
                    extract(template, commit, root / commit), old, root / f"by-{commit}"
                ),
                {
                    git("-C", template, "rev-parse", f"{version}^{{commit}}")
                    .decode()
                    .strip(): renderings.born
                },
            )
            stand_ins = {
                file.name: file.read_bytes()
                for file in (current / "includes" / "without_sample").iterdir()
            }
            own_files = OwnFiles(
                renderings,
                releases,
                mine,
                lambda answers: render(current, answers, root / "others"),
                stand_ins,
            )
            own_files.follow(translated, new)
    if "own_files" in new:
        return set()  # the locks of an adopted application are its own
    was, now = (managers[answers["dependency_manager"]] for answers in (translated, new))
    for lock in was.locks:
        if lock not in now.locks and Path(lock).exists():
            write(lock, None)
    return gone_packages(renderings, now.manifests)


if __name__ == "__main__":
    say_missing(follow(Path(sys.argv[1]), *sys.argv[2:]))
