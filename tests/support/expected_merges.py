"""What an update has to make of each file, worked out with git alone."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import generated
import pathspec
import updating
from repository import ROOT
from updating import Renderings

Tree = Mapping[str, bytes]  # a path to its content

LIMITS = {  # of services, which are settings now
    (b"web:", b'cpus: "1"'),
    (b"web:", b"memory: 512M"),
    (b"web:", b"pids: 200"),
    (b"proxy:", b"memory: 256M"),
}
# What the template no longer has for some answers: an edited one stays, as a conflict
DROPPED = {".github/workflows/publish.yml", "k8s/cronjob.yaml", "k8s/data.yaml", "k8s/inbox.yaml"}
ANSWERS = ".copier-answers.yml"  # Copier writes this anew
CONFLICT = re.compile(r"^<{7} before updating\n.*?^>{7} after updating\n", re.DOTALL | re.MULTILINE)


def read(project: Path) -> dict[str, bytes]:
    """Map the path of each file of a project to its content, without those of git."""
    return {
        path: file.read_bytes()
        for file in generated.files(project)
        if not (path := file.relative_to(project).as_posix()).startswith(".git/")
    }


def yours() -> pathspec.GitIgnoreSpec:
    """Match the files that belong to the user."""
    return pathspec.GitIgnoreSpec.from_lines((ROOT / "yours.gitignore").read_text().splitlines())


def check(old: Tree, mine: Tree, new: Tree, result: Tree) -> set[str]:
    """Check that each file is what the merge of two changes should be; name those with a conflict.

    "old" and "new" are what the template renders, "mine" is what the user had.
    """
    owned, conflicts = yours(), set()
    for path in sorted({*old, *mine, *new, *result} - {ANSWERS}):
        before, ours, theirs = old.get(path), mine.get(path), new.get(path)
        if owned.match_file(path) or before == theirs:
            expected = ours
        elif ours in (before, theirs):
            expected = theirs
        elif ours is None:  # deleted by the user
            expected = None
        elif theirs is None:
            assert path in DROPPED, f"the template drops {path}, which its user has edited"
            expected = ours
            conflicts.add(path)
        else:
            if path.endswith(".md") and is_rewritten(before or b"", ours):
                assert result[path] == ours
                continue
            before, theirs = (with_ends_of(ours, text) for text in (before or b"", theirs))
            before, ours = (in_new_words(theirs, text) for text in (before, ours))
            before, theirs = (pinned_as(ours, text) for text in (before, theirs))
            expected, is_conflict = merge(before, ours, theirs)
            if is_conflict:
                is_text = not any(b"\0" in text for text in (before, ours, theirs))
                assert not is_text or touch(before, ours, theirs), f"{path} conflicts for nothing"
                conflicts.add(path)
        assert result.get(path) == expected, f"{path} is not what both changes make of it"
    return conflicts


def is_rewritten(before: bytes, ours: bytes) -> bool:
    """Say whether no line of five words or more is left of what the template wrote, but code."""
    before, ours = (b"".join(text.split(b"```")[::2]) for text in (before, ours))
    kept = {b" ".join(line.split()) for line in before.splitlines()} & {
        b" ".join(line.split()) for line in ours.splitlines()
    }
    return all(line.count(b" ") < 4 for line in kept)


def merge(before: bytes, ours: bytes, theirs: bytes) -> tuple[bytes, bool]:
    """Merge two changes of a file as git does; say whether they conflict."""
    labels = [f"-L{label}" for label in ("before updating", "last update", "after updating")]
    with TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("ours", "before", "theirs")]
        for file, content in zip(files, (ours, before, theirs), strict=True):
            file.write_bytes(content)
        command = ["git", "merge-file", "-p", *labels, *map(str, files)]
        result = subprocess.run(command, capture_output=True, check=False)
    return (ours if result.returncode > 127 else result.stdout), result.returncode != 0


def with_ends_of(ours: bytes, text: bytes) -> bytes:
    """Give a text carriage returns if the user's version has them throughout."""
    if b"\r\n" in ours and not re.search(rb"(?<!\r)\n", ours):
        return re.sub(rb"\r?\n", b"\r\n", text)
    return text


