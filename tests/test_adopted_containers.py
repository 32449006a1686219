"""Adopted applications build, run and are tested in containers."""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import container_promises
import generated
import locking
import programs
import pytest
import stacks
from adoption import adopt, copy_application, own_files, write_application
from container_promises import HOME_CACHE, use_home
from repository import ROOT
from sampling import some
from stacks import Stack

pytestmark = pytest.mark.docker

# What somebody does whose editor has opened the development container
WORK_IN_EDITOR = """
id -u
touch /app/mine /opt/venv/bin/mine
rm /app/mine /opt/venv/bin/mine
for tool in curl git less make ps ssh; do command -v "$tool" >/dev/null || echo "$tool"; done
"""


class Adopted:
    """An adopted application and its two Compose environments."""

    name: ClassVar[str]
    options: ClassVar[tuple[str, ...]] = ()
    umask: ClassVar[int] = 0o022  # of whoever cloned it, and works on it
    path: ClassVar[str] = "/"  # of a page
    text: ClassVar[str]  # on it
    source: ClassVar[str] = ""  # the module that names the path, if an edit is live at once

    @pytest.fixture(scope="class")
    @classmethod
    def project(
        cls, engine: None, template: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Path]:
        """Adopt and lock an application that keeps clear of other projects on this machine."""
        project = copy_application(cls.name, tmp_path_factory.mktemp("adopted"))
        adopt(template, project, f"--data=project_slug={stacks.own_name()}", *cls.options)
        with container_promises.prepared(project, cls.umask, locking.lock_anew) as clone:
            yield clone

    def say(self, stack: Stack) -> None:
        """Give the application something to keep, if it keeps anything."""

    def test_development_answers_reloads_and_runs_the_tests(self, project: Path) -> None:
        with Stack(project, stacks.DEVELOPMENT).running() as stack:
            self.say(stack)
            stacks.eventually(lambda: self.text in stack.ask(self.path).body)
            assert " passed" in stack.compose("run", "--rm", "web", "pytest")
            assert use_home(stack, "web") == HOME_CACHE
            edited = ("--user=developer", "web", "sh", "-euc", WORK_IN_EDITOR)
            owner, *missing = stack.compose("exec", "-T", *edited).split()
            assert (int(owner), missing) == (project.stat().st_uid, [])
            host, port = stack.address("web", 5678).split(":")
            with socket.create_connection((host, int(port)), timeout=10) as connection:
                assert connection.recv(1024).startswith(b"Content-Length: ")
            if not self.source:
                return
            module = project / self.source
            original = module.read_text()
            try:
                route = self.path.rstrip("/") or "/"
                module.write_text(original.replace(f'"{route}"', '"/edited"'))
                stacks.eventually(lambda: stack.ask("/edited").status == 200)
            finally:
                module.write_text(original)
            with container_promises.edited(module, f"import {container_promises.MISSING}"):
                again = stack.try_compose(*container_promises.START_AGAIN, "web")
                assert again.returncode != 0
                assert container_promises.ADVICE in stack.compose("logs", "web")

    def test_production_answers_after_a_restart_and_has_no_privileges(self, project: Path) -> None:
        with Stack(project, stacks.PRODUCTION).running() as stack:
            self.say(stack)
            assert self.text in stack.ask(self.path).body
            container_promises.check_privileges(stack)
            container_promises.check_modes(stack, "web")
            assert use_home(stack, "web") == HOME_CACHE
            look = "ls -A /app /app/scripts /opt/venv/bin; touch /app/x 2>&1"
            seen = set(stack.try_compose("exec", "-T", "web", "sh", "-c", look).stdout.split())
            assert not seen & {"tests", "secrets", ".git", ".env", "Dockerfile", "x"}
            assert not seen & {"pip", "poetry", "pipenv", "pytest", "debugpy"}
            stack.compose("down", "--timeout", "5")
            stack.compose("up", "--detach", "--wait")
            assert self.text in stack.ask(self.path).body

    def test_what_it_had_is_as_it_was(self, project: Path, tmp_path: Path) -> None:
        for path, content in own_files(copy_application(self.name, tmp_path)).items():
            assert (project / path).read_bytes() == content, path


class TestPage(Adopted):
    """One module with its templates and requirements."""

    name = "page"
    text = "Tides of Kiel"
    source = "app.py"

    def test_a_stale_lock_is_refused(self, project: Path, tmp_path: Path) -> None:
        stale = shutil.copytree(project, tmp_path / "stale")
        with (stale / "requirements.txt").open("a") as requirements:
            requirements.write("humanize\n")
        result = stacks.execute("docker", "build", "--progress=plain", ".", cwd=stale)
        assert result.returncode != 0
        assert "run 'make lock'" in result.stdout


class TestProgram(Adopted):
    """The same module as a program that listens by itself."""

    name = "page"
    options = ("--data=entry_point=python app.py",)
    text = "Tides of Kiel"


@pytest.mark.thorough
class TestPackage(Adopted):
    """A package of setuptools with a factory and a server of its own choice."""

    name = "package"
    path = "/berths/"
    text = '"free"'
    source = "berths/__init__.py"

    def test_its_own_server_is_locked(self, project: Path) -> None:
        locked = (project / "containers" / "production.txt").read_text()
        assert re.search(r"^gunicorn==23\.", locked, re.MULTILINE)


