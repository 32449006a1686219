"""What an update makes of the sample, and of a domain in its place, where answers change.

A table of changes and states is tried with what the template renders, without Copier.
"""

import ast
import itertools
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import kit
import merges
import projects
import pytest
from projects import NEWEST, git

sys.path.insert(0, str(kit.ROOT / "tasks"))

import follow
import sample

PACKAGE = "src/harbour_api"
PYTHON = ("src/**/*.py", "tests/*.py")
DOMAINS = ("notes", "texts")
SWITCHES = {
    "database": ("none", "postgresql"),
    "cache": ("none", "valkey"),
    "task_queue": ("none", "celery"),
}
OTHERS = {  # what is answered besides, where one answer changes and where two do
    1: {"database": "postgresql", "cache": "valkey", "task_queue": "celery"},
    2: {"database": "postgresql", "cache": "none", "task_queue": "none"},
}
SWITCHED = {
    "fastapi": ("database", "cache", "task_queue"),
    "flask": ("database", "cache", "task_queue"),
    "job": ("database", "cache"),
    "cli": ("database",),
}
# The user's own modules that replace those with the sample in them, and still suit the kit.
BARE = {
    "fastapi": {"api.py": 'from fastapi import APIRouter\n\nrouter = APIRouter(prefix="/api")\n'},
    "flask": {"api.py": "from flask import Flask\n\n\ndef init_app(app: Flask) -> None: ...\n"},
    "job": {"job.py": "def run(*args, **kwargs):\n    return {}\n"},
    "cli": {"commands.py": "import typer\n\n\ndef add_commands(app: typer.Typer) -> None: ...\n"},
}
BARE_SCHEDULE = "SCHEDULE = {}\n"

Answers = Mapping[str, str]


class Changed(NamedTuple):
    """A project whose answers changed, the files that its user had edited, and what is said."""

    project: Path
    edited: set[str]
    said: str
    missing: set[tuple[str, str]]  # what is said to be, and the file that imports it


Change = Callable[..., Changed]


def changes() -> Iterator[tuple[Answers, Answers]]:
    """List changes of one answer and of two at once, in every direction."""
    for framework, switched in SWITCHED.items():
        for count, others in OTHERS.items():
            known = {key: value for key, value in others.items() if key in switched}
            for keys in itertools.combinations(switched, count):
                for ends in itertools.product((0, 1), repeat=count):
                    old, new = (
                        {
                            key: SWITCHES[key][end ^ side]
                            for key, end in zip(keys, ends, strict=True)
                        }
                        for side in (0, 1)
                    )
                    common = {"framework": framework, **known}
                    yield common | old, common | new


CHANGES = {
    "-".join((*old.values(), "to", *list(new.values())[1:])): (old, new) for old, new in changes()
}


def first_with(answers: Answers) -> str:
    """Find the first release that could give these answers."""
    for version in projects.releases():
        known = projects.choices(version)
        if all(answer == "none" or answer in known.get(key, ()) for key, answer in answers.items()):
            return version
    return NEWEST


def leave(project: Path) -> None:
    """Do nothing."""


def edit(project: Path) -> None:
    """Edit a line of the sample that no answer changes."""
    for schemas in project.glob(f"{PACKAGE}/*/schemas.py"):
        schemas.write_text(schemas.read_text("utf-8").replace('."""', ', ours."""', 1), "utf-8")


def delete(project: Path) -> None:
    """Delete the sample, and what is about it."""
    for domain in DOMAINS:
        shutil.rmtree(project / PACKAGE / domain, ignore_errors=True)
    for test in users_tests(project):
        test.unlink()
    for name, text in BARE[str(kit.read_answers(project)["framework"])].items():
        (project / PACKAGE / name).write_text(text, "utf-8")
    if (project / PACKAGE / "schedule.py").exists():
        (project / PACKAGE / "schedule.py").write_text(BARE_SCHEDULE, "utf-8")


def delete_but_for_bytecode(project: Path) -> None:
    """Delete the sample, but leave what development wrote beside it."""
    delete(project)
    for domain in DOMAINS:
        folder = project / PACKAGE / domain / "__pycache__"
        folder.mkdir(parents=True)
        (folder / "routes.cpython-314.pyc").write_bytes(b"\0")


def rename(project: Path) -> None:
    """Rename the sample, and what imports it."""
    for domain in DOMAINS:
        if (project / PACKAGE / domain).exists():
            (project / PACKAGE / domain).rename(project / PACKAGE / "berths")
            for file in kit.files(project, "src/**/*.py", "tests/*.py", "migrations/env.py"):
                text = file.read_text("utf-8")
                for old in (f".{domain} ", f".{domain}."):
                    text = text.replace(old, old.replace(domain, "berths"))
                file.write_text(text, "utf-8")


STATES = {state.__name__: state for state in (leave, edit, delete, delete_but_for_bytecode, rename)}


def users_tests(project: Path) -> list[Path]:
    """List the tests that are the user's."""
    mine = merges.yours()
    return [
        file
        for file in kit.files(project, "tests/*.py")
        if mine.match_file(file.relative_to(project).as_posix())
    ]


def put(project: Path, tree: merges.Tree, is_wanted: Callable[[str], bool]) -> None:
    """Let some files of a project be those of a rendering, and no others."""
    for path in merges.read(project):
        if is_wanted(path) and path not in tree:
            (project / path).unlink()
    for path, content in tree.items():
        if is_wanted(path):
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_bytes(content)


