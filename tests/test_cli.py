"""A generated command-line program works from its image, from Compose and from its wheel."""

import json
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import generated
import programs
import pytest
import questions
import stacks
from attacks import ProgramAttacks
from container_promises import (
    ADVICE,
    HOME_CACHE,
    HOME_USE,
    Deployed,
    check_modes,
    missing_a_module,
    write_migration,
)
from packages import Packaged
from stacks import Stack

from extensions.decisions import BUILT_FORMATS

pytestmark = pytest.mark.docker

TEXT = "High tide at noon\n"
FIGURES = {"path": "tide.txt", "characters": 18, "words": 4, "reading_seconds": 1}


@pytest.fixture(scope="class")
def image(project: Path) -> str:
    """Build the production image."""
    programs.run("make", "-C", project, "image")
    return f"{generated.read_answers(project)['project_slug']}:latest"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with a text that is for its owner alone."""
    tmp_path.chmod(0o700)
    with generated.umask(0o077):
        (tmp_path / "tide.txt").write_text(TEXT, "utf-8")
    stacks.give_to_developer(tmp_path)
    return tmp_path


def as_owner(folder: Path) -> str:
    """Say how somebody runs the image on a folder whom it has never heard of."""
    return f"--user={folder.stat().st_uid}:{folder.stat().st_gid}"


def docker_run(image: str, folder: Path, *options: str) -> list[str]:
    """Say how to run the image on a folder, with as few privileges as possible."""
    return [
        *(
            programs.tool("docker"),
            "run",
            "--rm",
            "--read-only",
            as_owner(folder),
            "--cap-drop=ALL",
        ),
        *("--network=none", f"--volume={folder}:/data", *options, image),
    ]


def try_program(command: list[str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a program with its two outputs apart."""
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


@contextmanager
def idle(project: Path, files: tuple[str, ...]) -> Iterator[Stack]:
    """Prepare a stack that need not be up before a command is run, and clean up after it."""
    stack = Stack(project, files)
    yield stack
    stack.compose("down", "--volumes", "--timeout", "3")


class Program(Deployed):
    """What every command-line program promises."""

    @pytest.fixture(scope="class")
    @classmethod
    def development(cls, project: Path) -> Iterator[Stack]:
        """Run commands in the development stack."""
        with idle(project, stacks.DEVELOPMENT) as stack:
            yield stack

    @pytest.fixture(scope="class")
    @classmethod
    def production(cls, project: Path) -> Iterator[Stack]:
        """Run commands in the production stack."""
        with idle(project, stacks.PRODUCTION) as stack:
            yield stack

    def test_it_runs_in_the_work_tree(self, development: Stack) -> None:
        shown = development.compose("run", "--build", "--rm", "cli", "measure", "README.md")
        assert "README.md" in shown

    def test_a_start_without_a_module_says_what_brings_it(self, development: Stack) -> None:
        with missing_a_module(development):
            result = development.try_run("--no-deps", "cli", "--version")
        assert result.returncode == 1
        assert ADVICE in result.stdout.splitlines()[-1]

    def test_its_own_tests_and_linters_pass_inside(self, development: Stack) -> None:
        assert " passed" in development.compose("run", "--rm", "cli", "pytest")
        development.compose(
            "run", "--rm", "cli", "sh", "-c", "ruff check && ruff format --check && mypy"
        )

    def test_a_wheel_and_a_source_distribution_can_be_installed(self, development: Stack) -> None:
        programs.run("make", "-C", development.project, "build-dist")
        program = generated.read_answers(development.project)["project_slug"]
        for kind in ("whl", "tar.gz"):
            script = (
                "unset PYTHONPATH && cd /tmp && python -m venv fresh"
                f" && fresh/bin/pip install --quiet /app/dist/*.{kind} && fresh/bin/{program}"
            )
            shown = development.compose(
                "run", "--rm", "--no-deps", "cli", "sh", "-c", f"{script} --version"
            )
            assert f"{program} 0.1.0" in shown

    def test_the_work_tree_holds_no_file_of_roots(self, development: Stack) -> None:
        development.compose("run", "--rm", "cli", "pytest", "--quiet")
        owners = {path.lstat().st_uid for path in development.project.rglob("*")}
        assert owners == {development.project.stat().st_uid}

    def test_production_has_no_privileges(self, production: Stack) -> None:
        program = production.configuration["cli"]
        assert program["read_only"]
        assert program["cap_drop"] == ["ALL"]
        assert program["security_opt"] == ["no-new-privileges:true"]
        assert "ports" not in program

    def test_it_runs_in_production(self, production: Stack, folder: Path) -> None:
        production.environment["FILES"] = str(folder)
        shown = production.compose(
            "run", "--build", "--rm", as_owner(folder), "cli", "measure", "tide.txt"
        )
        assert "tide.txt" in shown

    def test_whoever_runs_it_may_write_to_the_home(self, image: str, folder: Path) -> None:
        python = docker_run(image, folder, "--tmpfs=/tmp", "--entrypoint=python")
        assert try_program(python, *HOME_USE[1:]).stdout == HOME_CACHE

    def test_the_image_is_the_program(self, image: str) -> None:
        (details,) = json.loads(programs.run("docker", "image", "inspect", image))
        config: dict[str, Any] = details["Config"]
        assert config["User"] == "10001:10001"
        assert not config.get("ExposedPorts")
        assert not config.get("Healthcheck")
        assert "Usage: " in programs.run("docker", "run", "--rm", image)
        assert programs.run("docker", "run", "--rm", image, "--version").endswith(" 0.1.0\n")

    def test_the_image_belongs_to_root_and_all_may_read_it(self, production: Stack) -> None:
        production.compose("build")
        check_modes(production, "cli")


