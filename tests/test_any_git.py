"""An update loses no edit, however the user has configured git and whatever a file holds."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import expected_merges
import generated
import pytest
import questions
import repository
import stacks
import updating
from git_configurations import SETTINGS, Settings
from programs import tool
from sampling import some
from updating import Renderings, commit, git

OLD, NEW = "v98.0.0", "v99.0.0"
ANSWERS: questions.Answers = {"license": "mit", "author_name": "Ada Lovelace"}
SERVICE = """
  mirror:
    <<: *hardened
    image: example/mirror:1
    restart: unless-stopped
    deploy:
      resources:
        limits:
          cpus: *processes
          memory: ${WEB_MEMORY:-512M}
          pids: 500
"""
# With "make update" git has a configuration of its own; these get through to it.
NEUTRALIZED = (
    "white space is mended",
    "untracked files are not shown",
    "only explicit bare repositories",
)
Run = Callable[[Settings], "CompletedProcess[str]"]


@pytest.fixture(scope="module")
def releases(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Renderings:
    """Release the template twice; the second time it touches what users edit below."""
    clone = repository.copy_template(tmp_path_factory.mktemp("releases"))
    git(clone, "init", "--quiet")
    updating.release(clone, OLD)
    for path, text in {
        ".editorconfig": "\n[*.md]\nmax_line_length = off\n",
        ".env.example.jinja": "\n# New\nNEWS=1\n",
        "Makefile.jinja": "\nnews: ## Tell what is new\n\t@echo news\n",
        "tests/test_logs.py.jinja": "\n\n# new in the template\n",
    }.items():
        file = clone / "template" / path
        file.write_text(file.read_text("utf-8") + text, "utf-8")
    readme = clone / "template" / "README.md.jinja"
    readme.write_text(readme.read_text("utf-8").replace("\n## ", "\nNews.\n\n## ", 1), "utf-8")
    services = clone / "template-parts" / "services" / "web" / "production.jinja"
    services.write_text(services.read_text("utf-8") + SERVICE, "utf-8")
    (clone / "template" / "scripts" / "news.sh").write_text("#!/bin/sh\n", "utf-8")
    updating.release(clone, NEW)
    return Renderings(clone, tmp_path_factory.mktemp("renderings"))


@pytest.fixture
def project(releases: Renderings, tmp_path: Path) -> Path:
    """Make a project of the first release, under git."""
    project = tmp_path / "project"
    shutil.copytree(releases(OLD, ANSWERS), project)
    git(project, "init", "--quiet")
    commit(project, "Start")
    return project


@pytest.fixture(params=["make update", "copier update"])
def run(request: pytest.FixtureRequest, project: Path, tmp_path: Path, bare_path: str) -> Run:
    """Update the project under a configuration of git."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "copier").symlink_to(tool("copier"))
    command = {
        "make update": ("make", "update"),
        "copier update": ("copier", "update", "--defaults", "--trust"),
    }[request.param]

    def update(settings: Settings) -> "CompletedProcess[str]":
        configuration = tmp_path / "gitconfig"
        configuration.touch()
        for key, value in settings.items():
            git(project, "config", "--file", configuration, key, value)
        path = f"{programs}{os.pathsep}{bare_path}"
        return stacks.execute(
            *command, cwd=project, PATH=path, GIT_CONFIG_GLOBAL=str(configuration)
        )

    return update


@pytest.mark.parametrize(
    ("run", "name"),
    some(
        [
            *(("copier update", name) for name in SETTINGS),
            *(("make update", name) for name in NEUTRALIZED),
        ],
        one_in=8,
    ),
    indirect=["run"],
)
def test_every_edit_survives_every_configuration(
    releases: Renderings, project: Path, run: Run, name: str
) -> None:
    append(project / "README.md", b"\nTwo spaces end this line  \nand a tab this one\t\n")
    append(project / "tests" / "test_logs.py", b"\n\n# mine\n")
    append(project / ".gitignore", "# Häfen\n".encode("latin-1"))
    append(project / "SECURITY.md", b"\0binary")
    (project / "LICENSE").write_bytes("Ours.\n".encode("utf-16"))
    replace(project / ".env.example", b"8000", b"8001")
    replace(
        project / "Makefile", b"##@ Template", b"##@ Ours\n\nseed:\n\t@echo seed \n\n##@ Template"
    )
    replace(project / "compose.prod.yaml", b"memory: ${WEB_MEMORY:-512M}", b"memory: 2G")
    commit(project, "Edit")

    assert_merged(releases, project, run, SETTINGS[name], {"tests/test_logs.py"})

    production = (project / "compose.prod.yaml").read_text("utf-8")
    web, mirror = production.partition("\n  mirror:")[::2]
    assert "memory: 2G" in web
    assert "memory: 2G" not in mirror


