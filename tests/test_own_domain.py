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

import expected_merges
import generated
import pytest
import stacks
import updating
from repository import ROOT
from sampling import some
from updating import NEWEST, git

sys.path.insert(0, str(ROOT / "tasks"))

import follow
import imports
import rendering
import sample

PACKAGE = "src/harbour_api"
PYTHON = ("src/**/*.py", "tests/*.py")
RELEASES = list(updating.releases())
PYTEST = ("-m", "pytest", "-q", "--no-cov")
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
# The user's own modules that replace those with the sample in them, and still suit the template.
BARE = {
    "fastapi": {"api.py": 'from fastapi import APIRouter\n\nrouter = APIRouter(prefix="/api")\n'},
    "flask": {"api.py": "from flask import Flask\n\n\ndef init_app(app: Flask) -> None: ...\n"},
    "job": {"job.py": "def run(*args, **kwargs):\n    return {}\n"},
    "cli": {"commands.py": "import typer\n\n\ndef add_commands(app: typer.Typer) -> None: ...\n"},
}
BARE_SCHEDULE = "SCHEDULE = {}\n"
SCHEDULE = ROOT / "template-parts" / "without_sample" / "schedule.py"

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
    for version in updating.releases():
        known = updating.choices(version)
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
    if (project / PACKAGE / "commands.py").exists():
        (project / PACKAGE / "commands.py").unlink()
    for name, text in BARE[str(generated.read_answers(project)["framework"])].items():
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
            for file in generated.files(project, "src/**/*.py", "tests/*.py", "migrations/env.py"):
                text = file.read_text("utf-8")
                for old in (f".{domain} ", f".{domain}."):
                    text = text.replace(old, old.replace(domain, "berths"))
                file.write_text(text, "utf-8")


STATES = {state.__name__: state for state in (leave, edit, delete, delete_but_for_bytecode, rename)}


def users_tests(project: Path) -> list[Path]:
    """List the tests that are the user's."""
    mine = expected_merges.yours()
    return [
        file
        for file in generated.files(project, "tests/*.py")
        if mine.match_file(file.relative_to(project).as_posix())
    ]


def put(project: Path, tree: expected_merges.Tree, is_wanted: Callable[[str], bool]) -> None:
    """Let some files of a project be those of a rendering, and no others."""
    for path in expected_merges.read(project):
        if is_wanted(path) and path not in tree:
            (project / path).unlink()
    for path, content in tree.items():
        if is_wanted(path):
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_bytes(content)


@pytest.fixture
def rendered() -> list[str]:
    """Collect the releases that were rendered to find out who wrote a file."""
    return []


