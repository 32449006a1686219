"""Merges a version of the template into a project, file by file and three ways.

Copier does so too, with a patch whose outcome it does not check, and which git's configuration can
spoil. What it did to the files of the template is therefore replaced: the result follows from what
was committed and from two renderings alone, and is compared with the files once it is written.
"""

import os
import re
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from git import git, names

LABELS = ("before updating", "last update", "after updating")
LINK, PROGRAM, PLAIN = "120000", "100755", "100644"
CODE_BLOCK = re.compile(rb"^```.*?^```", re.MULTILINE | re.DOTALL)

# Lines of the template that were rephrased, and how they read before.
EARLIER = (
    (rb"^COPY --chmod=\d+ ", rb"COPY "),
    (rb"^COPY --chmod=\d+ ", rb"COPY --link "),
    (rb"^COPY --from=", rb"COPY --link --from="),
    (rb"^( +- \S+)[:,]z$", rb"\1"),  # what is mounted, for SELinux
    (rb"\$\(DOCKER\)", rb"docker"),
    (rb"\$\(DOCKER\) build --secret \S+", rb"docker build"),
)

# Limits of a Compose service that were numbers before they became settings.
EARLIER_LIMITS = {
    b"web": {b"cpus": b'"1"', b"memory": b"512M", b"pids": b"200"},
    b"proxy": {b"memory": b"256M"},
}


class File(NamedTuple):
    """A file as git keeps it."""

    mode: str
    blob: str  # the name of its content


Tree = Mapping[str, File]


class Outcome(NamedTuple):
    """What an update makes of a file."""

    file: File | None  # that the work tree has then, if any
    conflict: tuple[File | None, File | None, File | None] | None = None  # base, mine, theirs
    # Of the conflict: "marked" in the text, "whole" or "dropped" by the template; or a document of
    # which the user has "rewritten" every sentence, and which is left alone
    kind: str = ""


def committed() -> Tree:
    """Read the last commit of the project, which is the current folder."""
    entries = (entry.split("\t", 1) for entry in names("ls-tree", "-r", "-z", "HEAD"))
    return {path: File(*about.split()[::2]) for about, path in entries if " blob " in about}


def rendered(folder: Path) -> Tree:
    """Read a rendering, and let git keep its contents."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    text = b"".join(os.fsencode(file) + b"\n" for file in files)
    blobs = git("hash-object", "-w", "--no-filters", "--stdin-paths", text=text).decode().split()
    return {
        file.relative_to(folder).as_posix(): File(
            PROGRAM if os.access(file, os.X_OK) else PLAIN, blob
        )
        for file, blob in zip(files, blobs, strict=True)
    }


def content(file: File | None) -> bytes:
    """Read what git keeps; nothing of no file."""
    return git("cat-file", "blob", file.blob) if file else b""


def decide(path: str, base: File | None, mine: File | None, theirs: File | None) -> Outcome:
    """Merge the template's change of a file with the user's."""
    if base == theirs or mine == theirs:
        return Outcome(mine)
    if mine == base:
        return Outcome(theirs)
    if mine is None:
        return Outcome(None)  # what a user deletes stays deleted
    unmerged = (base, mine, theirs)
    if theirs is None:
        return Outcome(mine, unmerged, "dropped")
    if LINK in (mine.mode, theirs.mode):
        return Outcome(mine, unmerged, "whole")
    mode = theirs.mode if base and mine.mode == base.mode else mine.mode
    ours = content(mine)
    if path.endswith(".md") and not sentences(ours) & sentences(content(base)):
        return Outcome(mine, kind="rewritten")
    old, new = (with_ends_of(ours, content(file)) for file in (base, theirs))
    old, ours = (in_words_of(new, text) for text in (old, ours))
    old, new = (with_pins_of(ours, text) for text in (old, new))
    text, has_conflict = merge_texts(old, ours, new)
    if (has_conflict and not text) or not holds(old, ours, text):
        return Outcome(mine, unmerged, "whole")
    merged = File(mode, git("hash-object", "-w", "--stdin", text=text).decode().strip())
    return Outcome(merged, unmerged, "marked") if has_conflict else Outcome(merged)


def sentences(text: bytes) -> set[bytes]:
    """List the lines of a document that say something: every README may have the others.

    Commands are in code blocks, and stay the same in other words.
    """
    prose = CODE_BLOCK.sub(b"", text)
    return {line.strip() for line in prose.splitlines() if len(line.split()) > 4}


def with_ends_of(mine: bytes, text: bytes) -> bytes:
    """Give a text the ends of lines that the user's version has."""
    if 0 < mine.count(b"\n") == mine.count(b"\r\n"):
        return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return text


def in_words_of(theirs: bytes, text: bytes) -> bytes:
    """Rephrase lines as the template has done since: see EARLIER, and registries.

    Otherwise it would conflict with whatever users have written beside or behind that.
    """
    for line in set(theirs.splitlines()):
        for words, earlier_words in EARLIER:
            if (earlier := re.sub(words, earlier_words, line)) != line:
                whole = rb"^%s(?=\r?$)" % re.escape(earlier)
                text = re.sub(whole, lambda _: line, text, flags=re.MULTILINE)  # noqa: B023
    for service, limits in EARLIER_LIMITS.items():
        block = re.compile(rb"^  %s:\n(?:    .*\n)+" % service, re.MULTILINE)
        for limit, number in limits.items():
            new = re.search(rb"^ +%s: .*$" % limit, b"".join(block.findall(theirs)), re.MULTILINE)
            old = re.compile(rb"^ +%s: %s(?=\r?$)" % (limit, number), re.MULTILINE)
            if new:
                text = block.sub(lambda found: old.sub(new[0], found[0]), text)  # noqa: B023
    for registry, name in set(re.findall(rb" (docker\.io/(?:library/)?)([\w./-]+):", theirs)):
        earlier = rb"^(FROM| +(?:- name|image):) (?=%s:)" % re.escape(name)
        text = re.sub(earlier, rb"\1 " + registry, text, flags=re.MULTILINE)
    return text


