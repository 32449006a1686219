"""Projects of every earlier release live for a while, are updated, and keep what was done to them.

What became of each edit is printed as a table at the end of the run.
"""

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import edits
import expected_merges
import locking
import project_checks
import pytest
import questions
import updating
from combinations import covering_array, shapes
from repository import ROOT
from sampling import some
from updating import Renderings

RELEASES = list(updating.releases())
LIVES = sorted({kind.life for kind in edits.KINDS})


class Work(NamedTuple):
    """What one edit did: the lines that it wrote in each file, and the files it took away."""

    kind: str
    written: Mapping[str, set[str]]
    deleted: set[str]


class Outcome(NamedTuple):
    """What became of one edit: "clean", "conflict" or "lost"."""

    release: str
    kind: str
    fate: str


HEAD = updating.git(ROOT, "rev-parse", "HEAD").strip()
LAST = [release for release, revision in updating.releases().items() if revision != HEAD][-1]


def rehearsals() -> Iterator[tuple[str, dict[str, str]]]:
    """Choose projects: of the last release so that every two answers meet, of others a sample.

    Each earlier release lives every life once, with answers that go round.
    """
    for number, release in enumerate(RELEASES):
        factors = {**updating.choices(release), "life": LIVES}
        rows = covering_array(list(shapes(factors)), strength=2 if release == LAST else 1)
        if release != LAST:
            turn = rows[number % len(rows) :] + rows[: number % len(rows)]
            rows = [{**row, "life": life} for row, life in zip(turn, LIVES, strict=False)]
        for row in rows:
            yield release, row


REHEARSALS = [
    pytest.param(release, life := row.pop("life"), row, id="-".join((release, life, *row.values())))
    for release, row in rehearsals()
]


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """Collect what became of every edit."""
    return []


def test_every_release_is_rehearsed() -> None:
    released = re.findall(
        r"^## \[(\d\S*)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    assert released
    assert set(RELEASES) == {f"v{version}" for version in released}


@pytest.mark.parametrize(("release", "life", "row"), some(REHEARSALS, one_in=5))
def test_what_was_done_to_a_project_survives_an_update(
    release: str,
    life: str,
    row: questions.Answers,
    project_of: Renderings,
    outcomes: list[Outcome],
    tmp_path: Path,
    bare_path: str,
    record_property: Callable[[str, object], None],
) -> None:
    project = tmp_path / "project"
    shutil.copytree(project_of(release, row), project)
    works = [live(project, kind) for kind in kinds_of(release, life)]
    old, mine, result = expected_merges.update(project, release, project_of, bare_path)

    for work in works:
        if work.written or work.deleted:
            outcome = Outcome(release, work.kind, judge(work, old, mine, result))
            outcomes.append(outcome)
            record_property("rehearsed", tuple(outcome))


def test_no_edit_is_lost_and_hardly_any_conflicts(outcomes: list[Outcome]) -> None:
    assert outcomes, "this sums up the rehearsals above, and none of them has run"
    fates = Counter(outcome.fate for outcome in outcomes)
    assert fates["lost"] == 0
    assert fates["clean"] >= 0.95 * fates.total()


@pytest.mark.docker
@pytest.mark.parametrize(
    ("release", "framework"), some([(LAST, "flask"), (RELEASES[0], "fastapi")], one_in=2)
)
def test_an_updated_project_locks_and_passes_its_own_checks(
    release: str,
    framework: str,
    project_of: Renderings,
    caches: str,
    tmp_path: Path,
    bare_path: str,
) -> None:
    answers = {"framework": framework, "database": "sqlite", "python_version": "3.13"}
    project = tmp_path / "project"
    shutil.copytree(project_of(release, answers), project)
    for kind in kinds_of(release, "growing"):
        if kind.edit is not edits.lock:
            kind.edit(project)
    locking.lock(project)
    expected_merges.update(project, release, project_of, bare_path)
    locking.lock(project)  # which the merge cannot foretell

    assert not updating.conflicts_in(project)
    assert "tenacity" in (project / "uv.lock").read_text("utf-8")
    project_checks.check(project, caches, {**project_checks.tools("uv"), "TARGETS": "check"})


def kinds_of(release: str, life: str) -> list[edits.Kind]:
    """List the edits of a life; earlier releases do not leave all the places to the user."""
    kinds = [kind for kind in edits.KINDS if kind.life == life]
    return [kind for kind in kinds if release == LAST or kind.edit is not edits.fill_places]


def live(project: Path, kind: edits.Kind) -> Work:
    """Edit a project; tell what the edit did."""
    before = expected_merges.read(project)
    kind.edit(project)
    after = expected_merges.read(project)
    written = {
        path: set(expected_merges.lines(after, path)) - set(expected_merges.lines(before, path))
        for path in after
        if path != expected_merges.ANSWERS and after[path] != before.get(path)
    }
    return Work(kind.name, written, before.keys() - after.keys())


def judge(
    work: Work, old: expected_merges.Tree, mine: expected_merges.Tree, result: expected_merges.Tree
) -> str:
    """Tell what became of an edit, in the file that fared worst.

    A line counts if no later edit took it away, and if the template did not write it, too: to an
    update, a package that was renamed as the answers say was never called otherwise.
    """
    fates = {
        expected_merges.fate(
            path,
            written
            & set(expected_merges.lines(mine, path)) - set(expected_merges.lines(old, path)),
            result,
        )
        for path, written in work.written.items()
    }
    if "lost" in fates or work.deleted & result.keys() - mine.keys():
        return "lost"
    return "conflict" if "conflict" in fates else "clean"