@pytest.fixture
def change_answers(
    rendered: list[str],
    project_of: updating.Renderings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Change:
    """Make a project, change its answers, and return it with what is said."""
    mine = rendering.users_files(project_of.template)
    versions = {commit: version for version, commit in updating.releases().items()}
    head = git(project_of.template, "rev-parse", "HEAD").strip()
    stand_ins = {
        file.name: file.read_bytes()
        for file in generated.files(ROOT / "template-parts" / "without_sample")
    }

    def read(version: str, answers: Answers) -> dict[str, bytes]:
        tree = expected_merges.read(project_of(version, answers))
        return {path: content for path, content in tree.items() if path != expected_merges.ANSWERS}

    def change(
        old: Answers,
        new: Answers,
        release: str,
        state: Callable[[Path], None],
        name: str = "project",
    ) -> Changed:
        project = tmp_path / name
        before, after = read(NEWEST, old), read(NEWEST, new)
        if not project.exists():
            shutil.copytree(project_of(release, old), project)
            put(
                project,
                before,
                lambda path: path != expected_merges.ANSWERS and not mine.match_file(path),
            )
            state(project)
        git(project, "init", "--quiet")
        updating.commit(project, "Live")
        mine_now = expected_merges.read(project)
        for path in before.keys() | after.keys():  # as Copier would, with the template's files
            if not mine.match_file(path):
                merge_template_file(project / path, before.get(path), after.get(path))
        monkeypatch.chdir(project)
        renderings = rendering.Renderings(before, before, after)

        def read_release(commit: str) -> dict[str, bytes]:
            rendered.append(commit)
            return read(versions[commit], old)

        releases = sample.Releases(
            project_of.template,
            NEWEST,
            "harbour_api",
            read_release,
            {head: before},
        )
        own_files = sample.OwnFiles(
            renderings,
            releases,
            mine,
            lambda answers: read(NEWEST, answers),
            stand_ins,
        )
        own_files.follow(
            updating.answers_of(project_of(NEWEST, old)),
            updating.answers_of(project_of(NEWEST, new)),
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


def merge_template_file(file: Path, before: bytes | None, after: bytes | None) -> None:
    """Bring a change of the template into a file, which the user may have edited."""
    content = file.read_bytes() if file.exists() else None
    if before == after or (content is None and before is not None):
        return
    if content is not None and after is not None and content != before:
        merged, is_conflict = expected_merges.merge(before or b"", content, after)
        assert not is_conflict
        after = merged
    if after is None:
        file.unlink()
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(after)


def unresolved(project: Path) -> set[tuple[str, str]]:
    """List what files import from the project that is not there, by looking for it."""
    found = set()
    files = {
        file.relative_to(project).as_posix(): file for file in generated.files(project, *PYTHON)
    }
    for path, file in files.items():
        text = file.read_text("utf-8")
        for node in ast.walk(ast.parse(text if "<<<<<<< " not in text else "")):
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
    # Each framework loses and gets the same kinds of things, so one of them stands for all.
    if old["framework"] == "fastapi"
    or (sum(old[key] != new[key] for key in old) == 1 and state != "delete")
]


@pytest.mark.parametrize(("name", "state"), some(CASES, one_in=4))
def test_what_is_there_can_be_imported_and_what_is_missing_is_said(
    name: str, state: str, change_answers: Change, project_of: updating.Renderings
) -> None:
    old, new = CHANGES[name]
    release = first_with(old) if state == "leave" else NEWEST
    project, edited, _, missing = change_answers(old, new, release, STATES[state])

    conflicts = updating.conflicts_in(project)
    assert set(conflicts) <= edited
    absent = unresolved(project)
    assert absent <= missing
    for imported, file in missing - absent:  # a package, or what is used of a module
        top, _, used = imported.rpartition(".")
        assert not top.startswith("harbour_api") or f".{used}" in (project / file).read_text(
            "utf-8"
        )
    mine = rendering.users_files(project_of.template)
    assert {file for _, file in missing if not mine.match_file(file)} <= edited
    if state == "leave":
        assert (conflicts, missing) == ([], set())
    if state == "edit":
        (schemas,) = project.glob(f"{PACKAGE}/*/schemas.py")
        assert ', ours."""' in schemas.read_text("utf-8")
    if state in ("delete", "delete_but_for_bytecode", "rename"):
        assert generated.files(project, *(f"{PACKAGE}/{domain}/*.py" for domain in DOMAINS)) == []
    if "task_queue" in new:
        schedule = f"{PACKAGE}/schedule.py"
        is_kept = new["task_queue"] == "celery" or schedule in conflicts
        assert (project / schedule).exists() is is_kept


@pytest.mark.parametrize(("framework", "state"), [("fastapi", "delete"), ("flask", "rename")])
def test_a_task_queue_starts_without_the_sample(
    framework: str, state: str, change_answers: Change
) -> None:
    old = {"framework": framework, "database": "sqlite", "task_queue": "none"}
    new = old | {"task_queue": "celery"}
    project, _, said, missing = change_answers(old, new, NEWEST, STATES[state])
    assert (project / PACKAGE / "schedule.py").read_bytes() == SCHEDULE.read_bytes()
    assert "so these files of it were not written: migrations/versions/0002" in said
    assert "write a revision" not in said
    assert missing == set()
    run(project, "-c", "import harbour_api.worker")
    run(project, *PYTEST, "tests/test_task_queue.py")


def test_an_earlier_sample_gets_what_is_new_and_nothing_that_was_deleted(
    change_answers: Change,
) -> None:
    gone = "tests/test_pages.py"

    def delete_a_test(project: Path) -> None:
        git(project, "init", "--quiet")
        updating.commit(project, "Begin")
        (project / gone).unlink()

    old = {"framework": "flask", "database": "postgresql"}
    project, _, said, _ = change_answers(old, old | {"cache": "valkey"}, RELEASES[0], delete_a_test)
    assert said == ""
    for new in ("notes/forms.py", "notes/store.py", "templates/note.html", "static/favicon.svg"):
        assert (project / PACKAGE / new).exists(), new
    assert not (project / gone).exists()


def test_a_schedule_without_entries_goes_with_the_task_queue(change_answers: Change) -> None:
    old = {"framework": "fastapi", "task_queue": "none"}
    new = old | {"task_queue": "celery"}
    project, *_ = change_answers(old, new, NEWEST, delete)
    assert (project / PACKAGE / "schedule.py").exists()
    change_answers(new, old, NEWEST, leave)
    assert not (project / PACKAGE / "schedule.py").exists()
    assert updating.conflicts_in(project) == []


@pytest.mark.parametrize(
    ("framework", "release"),
    [("flask", RELEASES[0]), *(("fastapi", release) for release in RELEASES)],
)
def test_a_sample_of_any_release_is_untouched(
    framework: str, release: str, change_answers: Change, project_of: updating.Renderings
) -> None:
    old = {"framework": framework, "database": "postgresql"}
    new = old | {"database": "none"}
    project, _, said, _ = change_answers(old, new, release, leave)
    assert said == ""
    assert differences(project, project_of(NEWEST, new)) == set()


def test_a_sample_of_another_release_becomes_new_as_a_whole(
    change_answers: Change, project_of: updating.Renderings
) -> None:
    old = {"framework": "fastapi", "database": "postgresql"}
    new = old | {"cache": "valkey"}
    first = RELEASES[0]
    schemas = f"{PACKAGE}/notes/schemas.py"  # no cache changes it, but the routes import it
    assert schemas in updating.compare(project_of(first, old), project_of(NEWEST, old))
    assert schemas not in updating.compare(project_of(NEWEST, old), project_of(NEWEST, new))
    project, *_ = change_answers(old, new, first, leave)
    assert differences(project, project_of(NEWEST, new)) == set()


def test_only_those_releases_are_rendered_that_may_have_written_a_file(
    change_answers: Change, rendered: list[str]
) -> None:
    old = {"framework": "fastapi", "database": "postgresql"}
    new = old | {"database": "none"}
    change_answers(old, new, NEWEST, leave)
    assert rendered == []

    def add(project: Path) -> None:
        (project / PACKAGE / "notes" / "berths.py").write_text("MINE = True\n", "utf-8")

    change_answers(old, new, NEWEST, add, "own")
    assert rendered == []
    change_answers(old, new, NEWEST, edit, "edited")
    assert 0 < len(rendered) < len(RELEASES)


def test_what_imports_a_database_that_has_gone_is_listed(change_answers: Change) -> None:
    old = {"framework": "fastapi", "database": "postgresql", "task_queue": "celery"}
    _, _, said, missing = change_answers(old, old | {"database": "none"}, NEWEST, edit)

    notes = f"{PACKAGE}/notes"
    assert f"Your domain stays as it is, since it is not the sample: {notes}\n" in said
    files = ", ".join(f"{notes}/{name}.py" for name in ("models", "routes", "tasks"))
    assert f"Missing: harbour_api.database, imported by {files}, tests/" in said
    assert ("sqlalchemy", f"{notes}/models.py") in missing
    assert ("alembic", "migrations/versions/0001_create_notes.py") in missing
    assert not [name for name, _ in missing if name.split(".")[0] in ("celery", "pydantic")]


@pytest.mark.parametrize("ends", [("none", "postgresql"), ("postgresql", "none")])
def test_a_domain_of_ones_own_loses_what_goes_and_gets_nothing_made_for_another(
    ends: tuple[str, str], change_answers: Change
) -> None:
    framework = {"framework": "fastapi"}
    old = framework | {"database": ends[0], "cache": "valkey", "task_queue": "celery"}
    new = framework | {"database": ends[1], "cache": "none", "task_queue": "none"}
    project, _, _, missing = change_answers(old, new, NEWEST, edit)
    assert updating.conflicts_in(project) == []
    assert generated.files(project, f"{PACKAGE}/schedule.py", f"{PACKAGE}/*/tasks.py") == []
    assert "cache_key" not in "".join(generated.read_tree(project / PACKAGE).values())
    assert not [name for name, _ in missing if "cache" in name or "redis" in name]

    change_answers(old | {"task_queue": "none"}, new | {"task_queue": "celery"}, NEWEST, edit, "b")
    project = project.with_name("b")
    assert generated.files(project, f"{PACKAGE}/*/tasks.py") == []
    (routes,) = project.glob(f"{PACKAGE}/*/routes.py")
    assert routes.parent.name == ("texts" if ends[0] == "none" else "notes")
    assert (project / PACKAGE / "schedule.py").read_bytes() == SCHEDULE.read_bytes()


@pytest.mark.parametrize("framework", ["fastapi", "flask"])
def test_a_domain_of_ones_own_gets_a_database_whose_tests_pass(
    framework: str, change_answers: Change
) -> None:
    old = {"framework": framework, "database": "none"}
    project, _, said, _ = change_answers(old, old | {"database": "sqlite"}, NEWEST, edit)
    assert said == f"Your domain stays as it is, since it is not the sample: {PACKAGE}/texts\n"
    run(project, *PYTEST, "tests/test_service.py", "tests/test_texts.py")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"cache": "valkey"}, "you have a link in their place or above"),
        ({"database": "none"}, "Your domain stays as it is, since it is not the sample"),
    ],
)
@pytest.mark.parametrize("linked", ["notes", "notes/routes.py"])
def test_nothing_is_written_through_a_link(
    linked: str, changes: Answers, sentence: str, change_answers: Change, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    contents: dict[Path, bytes] = {}

    def link(project: Path) -> None:
        (project / PACKAGE / linked).rename(elsewhere)
        (project / PACKAGE / linked).symlink_to(elsewhere)
        contents.update(read_files())

    def read_files() -> dict[Path, bytes]:
        return {
            file: file.read_bytes() for file in (elsewhere, *elsewhere.rglob("*")) if file.is_file()
        }

    old = {"framework": "fastapi", "database": "postgresql"}
    project, _, said, _ = change_answers(old, {**old, **changes}, NEWEST, link)

    assert (project / PACKAGE / linked).readlink() == elsewhere
    assert read_files() == contents
    assert f"{sentence}: {PACKAGE}/notes" in said


def test_a_sample_keeps_its_ends_of_lines(change_answers: Change) -> None:
    routes = f"{PACKAGE}/notes/routes.py"

    def check_out_as_on_windows(project: Path) -> None:
        for file in generated.files(project, f"{PACKAGE}/notes/*.py"):
            file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))

    def edit_so(project: Path) -> None:
        check_out_as_on_windows(project)
        file = project / routes
        file.write_bytes(file.read_bytes() + b"\r\n# mine\r\n")

    old = {"framework": "fastapi", "database": "postgresql"}
    project, _, said, _ = change_answers(
        old, old | {"database": "none"}, NEWEST, check_out_as_on_windows
    )
    assert said == ""
    assert not (project / routes).exists()

    new = old | {"cache": "valkey"}
    project, _, said, _ = change_answers(old, new, NEWEST, edit_so, "edited")
    text = (project / routes).read_bytes()
    assert said == ""
    assert updating.conflicts_in(project) == []
    assert b"cache_key" in text
    assert text.count(b"\n") == text.count(b"\r\n")


