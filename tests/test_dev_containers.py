"""Editors open projects in development containers, as the Dev Containers CLI does."""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import container_promises
import dap
import generated
import locking
import node_tools
import programs
import pytest
import questions
import stacks
from conftest import Render
from stacks import Stack

from extensions import decisions

CLI = "@devcontainers/cli"
TOOLS = ("curl", "git", "less", "make", "ps", "ssh")
AUTHOR = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "Ada"), ("EMAIL", "ada@example.com"))
}
DEPENDENCY = "pyfiglet"
# How the README adds one, and whatever brings it into the environment
ADDED = {
    "uv": f"uv add {DEPENDENCY}",
    "pip": f"echo {DEPENDENCY} >>requirements/base.in && make lock",
    "poetry": f"poetry add {DEPENDENCY}",
    "pipenv": f"pipenv install {DEPENDENCY}",
}
# Stands in for the repository of the hooks, which is on a forge; the hooks are the real ones.
HOOKS_URL = "https://github.com/pre-commit/pre-commit-hooks"
HOOKS_SETUP = "from setuptools import setup; setup(name='hooks', install_requires=['{}'])\n"
PUBLISH_HOOKS = """
mkdir /tmp/hooks && cd /tmp/hooks && git init --quiet
echo "$HOOKS" >.pre-commit-hooks.yaml && echo "$SETUP" >setup.py
git add . && git commit --quiet --message Hooks && git tag "$REVISION"
git config --global "url./tmp/hooks.insteadOf" "$URL"
"""
COMMIT = """
make hooks
echo 'value  =  1' >src/{package}/berths.py
git add src
git commit --message Berths && exit 9
echo once more
git add src
git commit --message Berths
mkdir --parents .venv/bin
printf '#!/bin/sh\necho machine "$@"\n' >.venv/bin/python
chmod +x .venv/bin/python
env --unset PROJECT_VENV .git/hooks/pre-commit
rm -r .venv
"""
MEASURED = "figures.py"  # where all projects without a table of notes work on a text
RATE = "WORDS_PER_MINUTE"