@pytest.mark.parametrize("name", ["nothing", "untracked files are not shown"])
def test_what_cannot_be_merged_stays_the_users_beside_the_templates(
    releases: Renderings, project: Path, run: Run, name: str
) -> None:
    (project / ".editorconfig").write_bytes("root = true\n".encode("utf-16"))
    append(project / ".gitattributes", b".env.example -text\n")
    replace(project / ".env.example", b"\n", b"\r\n")
    append(project / ".env.example", "# Häfen\r\n".encode("latin-1"))
    commit(project, "Edit")

    said = assert_merged(releases, project, run, SETTINGS[name], {".editorconfig", ".env.example"})

    assert "yours stay, and git show :3:FILE is the template's: .editorconfig\n" in said
    new = (releases(NEW, ANSWERS) / ".editorconfig").read_text("utf-8")
    assert git(project, "show", ":3:.editorconfig") == new
    assert b"# H\xe4fen\r\n" in (project / ".env.example").read_bytes()


def test_nothing_is_written_through_a_link(
    releases: Renderings, project: Path, run: Run, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("not of this project\n", "utf-8")
    (project / "conventions").mkdir()
    (project / ".editorconfig").rename(project / "conventions" / "editorconfig")
    (project / ".editorconfig").symlink_to("conventions/editorconfig")
    (project / "SECURITY.md").unlink()
    (project / "SECURITY.md").symlink_to(elsewhere)
    (project / "scripts").rename(project / "tools")
    (project / "scripts").symlink_to("tools")
    commit(project, "Link")
    tools = generated.read_tree(project / "tools")

    result = run({})

    assert result.returncode == 0, result.stdout
    assert updating.conflicts_in(project) == [".editorconfig"]
    assert (project / ".editorconfig").readlink() == Path("conventions/editorconfig")
    assert (project / "scripts").readlink() == Path("tools")
    assert elsewhere.read_text("utf-8") == "not of this project\n"
    assert generated.read_tree(project / "tools") == tools
    old = (releases(OLD, ANSWERS) / ".editorconfig").read_text("utf-8")
    assert (project / "conventions" / "editorconfig").read_text("utf-8") == old
    assert "you have a link in place of their folder: scripts/news.sh\n" in result.stdout


@pytest.mark.parametrize("settings", [{}, SETTINGS["untracked files are not shown"]])
def test_an_untracked_file_is_not_written_over(project: Path, run: Run, settings: Settings) -> None:
    (project / "scripts" / "news.sh").write_text("mine\n", "utf-8")
    result = run(settings)
    assert result.returncode != 0, result.stdout
    assert (project / "scripts" / "news.sh").read_text("utf-8") == "mine\n"
    assert git(project, "status", "--porcelain", "-uall") == "?? scripts/news.sh\n"


@pytest.mark.parametrize("flag", ["--skip-worktree", "--assume-unchanged"])
@pytest.mark.parametrize("run", ["copier update", "make update"], indirect=True)
def test_a_change_that_git_overlooks_stays(project: Path, run: Run, flag: str) -> None:
    append(project / "compose.override.yaml", b"# local\n")
    append(project / "Makefile", b"# local\n")
    git(project, "update-index", flag, "compose.override.yaml", "Makefile")

    result = run({})

    assert result.returncode != 0, result.stdout
    assert "--no-skip-worktree" in result.stdout
    for name in ("compose.override.yaml", "Makefile"):
        assert (project / name).read_bytes().endswith(b"# local\n")


@pytest.mark.parametrize("hook", ["prepare-commit-msg", "post-checkout"])
def test_a_hook_that_fails_costs_nothing(
    project: Path, run: Run, tmp_path: Path, hook: str, request: pytest.FixtureRequest
) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / hook).write_text("#!/bin/sh\necho no >&2\nexit 1\n", "utf-8")
    (hooks / hook).chmod(0o755)
    append(project / "tests" / "test_logs.py", b"\n\n# mine\n")
    commit(project, "Edit")

    result = run({"core.hooksPath": str(hooks)})

    if "make" in request.node.callspec.id:
        assert result.returncode == 0, result.stdout
        assert updating.conflicts_in(project) == ["tests/test_logs.py"]
    elif result.returncode != 0:  # Copier runs git as it is
        assert git(project, "status", "--porcelain") == ""


def append(file: Path, text: bytes) -> None:
    """Add bytes to the end of a file."""
    file.write_bytes(file.read_bytes() + text)


def replace(file: Path, old: bytes, new: bytes) -> None:
    """Replace bytes, which have to be there: the first ones, or all ends of lines."""
    text = file.read_bytes()
    assert old in text
    file.write_bytes(text.replace(old, new, -1 if old == b"\n" else 1))


def assert_merged(
    releases: Renderings, project: Path, run: Run, settings: Settings, conflicts: set[str]
) -> str:
    """Update the project; check that each file is what the merge of both changes should be."""
    mine = expected_merges.read(project)
    result = run(settings)
    assert result.returncode == 0, result.stdout
    assert set(updating.conflicts_in(project)) == conflicts
    old, new = (expected_merges.read(releases(version, ANSWERS)) for version in (OLD, NEW))
    assert expected_merges.check(old, mine, new, expected_merges.read(project)) == conflicts
    return str(result.stdout)