@pytest.mark.parametrize("framework", ["cli", "job"])
def test_migrations_do_without_the_sample(framework: str, change_answers: Change) -> None:
    old = {"framework": framework, "database": "none"}
    project, *_ = change_answers(old, old | {"database": "sqlite"}, NEWEST, delete)
    run(project, *PYTEST, "tests/test_migrations.py")


def test_only_a_domain_that_is_there_is_named(change_answers: Change) -> None:
    old = {"framework": "fastapi", "database": "postgresql"}
    new = old | {"database": "none"}
    project, *_ = change_answers(old, new, NEWEST, edit)
    _, _, said, _ = change_answers(new, old, NEWEST, leave)
    assert said == f"Your domain stays as it is, since it is not the sample: {PACKAGE}/notes\n"
    assert (project / "migrations/versions/0001_create_notes.py").exists()


def test_a_revision_that_is_there_need_not_be_written(change_answers: Change) -> None:
    old = {"framework": "fastapi", "task_queue": "none"}
    new = old | {"task_queue": "celery"}
    sentence = "write a revision as with these, by make revision: migrations/versions/0002"
    project, *_ = change_answers(old, new, NEWEST, leave)
    assert sentence in change_answers(new, old, NEWEST, leave).said
    assert change_answers(old, new, NEWEST, leave).said == ""

    own = project / "migrations" / "versions" / "0003_drop_figures.py"
    own.write_text('def upgrade():\n    op.drop_table("note_figures")\n', "utf-8")
    change_answers(new, old, NEWEST, leave)
    assert sentence in change_answers(old, new, NEWEST, leave).said


