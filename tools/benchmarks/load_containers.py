"""Containers that are put under load: what asks them, their database, and their CPU time."""

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from tools.benchmarks.images import build, engine, read_dockerfile, read_images
from tools.benchmarks.measure import run

HERE = Path(__file__).parent
PASSWORD = "measured"  # noqa: S105  (of a database that nobody else reaches)
PATIENCE = 60  # seconds that a container has to start

# Prints the CPU time whenever it is asked: a new process in the container would take some itself.
METER = """
while read -r _; do
  { read -r usage </sys/fs/cgroup/cpu.stat ||
    read -r usage </sys/fs/cgroup/cpuacct/cpuacct.usage; } 2>/dev/null
  echo "$usage"
done
"""
HEALTHY = r"""
exec 3<>/dev/tcp/127.0.0.1/{port}
printf 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
grep -q '^HTTP/1.1 200 ' <&3
"""


@dataclass(frozen=True)
class Endpoint:
    """What a client asks for."""

    path: str
    method: str = "GET"
    body: str = ""


def parse_cpu(line: str) -> int:
    """Read microseconds from control groups of either version; the second names its unit."""
    name, _, value = line.strip().rpartition(" ")
    return int(value) if name == "usage_usec" else int(value) // 1000


def parse_wrk(printed: str) -> dict[str, float]:
    """Read the line of JSON that load.lua adds to what wrk prints."""
    measured: dict[str, float] = json.loads(printed.strip().splitlines()[-1])
    return measured


def find_fault(measured: Mapping[str, float]) -> str:
    """Say what is wrong with the answers, if anything: a fast error is no result."""
    if measured["refused"]:
        return f"{measured['refused']:.0f} of {measured['requests']:.0f} answers were errors"
    if measured["broken"]:
        return f"{measured['broken']:.0f} requests got no answer"
    return "" if measured["requests"] else "no request was answered"


class FaultError(Exception):
    """Not every request got a good answer."""


@dataclass
class Container:
    """A container that runs, and the CPU time that it has taken."""

    name: str
    port: int = 0
    meter: "subprocess.Popen[str]" = field(init=False)

    def __post_init__(self) -> None:
        """Begin to follow its CPU time."""
        self.meter = self.follow()

    def follow(self) -> "subprocess.Popen[str]":
        """Start what tells its CPU time."""
        return subprocess.Popen(
            ("docker", "exec", "--interactive", self.name, "sh", "-c", METER),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def cpu(self) -> int:
        """Say how many microseconds its processes have taken."""
        try:
            print(file=self.meter.stdin, flush=True)
            return parse_cpu(next(iter(self.meter.stdout or ())))
        except (BrokenPipeError, StopIteration, ValueError):
            self.fail("has ended, or does not tell its CPU time")

    def wait_for(self, *check: str) -> None:
        """Wait until a command ends well."""
        begun = time.monotonic()
        while subprocess.run(check, capture_output=True, check=False).returncode != 0:
            if time.monotonic() > begun + PATIENCE:
                self.fail("does not answer")
            time.sleep(0.2)

    def fail(self, reason: str) -> NoReturn:
        """End with what the container has to say."""
        logs = ("docker", "logs", "--tail", "10", self.name)
        said = subprocess.run(logs, capture_output=True, text=True, check=False)
        sys.exit(f"{self.name}: {reason}\n{said.stdout}{said.stderr}")

    def restart(self) -> None:
        """End what runs in it, and start that again."""
        run("docker", "restart", "--time=1", self.name)
        self.meter.communicate()
        self.meter = self.follow()

    def remove(self) -> None:
        """End it."""
        run("docker", "rm", "--force", "--volumes", self.name)
        self.meter.communicate()


@dataclass(frozen=True)
class Site:
    """The network and the images of one run, and its database."""

    token: str

    @property
    def label(self) -> str:
        """Tell what belongs to this run from others' at the same time."""
        return f"slipway.load={self.token}"

    def name(self, *parts: str) -> str:
        """Name an image, a container or the network."""
        return "-".join(("slipway-load", self.token, *parts)).replace(" ", "-")

    def build(self, name: str, dockerfile: str, folder: Path) -> None:
        """Build an image."""
        build(dockerfile, name, folder, label=self.label)

    def start(
        self, name: str, image: str, *options: str, port: int = 0, command: Sequence[str] = ()
    ) -> Container:
        """Start a container in the network, and wait until it answers on the port."""
        named = ("--name", name, "--label", self.label, "--network", self.name())
        run("docker", "run", "--detach", *named, *options, image, *command)
        container = Container(name, port)
        if port:
            self.wait_for(container)
        return container

    def wait_for(self, container: Container) -> None:
        """Wait until a service answers; that it listens does not say so."""
        shell = ("--entrypoint=timeout", self.name("wrk"), "5", "bash", "-c")
        ask = HEALTHY.format(port=container.port)
        container.wait_for("docker", "run", *self.beside(container), *shell, ask)

    def beside(self, container: Container) -> tuple[str, ...]:
        """Say that a container shares the network of another, and is gone when it ends."""
        return ("--rm", "--label", self.label, "--network", f"container:{container.name}")

    @cached_property
    def subnet(self) -> str:
        """Find the addresses of the network."""
        form = "{{(index .IPAM.Config 0).Subnet}}"
        return run("docker", "network", "inspect", "--format", form, self.name()).strip()

    @cached_property
    def database(self) -> Container:
        """Start the database, in memory: a disk would decide how long it takes to write."""
        variables = ("--env=POSTGRES_USER=app", f"--env=POSTGRES_PASSWORD={PASSWORD}")
        options = ("--network-alias=database", "--tmpfs=/var/lib/postgresql", "--shm-size=128m")
        image, name = read_images()["postgresql"], self.name("database")
        command = ("postgres", "-cmax_connections=300")
        database = self.start(name, image, *options, *variables, command=command)
        ready = ("pg_isready", "--host=127.0.0.1", "--username=app")
        database.wait_for("docker", "exec", name, *ready)
        return database

    def query(self, statements: str) -> None:
        """Let the database do something."""
        psql = ("psql", "--quiet", "--username=app", "--set=ON_ERROR_STOP=1")
        run("docker", "exec", "--interactive", self.database.name, *psql, text=statements)

    def ask(
        self, target: Container, endpoint: Endpoint, seconds: int, connections: int, *options: str
    ) -> dict[str, float]:
        """Send requests from within the network of a container; all answers must be good ones."""
        variables = (f"--env=METHOD={endpoint.method}", f"--env=BODY={endpoint.body}")
        times = ("--duration", f"{seconds}s", "--connections", str(connections))
        url = f"http://127.0.0.1:{target.port}{endpoint.path}"
        command = (*self.beside(target), *variables, *options, self.name("wrk"), *times, url)
        measured = parse_wrk(run("docker", "run", *command))
        if fault := find_fault(measured):
            raise FaultError(f"{endpoint.method} {url} with {connections} connections: {fault}")
        return measured


@contextmanager
def prepare_site() -> Iterator[Site]:
    """Prepare what all services share, and remove everything whatever happens."""
    site = Site(secrets.token_hex(3))
    with engine(site.label):
        run("docker", "network", "create", "--label", site.label, site.name())
        site.build(site.name("wrk"), read_dockerfile("load-wrk"), HERE)
        yield site
