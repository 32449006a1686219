"""Deployments while clients send requests: nothing is lost, and what fails changes nothing."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import generated
import programs
import stacks
from container_promises import Deployed
from stacks import Stack

PATH = "/api/notes"
NOTE = json.dumps({"title": "Tide"}).encode()
HEADERS = {"Content-Type": "application/json"}
SLOW = 4  # seconds between the two halves of a body
Failing = Callable[[Stack], AbstractContextManager[None]]
LAST_WORDS = "the tide is out"
REVISION = '''"""Add what earlier code does not know, and can live with."""

import sqlalchemy as sa
from alembic import op

revision: str = "{revision}"
down_revision: str | None = "{before}"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Apply the revision."""
    op.add_column("notes", sa.Column("tide", sa.Integer(), nullable=True))
'''


@dataclass
class Load:
    """Clients that send requests all the time, and the answers that they get."""

    address: str
    answered: int = 0
    last: float = 0
    gap: float = 0  # seconds, the longest in which nobody got an answer
    lost: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    done: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator["Load"]:
        """Send requests until the end of the block."""
        clients = (self._anew, self._anew, self._on_one_connection, self._slowly)
        threads = [threading.Thread(target=client) for client in clients]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self.done.set()
            for thread in threads:
                thread.join()

    def figures(self, deployments: str) -> tuple[object, ...]:
        """Sum up."""
        return deployments, self.answered, len(self.lost), f"{self.gap:.1f}"

    def connect(self) -> http.client.HTTPConnection:
        """Open a connection."""
        return http.client.HTTPConnection(self.address, timeout=40)

    def _anew(self) -> None:
        """Read and write, each over a connection of its own."""
        while not self.done.is_set():
            for method, content in (("GET", None), ("POST", NOTE)):
                with contextlib.closing(self.connect()) as connection:
                    self._account(connection, method, content)

    def _on_one_connection(self) -> None:
        """Read and write over a connection that stays open."""
        with contextlib.closing(self.connect()) as connection:
            while not self.done.is_set():
                self._account(connection, "POST", NOTE)
                self._account(connection, "GET", None)

    def _slowly(self) -> None:
        """Write, and take a while for it."""
        while not self.done.is_set():
            with contextlib.closing(self.connect()) as connection:
                self._account(connection, "POST", self._halves())

    def _halves(self) -> Iterator[bytes]:
        yield NOTE[:8]
        time.sleep(SLOW)
        yield NOTE[8:]

    def _account(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        content: bytes | Iterator[bytes] | None,
    ) -> None:
        expected = 200 if content is None else 201
        started = time.monotonic()
        length = {} if content is None else {**HEADERS, "Content-Length": str(len(NOTE))}
        try:
            connection.request(method, PATH, content, length)
            answer = connection.getresponse()
            answer.read()
            found: object = answer.status
        except (OSError, http.client.HTTPException) as error:
            connection.close()  # the next request opens it again
            found = repr(error)
        now = time.monotonic()
        with self.lock:
            if found == expected:
                self.answered += 1
                self.gap = max(self.gap, now - (self.last or now))
                self.last = now
            else:
                self.lost.append(f"{method}: {found} after {now - started:.1f} s")
        time.sleep(0.01)


def deploy(stack: Stack, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run make deploy."""
    stack.addresses.clear()
    words = (f"{name}={value}" for name, value in variables.items())
    return stacks.execute(
        "make", "--no-print-directory", "deploy", *words, cwd=stack.project, **stack.environment
    )


def deployed(stack: Stack, **variables: str) -> str:
    """Run make deploy, which must succeed; return what it said."""
    result = deploy(stack, **variables)
    assert result.returncode == 0, result.stdout[-5000:]
    return result.stdout


def in_background(stack: Stack, **variables: str) -> "subprocess.Popen[str]":
    """Start make deploy as in a terminal of its own."""
    words = (f"{name}={value}" for name, value in variables.items())
    return subprocess.Popen(
        [programs.tool("make"), "--no-print-directory", "deploy", *words],
        cwd=stack.project,
        env={**os.environ, **stack.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def interrupt(deployment: "subprocess.Popen[str]") -> str:
    """Press Ctrl-C; return what the deployment said."""
    os.killpg(deployment.pid, signal.SIGINT)
    said, _ = deployment.communicate(timeout=120)
    return said


def runs(stack: Stack, *services: str) -> dict[str, str]:
    """Map the containers that run to their images."""
    return {
        str(container["Id"]): str(container["Config"]["Image"])
        for container in stack.containers(*services)
        if container["State"]["Status"] == "running"
    }


def settings(stack: Stack) -> dict[str, str]:
    """Read .env."""
    return generated.parse_environment((stack.project / ".env").read_text("utf-8"))


@contextmanager
def edited(file: Path, change: Callable[[str], str]) -> Iterator[None]:
    """Change a file for a while."""
    original = file.read_text("utf-8")
    assert change(original) != original
    file.write_text(change(original), "utf-8")
    try:
        yield
    finally:
        file.write_text(original, "utf-8")


def ending_at_once(stack: Stack, service: str = "web") -> AbstractContextManager[None]:
    """Let a service of the next version end at its start, and migrate all the same."""
    start = f"  {service})\n"
    ending = f'{start}    echo "{LAST_WORDS}" >&2\n    exit 3\n'
    file = stack.project / "scripts" / "entrypoint.sh"
    return edited(file, lambda text: text.replace(start, ending, 1))


def never_healthy(stack: Stack) -> AbstractContextManager[None]:
    """Let the next version say that it is not healthy."""
    file = stack.project / "scripts" / "healthcheck.py"
    return edited(file, lambda text: text.replace("not healthy", "True"))


def failing_migration(stack: Stack) -> AbstractContextManager[None]:
    """Let the next version fail to migrate."""
    file = stack.project / "migrations" / "env.py"
    return edited(file, lambda text: f'{text}\nraise RuntimeError("{LAST_WORDS}")\n')


@contextmanager
def later_revision(stack: Stack) -> Iterator[None]:
    """Let the next version have a revision that those before do not know."""
    folder = stack.project / "migrations" / "versions"
    texts = [file.read_text("utf-8") for file in folder.glob("*.py")]
    known, parents = (
        {name for text in texts for name in re.findall(pattern, text, re.M)}
        for pattern in (r'^revision: str = "(.+)"', r'^down_revision: .* = "(.+)"')
    )
    (head,) = known - parents
    file = folder / "9998_add_the_tide.py"
    file.write_text(REVISION.format(revision="9998", before=head), "utf-8")
    file.chmod(0o644)
    try:
        yield
    finally:
        file.unlink()


class InPlace(Deployed):
    """What a deployment does where nothing stands in front of the service."""

    def test_a_deployment_replaces_what_runs(
        self, production: Stack, record_property: Callable[[str, object], None]
    ) -> None:
        kept = production.ask(PATH, content={"title": "Tide"}).json()
        before = runs(production, "web")
        with Load(production.address()).running() as load:
            said = deployed(production, TAG="1.0.1")
            stacks.eventually(lambda: production.ask("/ready").status == 200)
        assert "nobody answers" in said
        now = runs(production, "web")
        assert [name.rpartition(":")[2] for name in now.values()] == ["1.0.1"] * len(before)
        assert not now.keys() & before.keys()
        assert settings(production)["TAG"] == "1.0.1"
        assert production.ask(f"{PATH}/{kept['id']}").json() == kept
        record_property("deployed", load.figures("1, without a proxy"))

    def test_what_ran_before_a_version_that_fails_runs_again(self, production: Stack) -> None:
        images = runs(production, "web").values()
        with failing_migration(production):
            result = deploy(production, TAG="1.0.2")
        assert result.returncode != 0
        assert f"The migration failed: {next(iter(images))} serves as before" in result.stdout
        with ending_at_once(production):
            result = deploy(production, TAG="1.0.3")
        assert result.returncode != 0
        assert LAST_WORDS in result.stdout
        assert "did not become healthy, as its last lines say: " in result.stdout
        stacks.eventually(lambda: production.ask("/ready").status == 200)
        assert sorted(runs(production, "web").values()) == sorted(images)
        assert settings(production).get("TAG", "latest") == next(iter(images)).rpartition(":")[2]
