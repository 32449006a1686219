"""A changed answer rewrites the project and leaves nothing of the old choice; no edit is lost."""

import re
import runpy
import shutil
from pathlib import Path
from typing import Any

import copier
import generated
import pytest
import questions
import stacks
import updating
import yaml
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from questions import Answers
from repository import ROOT
from sampling import some
from updating import (
    NEWEST,
    clone_with_releases,
    commit,
    compare,
    copy,
    git,
    release,
    run_update,
    start,
)

from extensions import decisions

ALL_SERVICES = {"task_queue": "celery", "cache": "valkey", "reverse_proxy": "nginx"}
NO_SERVICES = dict.fromkeys(ALL_SERVICES, "none")
CHANGES: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "pip to uv, slim to distro": (
        NEWEST,
        {"dependency_manager": "pip"},
        {"dependency_manager": "uv", "base_image": "distro"},
    ),
    "uv to poetry, github to gitlab": (
        NEWEST,
        {"framework": "cli", "license": "mit"},
        {"dependency_manager": "poetry", "ci": "gitlab", "dependency_updates": "renovate"},
    ),
    "poetry to pipenv, everything added": (
        NEWEST,
        {"dependency_manager": "poetry"},
        {"dependency_manager": "pipenv", "python_version": "3.13", **ALL_SERVICES},
    ),
    "everything removed": (
        NEWEST,
        {"framework": "flask", "database": "none"} | ALL_SERVICES,
        NO_SERVICES,
    ),
    "none to postgresql": (NEWEST, {"database": "none"} | ALL_SERVICES, {"database": "postgresql"}),
    "postgresql to none": (NEWEST, {"framework": "flask"}, {"database": "none"}),
    "a job gets a database": (
        NEWEST,
        {"framework": "job"},
        {"database": "mysql", "cache": "redis"},
    ),
    "v0.1.0, sqlite to postgresql": (
        "v0.1.0",
        {"database": "sqlite", "ci": "none"},
        {"database": "postgresql", "task_queue": "celery"},
    ),
    "v0.1.1, pip to pipenv": (
        "v0.1.1",
        {"framework": "flask", "dependency_manager": "pip"},
        {"dependency_manager": "pipenv", "database": "mariadb", "cache": "redis"},
    ),
}
ROUTES = "src/harbour_api/notes/routes.py"
COMMANDS = ("src/harbour_api/commands.py", "tests/test_commands.py")
REFUSED = {
    "framework": ("flask", "make a new project and move your code there"),
    "package_name": ("store", "run git mv src/harbour_api src/store"),
}