class TestProgramWithoutDatabase(Program, Packaged):
    """The default answers of a command-line program, but for the formats in which it comes."""

    answers: ClassVar[questions.Answers] = {
        "framework": "cli",
        "package_formats": ["wheel", *BUILT_FORMATS],
    }

    def test_json_is_all_that_it_prints(self, image: str, folder: Path) -> None:
        result = try_program(docker_run(image, folder), "measure", "tide.txt", "--format", "json")
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout) == [FIGURES]
        assert result.stderr == ""

    def test_exit_codes_tell_what_was_wrong(self, image: str, folder: Path) -> None:
        command = docker_run(image, folder)
        refused = docker_run(image, folder, "--env=LOG_LEVEL=LOUD")

        missing = try_program(command, "measure", "tide.txt", "missing", "--format", "json")
        assert missing.returncode == 1
        assert missing.stderr == "missing cannot be read: No such file or directory\n"
        assert json.loads(missing.stdout) == [FIGURES]
        assert try_program(command, "measure").returncode == 2
        assert try_program(command, "--colour").returncode == 2
        wrong = try_program(refused, "measure", "tide.txt")
        assert wrong.returncode == 3
        assert wrong.stderr.startswith("LOG_LEVEL is not valid: ")
        assert (wrong.stderr.count("\n"), wrong.stdout) == (1, "")

    def test_it_reads_the_configuration_beside_the_files(self, image: str, folder: Path) -> None:
        name = f"{image.partition(':')[0]}.toml"
        (folder / name).write_text('output_format = "json"\n', "utf-8")
        stacks.give_to_developer(folder)
        result = try_program(docker_run(image, folder), "measure", "tide.txt")
        assert json.loads(result.stdout) == [FIGURES]
        table = docker_run(image, folder, "--env=OUTPUT_FORMAT=table")
        assert "━" in try_program(table, "measure", "tide.txt").stdout

    def test_a_module_beside_the_files_is_not_run(self, image: str, folder: Path) -> None:
        (folder / "typer.py").write_text("raise SystemExit('run by mistake')\n", "utf-8")
        assert try_program(docker_run(image, folder), "--version").returncode == 0

    @pytest.mark.parametrize(("signal", "code"), [("INT", 130), ("TERM", 143)])
    def test_a_signal_ends_it_at_once(
        self, image: str, folder: Path, signal: str, code: int
    ) -> None:
        programs.run("mkfifo", folder / "endless")
        stacks.give_to_developer(folder)
        name = f"harbour-{uuid.uuid4().hex[:8]}"
        command = docker_run(image, folder, f"--name={name}")
        with subprocess.Popen([*command, "measure", "endless"]) as process:
            stacks.eventually(lambda: "endless" in top(name))
            time.sleep(2)  # until it has opened the pipe and waits
            programs.run("docker", "kill", f"--signal={signal}", name)
            assert process.wait(timeout=10) == code


@pytest.mark.thorough
class TestProgramWithPoetryAndPostgresql(Program, ProgramAttacks):
    """A program that keeps what it finds in a database."""

    answers: ClassVar[questions.Answers] = {
        "framework": "cli",
        "dependency_manager": "poetry",
        "database": "postgresql",
        "base_image": "distroless",
    }
    umask = 0o027

    def test_what_it_measures_is_kept_once(self, production: Stack, folder: Path) -> None:
        production.environment["FILES"] = str(folder)
        for _ in range(2):
            production.compose(
                "run", "--build", "--rm", as_owner(folder), "cli", "measure", "tide.txt"
            )
        lines = production.compose("run", "--rm", "-T", "cli", "history", "--format", "json")
        (kept,) = json.loads(lines[lines.index("[\n") :])
        assert (kept["path"], kept["words"]) == ("/data/tide.txt", 4)

    def test_a_stopped_database_is_named(self, production: Stack) -> None:
        production.compose("run", "--build", "--rm", "cli", "history")
        production.compose("stop", "database")
        result = production.try_run("--no-deps", "cli", "history")
        production.compose("start", "database")
        assert result.returncode == 4
        assert "The database failed: " in result.stdout
        assert "Traceback" not in result.stdout

    def test_a_missing_setting_is_named(self, image: str, folder: Path) -> None:
        result = try_program(docker_run(image, folder), "measure", "tide.txt")
        assert result.returncode == 3
        assert result.stderr.startswith("DATABASE_URL is not set: ")

    def test_a_migration_can_be_written(self, development: Stack) -> None:
        write_migration(development, "texts")


@pytest.mark.thorough
class TestProgramWithUvAndMysql(Deployed):
    """What differs with another database."""

    answers: ClassVar[questions.Answers] = {"framework": "cli", "database": "mysql"}

    def test_its_own_tests_pass_inside(self, project: Path) -> None:
        with idle(project, stacks.DEVELOPMENT) as stack:
            assert " passed" in stack.compose("run", "--build", "--rm", "cli", "pytest")


def top(name: str) -> str:
    """List the processes of a container; nothing while it does not run."""
    result = try_program([programs.tool("docker"), "top", name])
    return result.stdout
