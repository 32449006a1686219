"""What documents of a project tell people to do, done as it is written there."""

import re
import signal
import subprocess
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import ClassVar

import generated
import programs
import pytest
import stacks
from container_promises import Deployed
from stacks import Stack

FIRST_PAGE = "README.md"
COMMAND = r"`((?:docker|make) [^`…]+)`"
ADDRESS = re.compile(r"<http://localhost:(\d+)(/[^>]*)?>")
PORT = re.compile(r"\$\{(\w+_PORT):-(\d+)\}")
ROW = re.compile(r"^\| ([^|]+) \| .*`make .*\|$", re.MULTILINE)
# As on a machine without the dependency manager
IN_CONTAINER = {"IN": "container"}


def commands(project: Path, words: str, document: str = FIRST_PAGE) -> list[str]:
    """Read the commands in the one line of a document with some words, or in the block below."""
    text = (project / document).read_text("utf-8")
    (line,) = (line for line in text.splitlines() if words in line)
    found = re.findall(COMMAND, line)
    if not found:
        block = re.search(r"\n```console\n(.+?)\n```", text.partition(line)[2], re.DOTALL)
        assert block, f"{document} has no commands for {words}"
        found = block[1].splitlines()
    return found


def do(stack: Stack, command: str, **environment: str) -> str:
    """Run a command of a document as the developer; return what it prints."""
    environment = {**stack.environment, **environment}
    result = stacks.execute("bash", "-euc", command, cwd=stack.project, **environment)
    stacks.give_to_developer(stack.project)
    stack.addresses.clear()  # its containers may be others now
    assert result.returncode == 0, f"{command}\n{result.stdout[-5000:]}"
    return result.stdout


def addresses(project: Path) -> list[str]:
    """List the addresses of the first page, with the ports of .env."""
    variables = {
        usual: name
        for name, usual in PORT.findall((project / "compose.override.yaml").read_text("utf-8"))
    }
    ports = generated.parse_environment((project / ".env").read_text("utf-8"))
    found = ADDRESS.findall((project / FIRST_PAGE).read_text("utf-8"))
    return [f"http://127.0.0.1:{ports[variables[port]]}{path}" for port, path in found]


def answers(address: str) -> bool:
    """Say whether there is something at an address."""
    return stacks.ask(address).status == HTTPStatus.OK


class Columns(Deployed):
    """The models of the sample change by the book, whatever the framework and the database."""

    step_back: ClassVar[tuple[str, ...]] = ("alembic", "downgrade", "-1")  # of a migration

    def test_a_column_is_added_to_rows_that_are_there(self, development: Stack) -> None:
        project = development.project
        (seed,) = commands(project, "| see something in it |")
        revise, migrate = commands(project, "| change a model |")
        document = (project / "docs" / "database.md").read_text("utf-8")
        (column,) = re.findall(r"`mapped_column\((server_default=.+?)\)` in the model", document)
        models = development.package / "notes" / "models.py"
        original = models.read_text("utf-8")
        field = f"    colour: Mapped[str] = mapped_column(String(20), {column})\n"
        revisions = project / "migrations" / "versions"
        before = set(revisions.glob("*.py"))

        assert "\nKept " in do(development, seed)
        assert "\nKept nothing: there are notes already.\n" in do(development, seed)
        notes = development.ask("/api/notes").json()
        assert notes["total"] > 0
        models.write_text(original + field, "utf-8")
        try:
            do(development, revise)
            (written,) = set(revisions.glob("*.py")) - before
            try:
                do(development, migrate)
                stacks.eventually(lambda: development.ask("/api/notes").status == 200)
                assert development.ask("/api/notes").json() == notes
            finally:
                development.compose("run", "--rm", "migrate", *self.step_back)
                written.unlink()
        finally:
            models.write_text(original, "utf-8")
        stacks.eventually(lambda: development.ask("/api/notes").status == 200)