@pytest.fixture(scope="module")
def releases(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clone the template with its releases and the work tree as the next one."""
    clone = clone_with_releases(template, tmp_path_factory.mktemp("releases"))
    release(clone, NEWEST)
    return clone


@pytest.fixture
def project(releases: Path, tmp_path: Path) -> Path:
    """Make the default project and commit it."""
    return start(releases, tmp_path / "project", NEWEST, {})


def change(project: Path, path: str, answers: dict[str, str], *conflicts: str) -> str:
    """Change answers without a change of version; return what is said."""
    data = [f"--data={key}={answer}" for key, answer in answers.items()]
    return run_update(project, path, "--vcs-ref", ":current:", *data, conflicts=list(conflicts))


def fresh(releases: Path, project: Path, folder: Path) -> Path:
    """Make a new project with the answers of another."""
    answers = {
        key: value for key, value in generated.read_answers(project).items() if key[0] != "_"
    }
    return copy(releases, folder, NEWEST, answers)


def append(file: Path, text: str) -> None:
    """Write something at the end of a file."""
    file.write_text(file.read_text("utf-8") + text, "utf-8")


def locks_of(answers: dict[str, str]) -> list[str]:
    """List the locks of a project's dependency manager."""
    managers = decisions.read_choices()["dependency_manager"]
    return list(managers[answers.get("dependency_manager", "uv")]["locks"])


@pytest.mark.parametrize("name", some(CHANGES, one_in=4))
def test_a_project_becomes_what_a_new_one_with_these_answers_would_be(
    releases: Path, tmp_path: Path, bare_path: str, name: str
) -> None:
    version, answers, changes = CHANGES[name]
    project = start(releases, tmp_path / "project", version, answers)
    for lock in locks_of(answers):
        (project / lock).write_text("locked\n", "utf-8")
    (project / "mine.txt").write_text("mine\n", "utf-8")
    commit(project, "Lock")

    data = [f"--data={key}={answer}" for key, answer in changes.items()]
    run_update(project, bare_path, *data)

    different = compare(project, fresh(releases, project, tmp_path / "fresh"))
    has_same_manager = locks_of(answers) == locks_of(answers | changes)
    # The version of Python stays there, for when it is asked for again.
    remembered = {".copier-answers.yml"} if changes.get("base_image") == "distro" else set()
    locks = set(locks_of(answers) if has_same_manager else ())
    assert different == {"mine.txt"} | remembered | locks
    empty = [path for path in project.rglob("*") if path.is_dir() and not any(path.iterdir())]
    assert [path for path in empty if ".git" not in path.parts] == []


def test_edits_survive_a_change_of_answers(project: Path, bare_path: str) -> None:
    routes, own, page = (
        project / ROUTES,
        project / "src/harbour_api/berths.py",
        project / "README.md",
    )
    routes.write_text(
        routes.read_text("utf-8").replace("oldest first", "the oldest first"), "utf-8"
    )
    append(page, "\n## Ours\n")
    own.write_text("MINE = True\n", "utf-8")
    (project / "tests" / "test_notes.py").unlink()
    commit(project, "Edit")

    change(project, bare_path, {"cache": "valkey", "database": "mariadb"})

    text = routes.read_text("utf-8")
    assert "the oldest first" in text
    assert "await cache.forget(cache_key(note.id))" in text
    assert page.read_text("utf-8").endswith("\n## Ours\n")
    assert own.exists()
    assert not (project / "tests" / "test_notes.py").exists()
    assert (project / "tests" / "test_cached_notes.py").exists()


def test_a_conflict_with_changed_answers_is_marked_and_said(project: Path, bare_path: str) -> None:
    routes = project / ROUTES
    original = routes.read_text("utf-8")
    edited = original.replace("import func, select", "import desc, func, select")
    routes.write_text(edited, "utf-8")
    commit(project, "Edit")

    said = change(project, bare_path, {"task_queue": "celery"}, ROUTES)

    assert f"Both you and the answers changed these files; resolve them: {ROUTES}\n" in said
    text = routes.read_text("utf-8")
    assert "<<<<<<< before updating\n" in text
    assert "from sqlalchemy import desc, func, select\n" in text
    assert "from sqlalchemy import delete, func, select\n" in text
    assert git(project, "show", f":1:{ROUTES}") == original
    assert git(project, "show", f":2:{ROUTES}") == edited
    assert "NoteFigures" in git(project, "show", f":3:{ROUTES}")


def test_an_edited_file_of_the_old_choice_is_given_back_as_a_conflict(
    releases: Path, tmp_path: Path, bare_path: str
) -> None:
    answers = {"dependency_manager": "pip", "cache": "redis"}
    project = start(releases, tmp_path / "project", NEWEST, answers)
    edited = [".github/workflows/ci.yml", "requirements/base.in", "tests/test_cached_notes.py"]
    for name in edited:
        append(project / name, "# mine\n")
    commit(project, "Edit")

    changes = {"dependency_manager": "uv", "cache": "none", "ci": "gitlab"}
    said = change(project, bare_path, changes, *edited)

    assert f"you edited them; keep or delete them: {', '.join(edited[:2])}\n" in said
    assert f"you edited them; keep or delete them: {edited[2]}\n" in said
    assert all((project / name).read_text("utf-8").endswith("# mine\n") for name in edited)
    assert git(project, "status", "--short", *edited) == "".join(f"UD {name}\n" for name in edited)
    assert compare(project, fresh(releases, project, tmp_path / "fresh")) == set(edited)


def test_a_domain_of_ones_own_is_not_exchanged_for_the_sample(
    releases: Path, tmp_path: Path, bare_path: str
) -> None:
    project = start(releases, tmp_path / "project", NEWEST, {"database": "none"})
    append(project / "src/harbour_api/texts/figures.py", "\n\nMINE = True\n")
    commit(project, "Edit")

    said = change(project, bare_path, {"database": "postgresql"})

    assert "Your domain stays as it is, since it is not the sample: src/harbour_api/texts\n" in said
    assert not (project / "src/harbour_api/notes").exists()
    assert (project / "src/harbour_api/database.py").exists()
    assert "texts" in (project / "src/harbour_api/api.py").read_text("utf-8")


def test_a_deleted_sample_does_not_come_back_in_part(project: Path, bare_path: str) -> None:
    notes = project / "src/harbour_api/notes"
    shutil.rmtree(notes)
    (notes / "__pycache__").mkdir(parents=True)  # which development writes
    (notes / "__pycache__" / "routes.cpython-314.pyc").write_bytes(b"\0")
    (project / "src/harbour_api/api.py").write_text('"""Mine."""\n', "utf-8")
    for path in COMMANDS:
        (project / path).unlink()
    commit(project, "Delete the sample")

    said = change(project, bare_path, {"cache": "valkey", "task_queue": "celery"})

    assert "these files of it were not written: migrations/versions/0002" in said
    assert "tests/test_cached_notes.py" in said
    assert "Missing: " not in said
    assert generated.files(notes, "*.py") == []
    assert "from ." not in (project / "src/harbour_api/schedule.py").read_text("utf-8")
    for path in ("tests/test_cached_notes.py", *COMMANDS):
        assert not (project / path).exists(), path
    assert (project / "src/harbour_api/api.py").read_text("utf-8") == '"""Mine."""\n'
    assert (project / "src/harbour_api/cache.py").exists()


def test_an_untouched_sample_is_exchanged_after_any_updates(
    releases: Path, tmp_path: Path, bare_path: str
) -> None:
    first = next(iter(updating.releases()))
    project = start(releases, tmp_path / "project", first, {})
    run_update(project, bare_path)
    commit(project, "Update")

    change(project, bare_path, {"database": "none"})

    assert compare(project, fresh(releases, project, tmp_path / "fresh")) == set()


def test_what_is_missing_after_a_change_is_said(project: Path, bare_path: str) -> None:
    append(project / "src/harbour_api/notes/schemas.py", "\n\nMINE = True\n")
    commit(project, "Edit")

    said = change(project, bare_path, {"database": "none", "task_queue": "celery"})

    assert "Your domain stays as it is, since it is not the sample: src/harbour_api/notes\n" in said
    missing = dict(re.findall(r"^Missing: (.+), imported by (.+)$", said, re.MULTILINE))
    assert [*missing] == ["alembic", "click", "harbour_api.database", "sqlalchemy"]
    assert missing["click"] == ", ".join(COMMANDS)
    assert f"src/harbour_api/notes/models.py, {ROUTES}" in missing["harbour_api.database"]
    assert "from ." not in (project / "src/harbour_api/schedule.py").read_text("utf-8")


def test_revisions_that_ran_are_history(project: Path, bare_path: str) -> None:
    versions = project / "migrations" / "versions"
    figures = "migrations/versions/0002_create_note_figures.py"
    change(project, bare_path, {"task_queue": "celery"})
    commit(project, "Add Celery")
    assert sorted(path.name for path in versions.iterdir())[1] == Path(figures).name

    said = change(project, bare_path, {"task_queue": "none"})
    assert f"write a revision as with these, by make revision: {figures}\n" in said
    assert (project / figures).exists()

    commit(project, "Remove Celery")
    assert "write a revision" not in change(project, bare_path, {"task_queue": "celery"})

    git(project, "reset", "--quiet", "--hard", "HEAD~2")
    (versions / "20260101_berths.py").write_text("MINE = True\n", "utf-8")
    commit(project, "Write a revision")
    said = change(project, bare_path, {"task_queue": "celery"})
    assert f"write a revision as with these, by make revision: {figures}\n" in said
    assert not (project / figures).exists()


@pytest.mark.parametrize("key", REFUSED)
@pytest.mark.parametrize("command", ["update", "recopy"])
def test_an_impossible_change_is_refused_before_anything_is_written(
    project: Path, command: str, key: str
) -> None:
    answer, advice = REFUSED[key]
    result = stacks.execute(
        "copier",
        *(command, "--defaults", "--trust", f"--data={key}={answer}"),
        *(() if command == "update" else ("--overwrite",)),
        cwd=project,
    )
    assert result.returncode == 1
    assert advice in result.stdout.splitlines()[-1]
    assert "Traceback" not in result.stdout
    assert git(project, "status", "--porcelain") == ""


@pytest.mark.parametrize(("key", "typed"), [("framework", "\x1b[B\r"), ("package_name", "s\r")])
def test_an_impossible_change_is_refused_also_if_it_is_typed(
    project: Path, key: str, typed: str
) -> None:
    with create_pipe_input() as keyboard, create_app_session(keyboard, DummyOutput()):
        keyboard.send_text(typed)
        with pytest.raises(copier.errors.UserMessageError, match=key.split("_")[0]):
            copier.run_update(
                project,
                vcs_ref=copier.VcsRef.CURRENT,
                ask=[key],
                skip_answered=True,
                overwrite=True,
                quiet=True,
                unsafe=True,
            )
    assert git(project, "status", "--porcelain") == ""


def test_a_package_is_renamed_by_git_and_the_answers_file(project: Path, bare_path: str) -> None:
    routes = project / ROUTES
    routes.write_text(
        routes.read_text("utf-8").replace("oldest first", "the oldest first"), "utf-8"
    )
    answers = project / ".copier-answers.yml"
    answers.write_text(
        answers.read_text("utf-8").replace("package_name: harbour_api", "package_name: store"),
        "utf-8",
    )
    commit(project, "Forget the folder")
    refusal = stacks.execute("copier", "update", "--defaults", "--trust", cwd=project)
    assert refusal.returncode == 1
    assert "there is no src/store: correct the file" in refusal.stdout.splitlines()[-1]

    git(project, "mv", "src/harbour_api", "src/store")
    commit(project, "Rename the package")
    change(project, bare_path, {"cache": "valkey"})

    assert not (project / "src" / "harbour_api").exists()
    assert (project / "src" / "store" / "cache.py").exists()
    text = (project / "src" / "store" / "notes" / "routes.py").read_text("utf-8")
    assert "await cache.forget" in text
    assert "the oldest first" in text


def test_the_answers_to_another_template_are_not_taken_over(
    template: Path, tmp_path: Path, bare_path: str
) -> None:
    foreign = "_commit: v1\n_src_path: elsewhere\nname: Harbour\n"
    (tmp_path / ".copier-answers.yml").write_text(foreign, "utf-8")
    command = ("copy", "--defaults", "--trust", "--overwrite")
    refusal = stacks.execute("copier", *command, str(template), ".", cwd=tmp_path, PATH=bare_path)
    assert refusal.returncode == 1
    assert "the answers to another template" in refusal.stdout.splitlines()[-1]
    assert generated.read_tree(tmp_path) == {".copier-answers.yml": foreign}

    own = ("--answers-file", ".copier-answers.slipway.yml")
    copied = stacks.execute(
        "copier", *command, *own, str(template), ".", cwd=tmp_path, PATH=bare_path
    )
    assert copied.returncode == 0, copied.stdout
    assert "Warning" not in copied.stdout
    assert (tmp_path / ".copier-answers.yml").read_text("utf-8") == foreign


# Two releases that could be: the second renames mail, a colour, splits metrics and drops badge.
QUESTIONS = """
mail: {type: str, choices: [none, smtp], default: none}
colour: {type: str, choices: [red, gray], default: red}
metrics: {type: str, choices: [none, pull, both], default: none}
badge: {type: bool, default: true}
"""
LATER_QUESTIONS = """
mail_server: {type: str, choices: [none, smtp], default: none}
colour: {type: str, choices: [red, grey], default: red}
metrics: {type: str, choices: [none, pull], default: none}
traces: {type: bool, default: false}
"""
TRANSLATION = """= {
    "mail": lambda answer: {"mail_server": answer},
    "colour": lambda answer: {"colour": "grey" if answer == "gray" else answer},
    "metrics": lambda answer: (
        {"metrics": "pull", "traces": True} if answer == "both" else {"metrics": answer}
    ),
    "badge": lambda answer: {},
}
"""


@pytest.fixture(scope="module")
def translated(
    releases: Path, tmp_path_factory: pytest.TempPathFactory, bare_path: str
) -> tuple[Path, str]:
    """Update a project to a release that knows its answers by other names."""
    folder = tmp_path_factory.mktemp("translated")
    clone, settings = folder / "releases", folder / "settings.yml"
    git(folder, "clone", "--quiet", releases, clone)
    questions, translation = clone / "copier.yml", clone / "tasks" / "translate.py"
    original = questions.read_text("utf-8")
    for version, more, keys in (
        ("v100.0.0", QUESTIONS, "mail colour metrics badge"),
        ("v101.0.0", LATER_QUESTIONS, "mail_server colour metrics traces"),
    ):
        questions.write_text(original + more, "utf-8")
        text = "".join(f"{key}: {{{{ {key} }}}}\n" for key in keys.split())
        (clone / "template" / "more.txt.jinja").write_text(f"{text}\n\n\nend\n", "utf-8")
        if version == "v101.0.0":
            code = translation.read_text("utf-8")
            assert code.count("]] = {}\n") == 1
            translation.write_text(code.replace("= {}\n", TRANSLATION, 1), "utf-8")
        release(clone, version)
    answers: Answers = {
        "mail": "smtp",
        "colour": "gray",
        "metrics": "both",
        "badge": False,
    }
    project = start(clone, folder / "project", "v100.0.0", answers)
    append(project / "more.txt", "\n# mine\n")
    commit(project, "Edit")
    # What an organisation prefers for new projects does not change the answers of this one.
    settings.write_text("defaults: {mail_server: none, colour: red, traces: false}\n", "utf-8")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("COPIER_SETTINGS_PATH", str(settings))
        run_update(project, bare_path)
    return project, (project / "more.txt").read_text("utf-8")


def test_a_renamed_answer_is_kept(translated: tuple[Path, str]) -> None:
    project, text = translated
    answers = generated.read_answers(project)
    assert answers["mail_server"] == "smtp"
    assert "mail" not in answers
    assert "mail_server: smtp\n" in text


def test_a_renamed_choice_is_kept(translated: tuple[Path, str]) -> None:
    project, text = translated
    assert generated.read_answers(project)["colour"] == "grey"
    assert "colour: grey\n" in text


def test_a_split_answer_is_kept_in_its_parts(translated: tuple[Path, str]) -> None:
    project, text = translated
    answers = generated.read_answers(project)
    assert (answers["metrics"], answers["traces"]) == ("pull", True)
    assert "metrics: pull\ntraces: True\n" in text


def test_a_dropped_answer_goes_and_takes_no_edit_with_it(translated: tuple[Path, str]) -> None:
    project, text = translated
    assert "badge" not in generated.read_answers(project)
    assert "badge" not in text
    assert text.endswith("\n# mine\n")


@pytest.mark.parametrize("version", updating.releases())
def test_every_answer_of_a_release_is_understood(version: str) -> None:
    translate = runpy.run_path(str(ROOT / "tasks" / "translate.py"))["translate"]
    text = git(ROOT, "show", f"{updating.releases()[version]}:copier.yml")
    remembered = stored(questions.read_questions())
    for key, question in stored(yaml.safe_load(text)).items():
        for answer in question.get("choices", {"": question["default"]}).values():
            for now, value in translate({key: answer}).items():
                assert now in remembered, f"{key} of {version} has no entry in tasks/translate.py"
                known = questions.choices().get(now, [value])
                assert value in known, f"{key}: {answer} of {version} has none either"


def stored(questions: dict[str, Any]) -> dict[str, Any]:
    """Select the questions whose answers a project remembers, if they are asked."""
    return {
        key: question
        for key, question in questions.items()
        if not key.startswith("_") and question.get("when") is not False
    }