def test_the_template_knows_nothing_of_the_sample(project_of: updating.Renderings) -> None:
    mine = rendering.users_files(project_of.template)
    always: dict[str, set[str]] = {}
    needed: dict[str, set[str]] = {}
    for answers in itertools.chain.from_iterable(CHANGES.values()):
        tree = expected_merges.read(project_of(NEWEST, answers))
        framework = answers["framework"]
        always[framework] = always.get(framework, set(tree)) & tree.keys()
        code = imports.Code(tree)
        for path in code.tree:
            if not mine.match_file(path):
                found = set(filter(mine.match_file, code.files_behind(path)))
                needed[framework] = needed.get(framework, set()) | found
                names = rb"\bnotes\b|\btexts\b|note_figures|measurements?\b"
                assert re.findall(names, tree[path]) == [], path
    assert needed
    stand_ins = {file.name for file in generated.files(SCHEDULE.parent)}
    for framework, paths in needed.items():
        assert not [path for path in paths if path.split("/")[2] in DOMAINS]
        assert {Path(path).name for path in paths - always[framework]} <= stand_ins


FILES = {
    "src/app/__init__.py": "",
    "src/app/database.py": "if True:\n    Base = object\n\n\ndef connect(): ...\n",
    "src/app/dynamic.py": "def __getattr__(name): ...\n",
    "src/app/all.py": "from .database import *\n",
    "src/app/berths/models.py": (
        "import sqlalchemy\nimport app.database as tables\nfrom .. import database, dynamic\n"
        "from ..database import Base\nfrom ..dynamic import anything\nfrom ..all import connect\n"
        "from ..gone_before import x\n\ntables.connect()\ndatabase.connect.__name__\n"
    ),
    "tests/unit/test_berths.py": "import helpers\nfrom app.berths import models\n",
    "tests/unit/helpers.py": "",
    "migrations/env.py": "from app.database import connect\n",
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        (
            {"src/app/database.py": None},
            {"app.database": ["migrations/env.py", "src/app/all.py", "src/app/berths/models.py"]},
        ),
        (
            {"src/app/database.py": "Base = object\n"},
            {"app.database.connect": ["migrations/env.py", "src/app/berths/models.py"]},
        ),
        ({"src/app/database.py": "<<<<<<< before updating\n"}, {}),
        ({"tests/unit/helpers.py": None}, {"helpers": ["tests/unit/test_berths.py"]}),
        ({"src/app/berths/models.py": None}, {"app.berths": ["tests/unit/test_berths.py"]}),
        ({"src/new.py": "import helpers\n"}, {}),
        ({"tests/new.py": "import app.nothing"}, {"app.nothing": ["tests/new.py"]}),
    ],
)
def test_what_is_imported_and_no_longer_there_is_found(
    changes: dict[str, str | None], expected: dict[str, list[str]]
) -> None:
    old = {path: text.encode() for path, text in FILES.items()}
    new = {path: text.encode() for path, text in (FILES | changes).items() if text is not None}
    assert imports.vanished(old, new) == expected