@pytest.fixture
def change_answers(
    project_of: projects.Renderings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Change:
    """Make a project, change its answers, and return it with what is said."""
    mine = follow.users_files(project_of.template)
    versions = {commit: version for version, commit in projects.releases().items()}
    stand_ins = {
        file.name: file.read_bytes() for file in kit.files(kit.ROOT / "includes" / "without_sample")
    }

    def rendered(version: str, answers: Answers) -> dict[str, bytes]:
        tree = merges.read(project_of(version, answers))
        return {path: content for path, content in tree.items() if path != merges.ANSWERS}

    def change(old: Answers, new: Answers, release: str, state: Callable[[Path], None]) -> Changed:
        project = tmp_path / "project"
        before, after = rendered(NEWEST, old), rendered(NEWEST, new)
        if not project.exists():
            shutil.copytree(project_of(release, old), project)
            put(
                project,
                before,
                lambda path: path != merges.ANSWERS and not mine.match_file(path),
            )
            state(project)
        git(project, "init", "--quiet")
        projects.commit(project, "Live")
        mine_now = merges.read(project)
        for path in before.keys() | after.keys():  # as Copier would, with the kit's files
            if not mine.match_file(path):
                merge_kit(project / path, before.get(path), after.get(path))
        monkeypatch.chdir(project)
        renderings = follow.Renderings(before, before, after)
        releases = sample.Releases(
            project_of.template,
            NEWEST,
            "harbour_api",
            lambda commit: rendered(versions.get(commit, NEWEST), old),
            {},
        )
        own_files = sample.OwnFiles(
            renderings,
            releases,
            mine,
            lambda answers: rendered(NEWEST, answers),
            stand_ins,
        )
        own_files.follow(
            projects.answers_of(project_of(NEWEST, old)),
            projects.answers_of(project_of(NEWEST, new)),
        )
        follow.say_missing(follow.gone_packages(renderings, ["pyproject.toml"]))
        said = capsys.readouterr().err
        edited = {path for path, content in mine_now.items() if before.get(path) != content}
        missing = {
            (name, file)
            for line in re.findall("^Missing: (.+)", said, re.M)
            for name, files in [line.split(", imported by ")]
            for file in files.split(", ")
        }
        return Changed(project, edited, said, missing)

    return change


def merge_kit(file: Path, before: bytes | None, after: bytes | None) -> None:
    """Bring a change of the kit into a file, which the user may have edited."""
    content = file.read_bytes() if file.exists() else None
    if before == after or (content is None and before is not None):
        return
    if content is not None and after is not None and content != before:
        merged, is_clash = merges.merge(before or b"", content, after)
        assert not is_clash
        after = merged
    if after is None:
        file.unlink()
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(after)


def unresolved(project: Path, conflicts: list[str]) -> set[tuple[str, str]]:
    """List what files import from the project that is not there, by looking for it."""
    found = set()
    files = {file.relative_to(project).as_posix(): file for file in kit.files(project, *PYTHON)}
    for path, file in files.items():
        nodes = ast.walk(ast.parse(file.read_bytes())) if path not in conflicts else ()
        for node in nodes:
            if not isinstance(node, ast.ImportFrom):
                continue
            module = node.module or ""
            if node.level:
                folder = file.parents[node.level - 1].relative_to(project / "src")
                module = ".".join((*folder.parts, *filter(None, [module])))
            elif not module.startswith("harbour_api"):
                continue
            place = f"src/{module.replace('.', '/')}"
            source = next(
                (name for name in (f"{place}.py", f"{place}/__init__.py") if name in files), ""
            )
            for name in (alias.name for alias in node.names):
                is_module = {f"{place}/{name}.py", f"{place}/{name}/__init__.py"} & files.keys()
                if not source:
                    found.add((module, path))
                elif not is_module and not defines(files[source].read_text("utf-8"), name):
                    found.add((f"{module}.{name}", path))
    return found


def defines(text: str, name: str) -> bool:
    """Say whether a module has a line that may define a name."""
    return bool(
        re.search(rf"^\s*((async )?def |class |from .+ import .*|import )?{name}\b", text, re.M)
    )


CASES = [
    pytest.param(name, state, id=f"{name}-{state}")
    for name, (old, new) in CHANGES.items()
    for state in STATES
    # Two changes at once differ by their kinds, hardly by the framework.
    if sum(old[key] != new[key] for key in old) == 1
    or (old["framework"] in ("fastapi", "job") and state != "delete")
]


@pytest.mark.parametrize(("name", "state"), CASES)
def test_what_is_there_can_be_imported_and_what_is_missing_is_said(
    name: str, state: str, change_answers: Change, project_of: projects.Renderings
) -> None:
    old, new = CHANGES[name]
    release = first_with(old) if state == "leave" else NEWEST
    project, edited, _, missing = change_answers(old, new, release, STATES[state])

    conflicts = projects.clashes(project)
    assert set(conflicts) <= edited
    absent = unresolved(project, conflicts)
    assert absent <= missing
    for imported, file in missing - absent:  # a package, or what is used of a module
        top, _, used = imported.rpartition(".")
        assert not top.startswith("harbour_api") or f".{used}" in (project / file).read_text(
            "utf-8"
        )
    mine = follow.users_files(project_of.template)
    assert {file for _, file in missing if not mine.match_file(file)} <= edited
    if state == "leave":
        assert (conflicts, missing) == ([], set())
    if state == "edit":
        (schemas,) = project.glob(f"{PACKAGE}/*/schemas.py")
        assert ', ours."""' in schemas.read_text("utf-8")
    if state in ("delete", "delete_but_for_bytecode", "rename"):
        assert kit.files(project, *(f"{PACKAGE}/{domain}/*.py" for domain in DOMAINS)) == []
    if "task_queue" in new:
        schedule = f"{PACKAGE}/schedule.py"
        is_kept = new["task_queue"] == "celery" or schedule in conflicts
        assert (project / schedule).exists() is is_kept
