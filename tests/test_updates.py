"""An update brings what is new and leaves alone what belongs to the user."""

import re
import shutil
from pathlib import Path

import generated
import programs
import pytest
import questions
import stacks
import updating
from repository import ROOT
from updating import commit, compare, copy, git, run_update, start

RELEASE = "v0.1.0"
PROJECTS: dict[str, questions.Answers] = {
    "default": {},
    "flask-pip-sqlite": {"framework": "flask", "dependency_manager": "pip", "database": "sqlite"},
    "no-database": {"database": "none", "ci": "none", "license": "mit"},
}
# What the sample of each domain has got since then: it belongs to the user, and stays as it was.
SAMPLES = {
    "notes": {"notes/models.py", "notes/routes.py", "notes/schemas.py"},
    "texts": {"texts/figures.py", "texts/routes.py", "texts/schemas.py"},
}
COMMANDS = {"commands.py", "notes/seed.py"}
PAGES = {
    *(f"notes/{name}.py" for name in ("forms", "pages", "store")),
    *(f"static/{name}" for name in ("favicon.svg", "style.css")),
    *(f"templates/{name}.html" for name in ("base", "error", "forms", "note", "notes")),
}
OF_EACH_KIND = pytest.mark.parametrize("project", PROJECTS, indirect=True)


@pytest.fixture(scope="module")
def releases(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clone the template with its releases, the newest being the work tree with new things."""
    clone = updating.clone_with_releases(template, tmp_path_factory.mktemp("releases"))
    for path, text in {
        "template/.editorconfig": "\n[*.md]\nmax_line_length = off\n",
        "template/tests/test_logs.py.jinja": "\n\n# new in the template\n",
        "template/src/{{ package_name }}/notes/models.py.jinja": "\n\n# new in the sample\n",
        "template/src/{{ package_name }}/texts/figures.py": "\n\n# new in the sample\n",
    }.items():
        file = clone / path
        file.write_text(file.read_text("utf-8") + text, "utf-8")
    (clone / "template" / "scripts" / "new.sh").write_text("#!/bin/sh\n", "utf-8")
    updating.release(clone)
    return clone


@pytest.fixture
def project(request: pytest.FixtureRequest, releases: Path, tmp_path: Path) -> Path:
    """Make a project from the first release and commit it."""
    answers = PROJECTS[getattr(request, "param", "default")]
    return start(releases, tmp_path / "project", RELEASE, answers)


@OF_EACH_KIND
def test_an_untouched_project_becomes_what_a_new_one_would_be(
    releases: Path, project: Path, tmp_path: Path, bare_path: str
) -> None:
    run_update(project, bare_path)
    answers = {
        key: value for key, value in generated.read_answers(project).items() if key[0] != "_"
    }
    fresh = copy(releases, tmp_path / "fresh", updating.NEWEST, answers)
    sample = SAMPLES["texts" if answers["database"] == "none" else "notes"]
    changed = {f"src/harbour_api/{path}" for path in sample}
    if answers["database"] != "none":
        changed |= {"tests/test_commands.py", "tests/test_notes.py"}
        changed |= {f"src/harbour_api/{path}" for path in COMMANDS}
    if answers["framework"] == "flask":
        changed |= {f"src/harbour_api/{path}" for path in PAGES} | {"tests/test_pages.py"}
        if answers["database"] != "none":
            changed.add("src/harbour_api/api.py")
    assert compare(project, fresh) == changed


def test_an_update_says_that_production_has_another_port(
    releases: Path, project: Path, bare_path: str
) -> None:
    said = "give PRODUCTION_PORT what WEB_PORT was, or PRODUCTION_PORT=8000"
    assert said in run_update(project, bare_path)

    commit(project, "Update")
    updating.git(releases, "tag", "v99.0.1")
    assert said not in run_update(project, bare_path)


@OF_EACH_KIND
def test_the_edits_of_a_user_survive(project: Path, bare_path: str) -> None:
    package = project / "src" / "harbour_api"
    sample = next(package.glob("*/schemas.py"))
    sample.write_text("MINE = True\n", "utf-8")
    shutil.rmtree(sample.parent / "__pycache__", ignore_errors=True)
    deleted = [
        next(project.glob("tests/test_[nt]*[ts].py")),
        project / "scripts" / "healthcheck.py",
    ]
    for file in deleted:
        file.unlink()
    own = package / "mine.py"
    own.write_text("MINE = True\n", "utf-8")
    readme = project / "README.md"
    readme.write_text(readme.read_text("utf-8") + "\n## Ours\n", "utf-8")
    commit(project, "Edit")

    run_update(project, bare_path)

    assert sample.read_text("utf-8") == "MINE = True\n"
    assert own.exists()
    assert not any(file.exists() for file in deleted)
    assert readme.read_text("utf-8").endswith("\n## Ours\n")
    assert "max_line_length" in (project / ".editorconfig").read_text("utf-8")
    assert "# new in the template" in (project / "tests" / "test_logs.py").read_text("utf-8")
    assert (project / "scripts" / "new.sh").exists()


def test_an_edit_on_the_same_line_is_marked_as_a_conflict(project: Path, bare_path: str) -> None:
    logs_test = project / "tests" / "test_logs.py"
    logs_test.write_text(logs_test.read_text("utf-8") + "\n\n# mine\n", "utf-8")
    commit(project, "Edit")
    run_update(project, bare_path, conflicts=["tests/test_logs.py"])
    assert "# mine" in logs_test.read_text("utf-8")
    assert "# new in the template" in logs_test.read_text("utf-8")


def test_a_file_that_git_ignores_is_not_written_over(project: Path) -> None:
    """Copier would write over the new one, delete the old one, and git could not help."""
    old, new = project / ".editorconfig", project / ".vscode" / "extensions.json"
    new.parent.mkdir()
    for file in (old, new):
        file.write_text("mine\n", "utf-8")
    (project / ".gitignore").write_text(".editorconfig\n.vscode/\n", "utf-8")
    git(project, "rm", "--quiet", "--cached", old)
    commit(project, "Keep the settings of my editor to myself")

    result = stacks.execute("copier", "update", "--defaults", "--trust", cwd=project)

    assert result.returncode == 1
    sentence = "git does not track .editorconfig, .vscode/extensions.json, and could not restore"
    assert result.stdout.splitlines()[-1].startswith(sentence)
    assert [file.read_text("utf-8") for file in (old, new)] == ["mine\n", "mine\n"]
    assert git(project, "status", "--porcelain") == ""


def test_a_readme_that_was_written_anew_can_be_skipped(project: Path, bare_path: str) -> None:
    readme = project / "README.md"
    readme.write_text("# Ours\n", "utf-8")
    commit(project, "Edit")
    run_update(project, bare_path, "--skip", "README.md")
    assert readme.read_text("utf-8") == "# Ours\n"


def test_the_package_is_renamed_as_the_documentation_says(project: Path, bare_path: str) -> None:
    text = (ROOT / "docs" / "updates.md").read_text("utf-8")
    commands = re.findall(r"^[12]\. .*`(git .+)`$", text, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        programs.run("sh", "-c", command, cwd=project)
    answers = project / ".copier-answers.yml"
    answers.write_text(answers.read_text("utf-8").replace("harbour_api", "quay_api"), "utf-8")
    commit(project, "Rename")

    run_update(project, bare_path)

    assert [folder.name for folder in (project / "src").iterdir()] == ["quay_api"]
    assert "harbour_api" not in "".join(generated.read_tree(project / "src").values())
    assert "# new in the template" in (project / "tests" / "test_logs.py").read_text("utf-8")