def test_a_package_that_is_no_longer_installed_is_found() -> None:
    tree = {path: text.encode() for path, text in FILES.items()}
    assert imports.packages(tree) == {"sqlalchemy"}
    found = imports.vanished(tree, tree, {"sqlalchemy", "app"})
    assert found == {"sqlalchemy": ["src/app/berths/models.py"]}


def differences(project: Path, other: Path) -> set[str]:
    """Name the files that differ, but for the answers."""
    return updating.compare(project, other) - {expected_merges.ANSWERS}


def run(project: Path, *arguments: str) -> None:
    """Run Python in a project, with the packages that it would have."""
    is_asynchronous = generated.read_answers(project)["framework"] == "fastapi"
    result = stacks.execute(
        sys.executable,
        *arguments,
        cwd=project,
        PYTHONPATH="src",
        DATABASE_URL=f"sqlite{'+aiosqlite' if is_asynchronous else ''}:///{project}/app.db",
        SECRET_KEY="tide" * 8,
        DATA_DIR=str(project),
        INPUT_DIR=str(project),
        # Tests end where a broker is named that does not answer.
        **({} if arguments[: len(PYTEST)] == PYTEST else {"BROKER_URL": "redis://127.0.0.1:1"}),
    )
    assert result.returncode == 0, result.stdout