@pytest.mark.thorough
class TestPoetry(Adopted):
    """A package of Poetry with migrations of PostgreSQL."""

    name = "poetry"
    umask = 0o077
    path = "/ships"
    text = "Gorch Fock"
    source = "ships/main.py"

    def say(self, stack: Stack) -> None:
        """Add a ship."""
        assert stack.ask("/ships", content={"name": self.text}).status == 201


@pytest.mark.thorough
class TestPipenv(Adopted):
    """An application of Pipenv with MySQL, for which MariaDB stands as it speaks the same."""

    name = "pipenv"
    options = ("--data=database=mariadb",)
    umask = 0o027
    text = "Ahoy"
    source = "guestbook.py"

    def say(self, stack: Stack) -> None:
        """Sign the guestbook."""
        assert "Ahoy" in stack.ask("/", content={"text": "Ahoy"}).json()

    def test_what_is_added_fits_its_lock(self, project: Path) -> None:
        groups = json.loads((project / "Pipfile.lock").read_text())
        locked = {**groups["develop"], **groups["default"]}
        added = (project / "containers" / "development.txt").read_text()
        both = {name for name in locked if re.search(rf"^{name}==", added, re.MULTILINE)}
        assert both >= {"pytest", "packaging"}
        for name in both:
            assert f"\n{name}{locked[name]['version']} " in added

    def test_a_lock_that_fits_is_left_as_it_is(self, project: Path) -> None:
        files = [project / "Pipfile.lock", *generated.files(project, "containers/*.txt")]
        before = [file.read_bytes() for file in files]
        locking.lock_anew(project)
        assert [file.read_bytes() for file in files] == before


class TestCheck:
    """What an adoption says of itself at its end."""

    @pytest.fixture(autouse=True)
    def leaves_nothing(self, engine: None) -> Iterator[None]:
        """Look for what a check has left behind."""
        yield
        for kind in ("container", "volume", "network", "image"):
            names = programs.run("docker", kind, "ls", "--format", "json")
            assert "slipway-check-" not in names, kind

    @pytest.mark.parametrize("name", some(["django", "workspace"], one_in=2))
    def test_it_starts_both_environments(self, template: Path, tmp_path: Path, name: str) -> None:
        project = copy_application(name, tmp_path)
        result = check(template, project)
        assert result.returncode == 0, result.stdout
        assert result.stdout.splitlines()[-4:] == [
            "Locked.",
            "Development starts and is healthy.",
            "Production starts and is healthy.",
            f"Adopted {project}. See what is new, commit it, then: docker compose up --build",
        ]
        assert generated.files(project, "containers/production.txt")

    @pytest.mark.parametrize("name", some(["fastapi-src", "setup-cfg"], one_in=2))
    def test_it_locks_what_takes_its_version_from_git(
        self, template: Path, tmp_path: Path, name: str
    ) -> None:
        project = copy_application(name, tmp_path)
        result = check(template, project, "--no-check")
        assert result.returncode == 0, result.stdout
        assert "Locked.\nNothing is built or started" in result.stdout
        assert "Adopted" not in result.stdout
        lock = "uv.lock" if name == "fastapi-src" else "containers/production.txt"
        dependency = "asyncpg" if name == "fastapi-src" else "bottle=="
        assert dependency in (project / lock).read_text()
        assert not generated.files(project, "**/PKG-INFO")

    def test_what_does_not_start_is_a_failure(self, template: Path, tmp_path: Path) -> None:
        files = {"requirements.txt": "bottle\n", "app.py": "import nothing\napp = Bottle()\n"}
        project = write_application(tmp_path / "shop", files)
        result = check(template, project)
        assert result.returncode == 1, result.stdout
        assert "ModuleNotFoundError: No module named 'nothing'" in result.stdout
        assert "\nLocked.\nDevelopment does not start: see what is printed" in result.stdout
        assert "\nProduction does not start: see what is printed above" in result.stdout
        assert "Adopted" not in result.stdout
        assert (project / "containers" / "production.txt").exists()

    def test_what_cannot_be_locked_is_a_failure(self, template: Path, tmp_path: Path) -> None:
        files = {"requirements.txt": "bottle==99\n", "app.py": "app = Bottle()\n"}
        project = write_application(tmp_path / "shop", files)
        result = check(template, project)
        assert result.returncode == 1, result.stdout
        assert "bottle==99" in result.stdout
        assert "\nNot locked: see what is printed above, fix the dependencies" in result.stdout
        assert "Adopted" not in result.stdout

    def test_an_interruption_takes_down_what_was_started(
        self, template: Path, tmp_path: Path
    ) -> None:
        files = {
            "requirements.txt": "bottle\n",
            "app.py": "import time\nimport bottle\napp = bottle.Bottle()\ntime.sleep(600)\n",
        }
        project = write_application(tmp_path / "shop", files)
        process = subprocess.Popen(
            command(template, project),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        listing = ("docker", "container", "ls", "--format", "{{.Names}}")
        stacks.eventually(lambda: "slipway-check-" in programs.run(*listing), patience=300)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=120)
        assert process.returncode == 130, printed
        assert printed.endswith("Not adopted: interrupted; nothing has been changed.\n")
        assert not (project / "Dockerfile").exists()


def command(template: Path, project: Path, *options: str) -> list[str]:
    """Write the command that adopts and checks an application."""
    words = (project, f"--template={template}", "--defaults", *options)
    return [sys.executable, "-m", "slipway", "adopt", *map(str, words)]


def check(template: Path, project: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Adopt an application and let it be checked."""
    return stacks.execute(*command(template, project, *options), cwd=ROOT)