def with_pins_of(mine: bytes, text: bytes) -> bytes:
    """Pin the images of a text to the digests that the user's version has for the same tags.

    Otherwise each line that names one would conflict with what the template writes beside it.
    """
    for image, digest in set(re.findall(rb"^(?:FROM| +image:) (\S+)(@\S+)", mine, re.MULTILINE)):
        named = rb"^((?:FROM| +image:) %s)(?=\s)" % re.escape(image)
        text = re.sub(named, rb"\1" + digest, text, flags=re.MULTILINE)
    return text


def merge_texts(base: bytes, mine: bytes, theirs: bytes) -> tuple[bytes, bool]:
    """Merge three texts, and say whether there is a conflict; b"" of what git takes for binary."""
    if base == theirs:
        return mine, False
    if base == mine:
        return theirs, False
    with TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("mine", "base", "theirs")]
        for file, text in zip(files, (mine, base, theirs), strict=True):
            file.write_bytes(text)
        labels = [word for label in LABELS for word in ("-L", label)]
        command = ["git", "merge-file", "-p", *labels, *map(str, files)]
        result = subprocess.run(command, capture_output=True, check=False)
    return result.stdout, result.returncode != 0


def holds(base: bytes, mine: bytes, result: bytes) -> bool:
    """Say whether a result has each line that the user wrote."""
    written = Counter(mine.splitlines()) - Counter(base.splitlines())
    return written <= Counter(result.splitlines())


def decide_all(base: Tree, mine: Tree, theirs: Tree) -> dict[str, Outcome]:
    """Decide about each file of the template."""
    return {
        path: Outcome(None)
        if is_behind_link(path, mine)
        else decide(path, base.get(path), mine.get(path), theirs.get(path))
        for path in sorted(base.keys() | theirs.keys())
    }


def is_behind_link(path: str, mine: Tree) -> bool:
    """Say whether a folder above a path is a link that the user committed."""
    folders = (mine.get(parent.as_posix()) for parent in Path(path).parents)
    return any(folder.mode == LINK for folder in folders if folder)


def set_links_aside(leave: str) -> None:
    """Take committed links but one out of the work tree until :func:`write_all`.

    Copier would write through them, over files that need not belong to the project.
    """
    for path, file in committed().items():
        if path != leave and file.mode == LINK and Path(path).is_symlink():
            Path(path).unlink()


def write_all(outcomes: Mapping[str, Outcome], mine: Tree, leave: set[str]) -> list[str]:
    """Write what was decided, and give back everything else as it was committed.

    Some files are left as they are. Return those that could not be written as they should be.
    """
    for path in outcomes:
        if f"{path}.rej" not in mine:
            Path(f"{path}.rej").unlink(missing_ok=True)
    record({path: [outcome.file] for path, outcome in outcomes.items()}, mine)
    options = ("--name-only", "-z", "--relative", "--no-renames", "--ignore-submodules=all")
    spoilt = (set(names("diff", *options, "HEAD")) & mine.keys()) - outcomes.keys() - leave
    wanted = {path for path, outcome in outcomes.items() if outcome.file} | spoilt
    # git leaves alone what seems to be as it should be. A folder goes before the link it replaced.
    for path in (*outcomes, *spoilt):
        delete(Path(path))
    attributes = {path for path in wanted if Path(path).name == ".gitattributes"}
    for paths in (attributes, wanted - attributes):  # git writes the others as these say
        text = b"".join(os.fsencode(path) + b"\0" for path in sorted(paths))
        git("checkout-index", "--force", "--index", "-z", "--stdin", text=text)
    unwritten = wanted & set(names("diff-files", *options))
    record({path: outcome.conflict or [mine.get(path)] for path, outcome in outcomes.items()}, mine)
    return sorted(unwritten)


def record(stages: Mapping[str, Sequence[File | None]], mine: Tree) -> None:
    """Write into git's index what each path is, or what the three sides of its conflict are."""
    prefix = git("rev-parse", "--show-prefix").rstrip(b"\n")
    nobody = f"0 {'0' * len(next(iter(mine.values())).blob)}"
    entries = []
    for path, files in stages.items():
        first = 0 if len(files) == 1 else 1
        texts = [f"{file.mode} {file.blob} {n}" for n, file in enumerate(files, first) if file]
        for text in (nobody, *texts):
            entries.append(text.encode() + b"\t" + prefix + os.fsencode(path) + b"\0")
    git("update-index", "-z", "--index-info", text=b"".join(entries))


def delete(file: Path) -> None:
    """Delete a file, and the folders that are empty then; a link above it leads elsewhere."""
    if any(map(Path.is_symlink, file.parents)) or (file.is_dir() and not file.is_symlink()):
        return
    file.unlink(missing_ok=True)
    for folder in file.parents:
        if not folder.is_dir() or any(folder.iterdir()):
            break
        folder.rmdir()
