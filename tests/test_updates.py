"""An update brings what is new and leaves alone what belongs to the user."""

import filecmp
import shutil
from pathlib import Path
from typing import Any

import copier
import kit
import pytest
import stacks

RELEASE = "v0.1.0"
PROJECTS: dict[str, kit.Answers] = {
    "default": {},
    "flask-pip-sqlite": {"framework": "flask", "dependency_manager": "pip", "database": "sqlite"},
    "no-database": {"database": "none", "ci": "none", "license": "mit"},
}


@pytest.fixture(scope="module")
def releases(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clone the template with its first release and, tagged v99, the work tree with new things."""
    clone = tmp_path_factory.mktemp("releases")
    git(clone.parent, "clone", "--quiet", kit.ROOT, clone)
    git(clone, "tag", "--force", RELEASE, release_commit())
    git(clone, "checkout", "--quiet", "--detach")
    git(clone, "rm", "--quiet", "-r", ".")
    shutil.copytree(template, clone, dirs_exist_ok=True)
    for path, text in {
        "template/.editorconfig": "\n[*.md]\nmax_line_length = off\n",
        "template/tests/test_logs.py.jinja": "\n\n# new in the kit\n",
        "template/src/{{ package_name }}/notes/models.py.jinja": "\n\n# new in the sample\n",
        "template/src/{{ package_name }}/texts/figures.py": "\n\n# new in the sample\n",
    }.items():
        file = clone / path
        file.write_text(file.read_text("utf-8") + text, "utf-8")
    (clone / "template" / "scripts" / "new.sh").write_text("#!/bin/sh\n", "utf-8")
    commit(clone, "Release v99.0.0")
    git(clone, "tag", "v99.0.0")
    return clone


@pytest.fixture(params=PROJECTS)
def project(request: pytest.FixtureRequest, releases: Path, tmp_path: Path) -> Path:
    """Make a project from the first release and commit it."""
    project = tmp_path / "project"
    answers = dict(PROJECTS[request.param])
    copy(releases, project, RELEASE, answers)
    git(project, "init", "--quiet")
    commit(project, "Start")
    return project


def test_an_untouched_project_becomes_what_a_new_one_would_be(
    releases: Path, project: Path, tmp_path: Path, bare_path: str
) -> None:
    update(project, bare_path)
    answers = {key: value for key, value in kit.read_answers(project).items() if key[0] != "_"}
    fresh = copy(releases, tmp_path / "fresh", "v99.0.0", answers)
    different = compare(project, fresh)
    domain = "texts/figures.py" if answers["database"] == "none" else "notes/models.py"
    assert different == {f"src/harbour_api/{domain}"}  # the sample belongs to the user


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

    update(project, bare_path)

    assert sample.read_text("utf-8") == "MINE = True\n"
    assert own.exists()
    assert not any(file.exists() for file in deleted)
    assert readme.read_text("utf-8").endswith("\n## Ours\n")
    assert "max_line_length" in (project / ".editorconfig").read_text("utf-8")
    assert "# new in the kit" in (project / "tests" / "test_logs.py").read_text("utf-8")
    assert (project / "scripts" / "new.sh").exists()


def test_an_edit_on_the_same_line_is_marked_as_a_conflict(project: Path, bare_path: str) -> None:
    logs_test = project / "tests" / "test_logs.py"
    logs_test.write_text(logs_test.read_text("utf-8") + "\n\n# mine\n", "utf-8")
    commit(project, "Edit")
    update(project, bare_path, conflicts=["tests/test_logs.py"])
    assert "# mine" in logs_test.read_text("utf-8")
    assert "# new in the kit" in logs_test.read_text("utf-8")


def release_commit() -> str:
    """Find the commit of the first release, also in a clone that has no tags."""
    log = git(kit.ROOT, "log", "--format=%H", f"--grep=^Release {RELEASE}$")
    assert log.split(), f"no commit is called Release {RELEASE}; a shallow clone cannot be tested"
    return log.split()[0]


def git(folder: Path, *arguments: str | Path) -> str:
    """Run git with an identity of its own."""
    identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.com")
    return kit.run("git", "-C", folder, *identity, *arguments)


def commit(folder: Path, subject: str) -> None:
    """Commit everything."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", subject)


def copy(template: Path, project: Path, version: str, answers: dict[str, Any]) -> Path:
    """Make a project from a version of the template."""
    copier.run_copy(
        str(template),
        project,
        data=answers,
        vcs_ref=version,
        defaults=True,
        quiet=True,
        skip_tasks=True,
        unsafe=True,
    )
    return project


def update(project: Path, path: str, conflicts: list[str] | None = None) -> None:
    """Update a project to the newest version where nothing can lock it; check what clashes."""
    command = ("update", "--defaults", "--trust")
    result = stacks.execute("copier", *command, cwd=project, PATH=path)
    assert result.returncode == 0, result.stdout
    clashes = git(project, "diff", "--name-only", "--diff-filter=U").split()
    assert clashes == (conflicts or [])
    assert not list(project.rglob("*.rej"))


def compare(project: Path, other: Path) -> set[str]:
    """Name the files that differ, or that only one project has."""
    names = {
        file.relative_to(folder).as_posix()
        for folder in (project, other)
        for file in kit.files(folder)
        if ".git" not in file.parts
    }
    return {
        name
        for name in names
        if not (project / name).exists()
        or not (other / name).exists()
        or not filecmp.cmp(project / name, other / name, shallow=False)
    }