class Manual(Columns):
    """A developer's and an operator's day by the book: every test reads what it does there."""

    # The rows of the first page's table that are tried below
    TRIED: ClassVar[set[str]] = {
        *("follow the logs", "stop", "start over", "check all", "add a dependency"),
        *("change a model", "see something in it", "open a shell"),
    }

    def test_every_row_with_a_target_is_tried(self, project: Path) -> None:
        page = (project / FIRST_PAGE).read_text("utf-8")
        assert set(ROW.findall(page.partition("\n## Daily work\n")[2])) == self.TRIED

    def test_logs_are_followed(self, development: Stack) -> None:
        (follow,) = commands(development.project, "| follow the logs |")
        asked = development.ask("/api/notes").headers["X-Request-ID"]
        command = f"grep --max-count=1 {asked} < <(timeout 60 {follow} 2>/dev/null)"
        assert asked in do(development, command)

    def test_a_shell_opens(self, development: Stack) -> None:
        (shell,) = commands(development.project, "| open a shell |")
        owner = development.project.stat().st_uid
        assert f"\n{owner}\n" in do(development, f"echo 'id -u' | {shell}")

    @pytest.mark.thorough  # so does the next one
    def test_tests_run(self, development: Stack) -> None:
        (test,) = commands(development.project, "| test |")
        assert " passed" in do(development, test)

    def test_all_is_checked_in_a_container(self, development: Stack) -> None:
        check, *parts = commands(development.project, "| check all |")
        assert parts == [f"make {part}" for part in ("lint", "types", "test")]
        said = do(development, check, **IN_CONTAINER)
        for part in ("All checks passed!", "Success: no issues found", " passed"):
            assert part in said

    def test_a_dependency_is_added_to_what_runs(self, development: Stack) -> None:
        project = development.project
        (add,) = commands(project, "| add a dependency |")
        name = add.partition("NAME=")[2]
        look = ("exec", "-T", "web", "python", "-c", f"import {name}")
        assert development.try_compose(*look).returncode != 0
        patterns = ("pyproject.toml", "Pipfile", "*.lock", "requirements/*")
        before = {file: file.read_bytes() for file in generated.files(project, *patterns)}
        try:
            do(development, add, **IN_CONTAINER)
            development.compose(*look)
            stacks.eventually(lambda: development.ask("/ready").status == 200)
        finally:
            for file, content in before.items():
                file.write_bytes(content)
        development.compose("up", "--build", "--detach", "--wait")
        assert development.try_compose(*look).returncode != 0

    def test_a_backup_is_restored(self, development: Stack) -> None:
        project = development.project
        dump, restore = commands(project, "## Backups", "docs/database.md")
        kept = development.ask("/api/notes", content={"title": "Tide"}).json()
        file = re.findall(r"dumps/\S+", do(development, dump))[-1]
        target = re.findall(r"FILE=(\S+)", restore)[0]
        (project / file).rename(project / target)
        path = f"/api/notes/{kept['id']}"
        development.ask(path, method="DELETE")
        do(development, restore)
        assert development.ask(path).json() == kept

    def test_all_is_removed_and_started_again(self, development: Stack) -> None:
        project = development.project
        slug = generated.read_answers(project)["project_slug"]
        image = f"{slug}:development"
        (clean,) = commands(project, "| start over |")
        (begin,) = commands(project, "All you need is")
        do(development, clean)
        own = f"--filter=label=com.docker.compose.project={slug}"
        for left in (("ps", "--all", own), ("volume", "ls", own), ("images", image)):
            assert programs.run("docker", *left, "--quiet") == "", left
        started = subprocess.Popen(["bash", "-c", f"exec {begin}"], cwd=project)
        try:
            for address in addresses(project):
                stacks.eventually(partial(answers, address), 120)
        finally:
            started.send_signal(signal.SIGINT)
            started.wait(timeout=60)
        development.compose("up", "--detach", "--wait")

    def test_production_is_stopped_and_started(self, production: Stack) -> None:
        project = production.project
        (stop,) = commands(project, "| stop |")
        (option,) = re.findall(r"both also with `(STACK=\w+)`", (project / FIRST_PAGE).read_text())
        (begin,) = commands(project, "## Production")
        kept = production.ask("/api/notes", content={"title": "Tide"}).json()
        do(production, f"{stop} {option}")
        assert production.compose("ps", "--all", "--quiet") == ""
        do(production, begin)
        assert production.ask(f"/api/notes/{kept['id']}").json() == kept