class Opened:
    """A project that an editor has opened in its development container."""

    def __init__(self, project: Path) -> None:
        """Build and start the container."""
        self.project = project
        self.stack = Stack(project, stacks.DEVELOPMENT)
        result = self.run("up")
        assert result.returncode == 0, result.stderr[-5000:]
        self.container = str(json.loads(result.stdout.splitlines()[-1])["containerId"])

    def command(self, command: str, *arguments: str) -> list[str]:
        """Write a command of the CLI."""
        folder = f"--workspace-folder={self.project}"
        return [*node_tools.command(CLI), command, folder, *arguments]

    def run(self, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the CLI."""
        return subprocess.run(
            self.command(command, *arguments), capture_output=True, text=True, check=False
        )

    def shell(self, script: str, **variables: str) -> str:
        """Run a script where the editor opens its terminals; return what it prints."""
        options = [f"--remote-env={name}={value}" for name, value in variables.items()]
        result = self.run("exec", *options, "sh", "-euc", f"exec 2>&1\n{script}")
        assert result.returncode == 0, (result.stdout + result.stderr)[-5000:]
        return result.stdout


def give(project: Path, owner: int) -> None:
    """Let a tree belong to somebody else, also if a user without privileges runs the tests."""
    chown = ("chown", "--recursive", f"{owner}:{owner}")
    if os.getuid() == 0:
        programs.run(*chown, project)
    else:
        image = decisions.read_images()["python-3.14-slim"]
        programs.run("docker", "run", "--rm", f"--volume={project}:/tree", image, *chown, "/tree")


def owners(project: Path) -> set[int]:
    """List who owns something in a project."""
    return {path.lstat().st_uid for path in (project, *project.rglob("*"))}


class DevContainer:
    """What an editor's development container promises, whatever was answered."""

    answers: ClassVar[questions.Answers]
    owner: ClassVar[int]
    heir: ClassVar[int]  # who gets the tree later
    runs_all_hooks: ClassVar[bool] = False  # those of others need environments of their own

    @pytest.fixture(scope="class")
    @classmethod
    def project(cls, engine: None, render: Render) -> Iterator[Path]:
        """Render and lock a project that belongs to somebody."""
        project = render({**cls.answers, "project_slug": stacks.own_name()})
        with container_promises.prepared(project, 0o022) as clone:
            give(clone, cls.owner)
            yield clone
            give(clone, os.getuid())

    @pytest.fixture(scope="class")
    @classmethod
    def opened(cls, project: Path) -> Iterator[Opened]:
        """Open it."""
        stack = Stack(project, stacks.DEVELOPMENT)
        image = ""
        try:
            opened = Opened(project)
            image = programs.run(
                "docker", "inspect", "--format={{.Config.Image}}", opened.container
            )
            yield opened
        finally:
            stack.compose("down", "--volumes", "--timeout", "3")
            if image:
                programs.run("docker", "image", "rm", "--force", image.strip())

    def debugged(self, opened: Opened, editor: dap.Debugger) -> Callable[[], object]:
        """Let the editor debug the project; return what makes it measure a text."""
        raise NotImplementedError

    def test_it_has_the_tools_and_the_owner(self, opened: Opened) -> None:
        look = f"id -u; for tool in {' '.join(TOOLS)}; do command -v $tool; done"
        user, *found = opened.shell(look).split()
        assert int(user) == self.owner
        assert [Path(path).name for path in found] == list(TOOLS)

    def test_its_tests_and_linters_pass(self, opened: Opened) -> None:
        assert " passed" in opened.shell("make lint test")

    def test_a_commit_runs_the_hooks(self, opened: Opened) -> None:
        configuration = generated.parse(opened.project / ".pre-commit-config.yaml")
        (remote,) = [each for each in configuration["repos"] if each["repo"] == HOOKS_URL]
        opened.shell(
            PUBLISH_HOOKS,
            HOOKS=json.dumps([described(hook["id"]) for hook in remote["hooks"]]),
            SETUP=HOOKS_SETUP.format(f"pre-commit-hooks=={remote['rev'].removeprefix('v')}"),
            REVISION=remote["rev"],
            URL=HOOKS_URL,
            **AUTHOR,
        )
        package = opened.stack.package
        skipped = [] if self.runs_all_hooks else [hook["id"] for hook in remote["hooks"]]
        variables = {**AUTHOR, **locking.index_settings(), "SKIP": ",".join(skipped)}
        said = opened.shell(COMMIT.format(package=package.name), **variables)
        refused, committed = said.split("once more")
        assert re.search(r"ruff format\.+Failed", refused)
        assert re.search(r"mypy\.+Passed", committed)
        assert "Failed" not in committed
        assert "machine -mpre_commit hook-impl" in committed
        assert (package / "berths.py").read_text("utf-8") == "value = 1\n"

    def test_a_dependency_can_be_added(self, opened: Opened) -> None:
        manager = str(generated.read_answers(opened.project)["dependency_manager"])
        settings = locking.index_settings() if manager != "uv" else {}
        opened.shell(
            f"{ADDED[manager]} && make lint && python -c 'import {DEPENDENCY}'", **settings
        )

    def test_the_debugger_stops_at_a_breakpoint_also_after_an_edit(self, opened: Opened) -> None:
        (source,) = (opened.stack.package / "texts").glob(MEASURED)
        lines = source.read_text("utf-8").splitlines()
        line = 1 + next(n for n, text in enumerate(lines) if text.startswith("    return "))
        inside = f"/app/{source.relative_to(opened.project)}"
        editor = dap.Debugger({str(source): line, inside: line})
        measure = self.debugged(opened, editor)
        for rate in (240, 60):
            opened.shell(f"sed -i 's/^{RATE} = .*/{RATE} = {rate}/' {inside}")
            editor.observe(measure, RATE, f"{MEASURED}:{line} {RATE}={rate}")
        opened.shell(f"git checkout --quiet {inside}")

    def test_what_it_writes_is_the_owners(self, opened: Opened) -> None:
        assert owners(opened.project) == {self.owner}

    def test_it_follows_the_owner(self, opened: Opened) -> None:
        give(opened.project, self.heir)
        programs.run("docker", "restart", "--time", "2", opened.container)
        become = ("docker", "exec", "--user=developer", opened.container, "id", "-u")
        stacks.eventually(lambda: int(programs.run(*become)) == self.heir)
        opened.shell(
            "git status; ruff check; pytest --quiet --cov --cov-fail-under=0 tests/test_logs.py;"
            " touch /opt/venv/bin/mine"
        )
        assert owners(opened.project) == {self.heir}

    def test_nothing_is_left_of_it(self, opened: Opened) -> None:
        opened.stack.compose("down", "--volumes", "--timeout", "3")
        slug = generated.read_answers(opened.project)["project_slug"]
        mine = f"label=com.docker.compose.project={slug}"
        for kind in ("container", "volume", "network"):
            command = ("docker", kind, "ls", "--quiet", "--filter", mine)
            assert not programs.run(*command, *(["--all"] if kind == "container" else []))


def described(hook: str) -> dict[str, Any]:
    """Describe a hook as its repository does."""
    kind = hook.removeprefix("check-")
    return {
        "id": hook,
        "name": hook,
        "entry": f"{hook}-fixer" if hook == "trailing-whitespace" else hook,
        "language": "python",
        "types": [kind if kind in ("toml", "yaml") else "text"],
    }


def settings_of(project: Path, name: str, replaced: Mapping[str, str]) -> dict[str, Any]:
    """Read a configuration of launch.json, with values in the place of its variables."""
    text = (project / ".vscode" / "launch.json").read_text("utf-8")
    for variable, value in replaced.items():
        text = text.replace("${" + variable + "}", value)
    (found,) = [each for each in json.loads(text)["configurations"] if each["name"] == name]
    settings: dict[str, Any] = found
    return settings


class WebContainer(DevContainer):
    """The editor attaches to the service that runs in the container."""

    def debugged(self, opened: Opened, editor: dap.Debugger) -> Callable[[], object]:
        stacks.eventually(lambda: opened.stack.ask("/health").status == 200)
        _, port = opened.stack.address("web", 5678).split(":")
        variables = {"workspaceFolder": str(opened.project), "input:debuggerPort": port}
        settings = settings_of(opened.project, "Attach to a container", variables)
        settings["connect"]["port"] = int(port)
        editor.attach(settings)
        return lambda: opened.stack.ask("/api/texts/figures", content={"text": "High tide"})


class ProgramContainer(DevContainer):
    """The editor starts the program in the container."""

    arguments: ClassVar[tuple[str, ...]] = ()
    input: ClassVar[str] = ":"  # the command that makes something to measure

    def debugged(self, opened: Opened, editor: dap.Debugger) -> Callable[[], object]:
        settings = settings_of(opened.project, "Run", {"workspaceFolder": "/app"})
        settings |= {"args": list(self.arguments), "console": "internalConsole"}

        def launch() -> None:
            adapt = f"{self.input} && exec python -m debugpy.adapter"
            command = opened.command("exec", "sh", "-c", adapt)
            with subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            ) as adapter:
                assert adapter.stdin
                assert adapter.stdout
                session = dap.Session(editor, adapter.stdout, adapter.stdin)
                session.begin(settings)
                session.has_ended.wait(dap.PATIENCE)
                adapter.stdin.close()

        return launch