def in_new_words(theirs: bytes, text: bytes) -> bytes:
    """Replace what is said in other words since by what the template has in its place."""
    for line in theirs.splitlines():
        if found := re.fullmatch(rb"COPY --chmod=\d{3} (.*)", line):
            text = text.replace(b"\nCOPY " + found[1] + b"\n", b"\n" + line + b"\n")
        if line.startswith(b"COPY --from="):
            text = text.replace(line.replace(b"COPY", b"COPY --link"), line)
        if found := re.search(rb"( docker[.]io/(?:library/)?)([^ :]+:)", line):
            for word in (b"FROM", b"image:", b"name:"):
                text = text.replace(word + b" " + found[2], word + found[0])
        for earlier in (
            line[:-2] if line.endswith((b":z", b",z")) else line,
            line.replace(b"$(DOCKER)", b"docker"),
            line.replace(
                b"$(DOCKER) build --secret id=netrc,env=INDEX_CREDENTIALS", b"docker build"
            ),
        ):
            text = b"\n".join(line if own == earlier else own for own in text.split(b"\n"))
    return with_new_limits(theirs, text)


def with_new_limits(theirs: bytes, text: bytes) -> bytes:
    """Write limits of Compose services that the user did not choose as the template does."""
    lines, service = text.split(b"\n"), b""
    for number, line in enumerate(lines):
        service = line.strip() if re.match(rb"  \w+:$", line) else service
        if (service, line.strip()) in LIMITS:
            name = line.split(b":")[0]
            block = theirs.partition(b"\n  " + service + b"\n")[2]
            if found := re.match(rb"(?:    .*\n)*?(%s:.*)\n" % name, block):
                lines[number] = found[1]
    return b"\n".join(lines)


def pinned_as(ours: bytes, text: bytes) -> bytes:
    """Give the images of a text the digests that the user gave to the same names."""
    for line in ours.splitlines():
        words = line.split()
        if words[:1] in ([b"FROM"], [b"image:"]) and b"@" in line:
            prefix = line[: line.index(b"@")]
            text = b"\n".join(
                own.replace(prefix, line.split(b" AS ")[0], 1)
                if own.removesuffix(b"\r").split(b" AS ")[0] == prefix
                else own
                for own in text.split(b"\n")
            )
    return text


def touch(before: bytes, ours: bytes, theirs: bytes) -> bool:
    """Say whether two changes of a file concern the same lines or adjoining ones."""
    mine, their = changed_lines(before, ours), changed_lines(before, theirs)
    return any(a <= d and c <= b for a, b in mine for c, d in their)


def changed_lines(before: bytes, after: bytes) -> list[tuple[int, int]]:
    """List the gaps between lines at which each change of a file begins and ends."""
    with TemporaryDirectory() as folder:
        old, new = Path(folder, "old"), Path(folder, "new")
        old.write_bytes(before)
        new.write_bytes(after)
        options = ("--no-index", "--no-indent-heuristic", "--unified=0")  # as a merge compares
        command = ["git", "diff", *options, "--", str(old), str(new)]
        difference = subprocess.run(command, capture_output=True, check=False).stdout.decode(
            errors="replace"
        )
    changes = []
    for line, count in re.findall(r"^@@ -(\d+)(?:,(\d+))? ", difference, re.MULTILINE):
        length = int(count or 1)
        start = int(line) if length == 0 else int(line) - 1
        changes.append((start, start + length))
    return changes


def fate(path: str, lines: set[str], result: Tree) -> str:
    """Tell what became of lines that a user wrote in a file: "clean", "conflict" or "lost".

    The digest of an image may have moved to another stage, on which that of its line stands now.
    """
    content = result.get(path, b"")
    text = content.decode()
    lines = set(in_new_words(content, "\n".join(sorted(lines)).encode()).decode().splitlines())
    for stage in re.findall(r"^FROM pip( AS \w+)$", text, re.MULTILINE):
        pinned = {line for line in lines if "@" in line and line.endswith(stage)}
        lines = lines - pinned | {line.replace(stage, " AS pip") for line in pinned}
    if not lines <= set(text.splitlines()):
        return "lost"
    return "clean" if lines <= set(CONFLICT.sub("", text).splitlines()) else "conflict"


def lines(tree: Tree, path: str) -> list[str]:
    """List the lines of a file, which need not exist."""
    return tree.get(path, b"").decode().splitlines()


def update(
    project: Path, release: str, project_of: Renderings, path: str
) -> tuple[Tree, Tree, Tree]:
    """Commit and update a project, also what git would ignore, and check the merge.

    Return what the release had rendered, and the project before the update and after it.
    """
    updating.git(project, "init", "--quiet")
    updating.git(project, "add", "--all", "--force")
    updating.commit(project, "Live")
    mine = read(project)
    answers = updating.answers_of(project)

    conflicts = updating.update(project, path)

    result = read(project)
    old, new = (read(project_of(ref, answers)) for ref in (release, updating.NEWEST))
    assert check(old, mine, new, result) == set(conflicts)
    assert not [name for name in result if name.endswith(".rej")]
    return old, mine, result
