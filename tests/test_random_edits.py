"""Whatever users do to the files of a project, an update loses none of their words."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import merges
import projects
import pytest
from combinations import covering_array
from hypothesis import given, settings
from hypothesis import strategies as st
from projects import Renderings

LAST = list(projects.releases())[-1]
# What can be chosen in every release
PROJECTS = covering_array(
    [{"framework": ["fastapi", "flask"], "dependency_manager": ["uv", "pip"]}], strength=2
)


class RandomEdit(NamedTuple):
    """An edit of a file: numbers stand for the file and the line, whatever there is."""

    name: str
    file: int
    line: int
    end: str


numbers = st.integers(0, 9999)
edits = st.builds(
    RandomEdit,
    st.sampled_from(
        "insert|replace lines|delete lines|append|delete a file|rename a file|add a file".split("|")
    ),
    numbers,
    numbers,
    st.sampled_from(["\n", "\n", "\n", ""]),
)


@settings(max_examples=20)
@given(answers=st.sampled_from(PROJECTS), edits=st.lists(edits, min_size=5, max_size=25))
def test_no_line_of_a_user_is_ever_lost(
    project_of: Renderings,
    tmp_path_factory: pytest.TempPathFactory,
    bare_path: str,
    answers: dict[str, str],
    edits: list[RandomEdit],
) -> None:
    project = tmp_path_factory.mktemp("random") / "project"
    shutil.copytree(project_of(LAST, answers), project)
    coming = merges.read(project_of(projects.NEWEST, projects.answers_of(project)))
    for number, edit in enumerate(edits):
        do(edit, project, f"words of a user, {number}", sorted(coming))
    old, mine, result = merges.update(project, LAST, project_of, bare_path)

    assert not (old.keys() - mine.keys()) & result.keys()
    for path in mine:
        words = {line for line in merges.lines(mine, path) if line.startswith("words of a user")}
        assert words <= set(merges.lines(result, path))


def do(edit: RandomEdit, project: Path, words: str, coming: Sequence[str]) -> None:
    """Edit a file of a project that a number stands for, at a line that another stands for."""
    paths = [path for path in sorted(merges.read(project)) if path != merges.ANSWERS]
    if edit.name == "add a file":
        paths = [path for path in coming if not (project / path).exists()] or ["words.txt"]
    file = project / paths[edit.file % len(paths)]
    text = file.read_text("utf-8").splitlines() if file.exists() else []
    start = edit.line % (len(text) + 1)
    match edit.name:
        case "delete a file":
            file.unlink()
            return
        case "rename a file":
            file.rename(file.with_name(f"renamed_{file.name}"))
            return
        case "delete lines":
            del text[start : start + 3]
        case "replace lines":
            text[start : start + 2] = [words]
        case "append":
            text.append(words)
        case _:
            text.insert(start, words)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(text) + edit.end, "utf-8")