@pytest.mark.docker
class TestFastapi(WebContainer):
    """With Poetry."""

    answers: ClassVar[questions.Answers] = {
        "framework": "fastapi",
        "dependency_manager": "poetry",
        "database": "none",
    }
    owner, heir = stacks.DEVELOPER, 0


@pytest.mark.docker
@pytest.mark.thorough
class TestFlask(WebContainer):
    """With Pipenv."""

    answers: ClassVar[questions.Answers] = {
        "framework": "flask",
        "dependency_manager": "pipenv",
        "database": "none",
    }
    owner, heir = 0, stacks.DEVELOPER


@pytest.mark.docker
@pytest.mark.thorough
class TestProgram(ProgramContainer):
    """With uv, which installs the program, and a database beside it."""

    answers: ClassVar[questions.Answers] = {"framework": "cli", "database": "postgresql"}
    owner, heir = 0, stacks.DEVELOPER
    arguments = ("measure", "README.md")
    runs_all_hooks = True


@pytest.mark.docker
class TestJob(ProgramContainer):
    """With pip."""

    answers: ClassVar[questions.Answers] = {
        "framework": "job",
        "dependency_manager": "pip",
        "database": "none",
    }
    owner, heir = stacks.DEVELOPER, 0
    input = "date +%N >inbox/berths.txt"


def hook_entries(project: Path) -> dict[str, str]:
    """Map each local hook that runs a tool to its command."""
    configuration = generated.parse(project / ".pre-commit-config.yaml")
    (local,) = [each for each in configuration["repos"] if each["repo"] == "local"]
    return {hook["id"]: hook["entry"] for hook in local["hooks"] if hook["language"] == "system"}


@pytest.mark.parametrize("place", ["", "/opt/venv"])
def test_hooks_run_the_tools_of_where_they_are(render: Render, tmp_path: Path, place: str) -> None:
    project = render({})
    venv = project / ".venv" if not place else tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    for tool in ("mypy", "ruff"):
        program = venv / "bin" / tool
        program.write_text('#!/bin/sh\necho "$0 $*"\n', "utf-8")
        program.chmod(0o755)
    own = {"PROJECT_VENV": str(venv)} if place else {}
    shell = shutil.which("sh")
    said = {
        name: stacks.execute(*shlex.split(entry), "a.py", "b c.py", cwd=project, **own).stdout
        for name, entry in hook_entries(project).items()
    }
    assert shell
    start = f"{venv}/bin" if place else ".venv/bin"
    assert said == {
        "ruff-check": f"{start}/ruff check --fix a.py b c.py\n",
        "ruff-format": f"{start}/ruff format a.py b c.py\n",
        "mypy": f"{start}/mypy \n",
    }
