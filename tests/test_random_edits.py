"""Whatever users do to the files of a project, an update loses none of their words."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import expected_merges
import pytest
import updating
from combinations import covering_array
from git_configurations import ATTRIBUTES, SETTINGS
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from repository import ROOT
from updating import Renderings

sys.path.append(str(ROOT / "tasks"))
import git
import merge

LAST = list(updating.releases())[-1]
# What can be chosen in every release
PROJECTS = covering_array(
    [{"framework": ["fastapi", "flask"], "dependency_manager": ["uv", "pip"]}], strength=2
)
MARK = "words of a user"
FEWEST, MOST = 30, 70  # edits of a project


class RandomEdit(NamedTuple):
    """An edit of a file: numbers stand for the file and the line, whatever there is."""

    name: str
    file: int
    line: int
    end: str


numbers = st.integers(0, 9999)
usual = "insert|replace lines|delete lines|append|delete a file|rename a file|add a file".split("|")
unusual = (
    "repeat a block|end with spaces|begin with a tab|Latin-1|UTF-16|a zero byte|carriage returns"
    "|no last line feed|a program|a link"
).split("|")


def edits_of(names: Sequence[str], fewest: int, most: int) -> "st.SearchStrategy[list[RandomEdit]]":
    """Make up edits of these kinds."""
    ends = st.sampled_from(["\n", "\n", "\n", ""])
    edit = st.builds(RandomEdit, st.sampled_from(names), numbers, numbers, ends)
    return st.lists(edit, min_size=fewest, max_size=most)


@settings(max_examples=8)
@given(
    answers=st.sampled_from(PROJECTS),
    edits=edits_of([*usual, "end with spaces", "repeat a block"], 5, 25),
    configuration=st.sampled_from(list(SETTINGS)),
)
def test_no_line_of_a_user_is_ever_lost(
    project_of: Renderings,
    tmp_path_factory: pytest.TempPathFactory,
    bare_path: str,
    answers: dict[str, str],
    edits: list[RandomEdit],
    configuration: str,
) -> None:
    project = tmp_path_factory.mktemp("random") / "project"
    shutil.copytree(project_of(LAST, answers), project)
    coming = expected_merges.read(project_of(updating.NEWEST, updating.answers_of(project)))
    for number, edit in enumerate(edits):
        do(edit, project, f"{MARK}, {number}", sorted(coming))
    updating.git(project, "init", "--quiet")
    for key, value in SETTINGS[configuration].items():
        updating.git(project, "config", key, value)
    old, mine, result = expected_merges.update(project, LAST, project_of, bare_path)

    assert not (old.keys() - mine.keys()) & result.keys()
    for path in mine:
        words = {line for line in expected_merges.lines(mine, path) if line.startswith(MARK)}
        assert words <= set(expected_merges.lines(result, path))


# With 50 edits each, on average; to shrink an example would take longer than to understand it
@pytest.mark.thorough
@settings(max_examples=200, phases=[Phase.generate])
@given(
    answers=st.sampled_from(PROJECTS),
    edits=edits_of([*usual, *unusual], FEWEST, MOST),
    configuration=st.sampled_from(list(SETTINGS)),
    attributes=st.sampled_from(list(ATTRIBUTES)),
)
def test_ten_thousand_edits_lose_nothing(
    project_of: Renderings,
    tmp_path_factory: pytest.TempPathFactory,
    answers: dict[str, str],
    edits: list[RandomEdit],
    configuration: str,
    attributes: str,
) -> None:
    """Merge as an update does, after the worst that Copier could do to a work tree."""
    old = project_of(LAST, answers)
    new = project_of(updating.NEWEST, updating.answers_of(old))
    project = tmp_path_factory.mktemp("random") / "project"
    shutil.copytree(old, project)
    with (project / ".gitattributes").open("a", encoding="utf-8") as file:
        file.write(ATTRIBUTES[attributes])
    for number, edit in enumerate(edits):
        do(edit, project, f"{MARK}, {number}", sorted(expected_merges.read(new)))
    updating.git(project, "init", "--quiet")
    for key, value in SETTINGS[configuration].items():
        updating.git(project, "config", key, value)
    updating.git(project, "add", "--all", "--force")
    updating.commit(project, "Live")
    updating.git(project, "rm", "--quiet", "-r", "--force", ".")
    updating.git(project, "reset", "--quiet", "--hard")  # line ends become those that are wanted
    mine = read(project)
    with pytest.MonkeyPatch.context() as environment:
        environment.chdir(project)
        for key, value in git.environment().items():
            environment.setenv(key, value)
        merge.set_links_aside(expected_merges.ANSWERS)
        shutil.copytree(new, project, dirs_exist_ok=True)
        committed = merge.committed()
        base, theirs = merge.rendered(old), merge.rendered(new)
        outcomes = merge.decide_all(base, committed, theirs)
        assert merge.write_all(outcomes, committed, set()) == []
    result = read(project)

    conflicts = {path for path, outcome in outcomes.items() if outcome.conflict}
    assert set(updating.conflicts_in(project)) == conflicts
    for path in sorted(mine.keys() | result.keys()):
        if path not in outcomes or base.get(path) == theirs.get(path):
            assert result.get(path) == mine.get(path), path
        elif path in mine:
            lost = words_in(mine[path]) - words_in(result.get(path, b""))
            assert not lost, path
            has_words = bool(words_in(mine[path]))
            assert not (has_words and is_binary(mine[path])) or result[path] == mine[path]
        else:
            assert path not in base or path not in result, f"{path} was deleted, and is back"


def test_a_binary_file_that_became_shorter_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    updating.git(tmp_path, "init", "--quiet")
    monkeypatch.chdir(tmp_path)
    texts = b"\0first\nsecond\n", b"\0first\n", b"\0first\nsecond\nthird\n"
    blobs = [git.git("hash-object", "-w", "--stdin", text=text).decode().strip() for text in texts]
    base, mine, theirs = (merge.File(merge.PLAIN, blob) for blob in blobs)
    assert merge.decide("data", base, mine, theirs) == (mine, (base, mine, theirs), "whole")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("# Ours\n\n- one\n", "rewritten"),
        ("# Ours\n\nText\n\n```console\ndocker compose run --rm web pytest\n```\n", "rewritten"),
        ("# Ours\n\nOnly this sentence of it is left.\n", "marked"),
    ],
)
def test_a_document_that_was_rewritten_from_scratch_is_left_alone(
    text: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    updating.git(tmp_path, "init", "--quiet")
    monkeypatch.chdir(tmp_path)
    begun = "# Harbour\n\n- one\n\nOnly this sentence of it is left.\n\n"
    begun += "```console\ndocker compose run --rm web pytest\n```\n"
    texts = [begun.encode(), text.encode(), begun.replace("- one", "- two").encode()]
    blobs = [git.git("hash-object", "-w", "--stdin", text=text).decode().strip() for text in texts]
    base, mine, theirs = (merge.File(merge.PLAIN, blob) for blob in blobs)

    outcome = merge.decide("README.md", base, mine, theirs)
    assert outcome.kind == kind
    assert (outcome.file == mine) == (kind == "rewritten")
    assert merge.decide("notes.txt", base, mine, theirs).kind == "marked"


def read(project: Path) -> dict[str, bytes]:
    """Map each path of a project to its content, or to where it leads."""
    return {
        path: os.fsencode(file.readlink()) if file.is_symlink() else file.read_bytes()
        for file in project.rglob("*")
        if (file.is_file() or file.is_symlink())
        and not (path := file.relative_to(project).as_posix()).startswith(".git/")
    }


def is_binary(text: bytes) -> bool:
    """Say whether git takes a content for no text."""
    return b"\0" in text[:8000]


def words_in(text: bytes) -> set[bytes]:
    """List the lines of the user in a file, whatever surrounds the words."""
    if is_binary(text):
        return set()
    return {line.strip() for line in text.splitlines() if MARK.encode() in line}


def do(edit: RandomEdit, project: Path, words: str, coming: Sequence[str]) -> None:
    """Edit a file of a project that a number stands for, at a line that another stands for."""
    paths = [
        path for path in sorted(expected_merges.read(project)) if path != expected_merges.ANSWERS
    ]
    if edit.name == "add a file":
        paths = [path for path in coming if not (project / path).exists()] or ["words.txt"]
    file = project / paths[edit.file % len(paths)]
    if file.is_symlink() or file.name == ".gitattributes":
        return
    text = file.read_bytes().decode("latin-1").split("\n") if file.exists() else [""]
    start = edit.line % len(text)
    end = edit.end
    match edit.name:
        case "delete a file":
            file.unlink()
            return
        case "rename a file":
            file.rename(file.with_name(f"renamed_{file.name}"))
            return
        case "a program":
            file.chmod(file.stat().st_mode ^ 0o111)
            return
        case "a link":
            target = file.with_name(f"{file.name}.real")
            file.rename(target)
            file.symlink_to(target.name)
            return
        case "UTF-16":
            file.write_bytes(words.encode("utf-16"))
            return
        case "carriage returns":
            text = [f"{line.rstrip()}\r" for line in text]
        case "no last line feed":
            text, end = [*text[:-1], words], ""
        case "delete lines":
            del text[start : start + 3]
        case "replace lines":
            text[start : start + 2] = [words]
        case "repeat a block":
            text[start:start] = [*text[start : start + 8], words]
        case "append":
            text.append(words)
        case "end with spaces":
            text.insert(start, f"{words}  ")
        case "begin with a tab":
            text.insert(start, f" \t{words}")
        case "Latin-1":
            text.insert(start, f"{words} H\xe4fen")
        case "a zero byte":
            text.insert(start, f"{words} \0")
        case _:
            text.insert(start, words)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(("\n".join(text).removesuffix("\n") + end).encode("latin-1"))
