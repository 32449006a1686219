"""The containers of the load: a database, services of each framework, and what asks them."""

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
from typing import Any, NoReturn

from tools.benchmarks.images import build, engine, read_dockerfile, read_images
from tools.benchmarks.load_tables import FLOOR, OURS, SHAPES, Measured
from tools.benchmarks.measure import run

HERE = Path(__file__).parent
PASSWORD = "measured"  # noqa: S105  (of a database that nobody else reaches)
PEER_URL = f"postgresql+psycopg://app:{PASSWORD}@database:5432/app"
PATIENCE = 60  # seconds that a container has to start
NOTE = {"title": "Tide tables", "body": "High water comes an hour later here than at sea. " * 4}

# Beside the limits, what Compose gives each of our containers in production
HARDENED = (
    "--read-only",
    "--tmpfs=/tmp:size=128m",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges:true",
    "--log-opt=max-size=10m",
)
# Prints the CPU time whenever it is asked: a new process in the container would take some itself.
METER = """
while read -r _; do
  { read -r usage </sys/fs/cgroup/cpu.stat ||
    read -r usage </sys/fs/cgroup/cpuacct/cpuacct.usage; } 2>/dev/null
  echo "$usage"
done
"""


@dataclass(frozen=True)
class Endpoint:
    """What a client asks for."""

    path: str
    method: str = "GET"
    body: str = ""


ENDPOINTS: Mapping[str, Endpoint] = {
    "health": Endpoint("/health"),
    "read": Endpoint("/api/notes/1"),
    "write": Endpoint("/api/notes", "POST", json.dumps(NOTE)),
    "list": Endpoint("/api/notes"),
}
# What the table holds when a round begins, whatever was written before
ROWS = f"""
TRUNCATE notes RESTART IDENTITY;
INSERT INTO notes (title, body)
SELECT '{NOTE["title"]}', '{NOTE["body"]}' FROM generate_series(1, 100);
ANALYZE notes;
"""  # noqa: S608  (written here)

# How each rival is started; ours has an entry point. WEB_CONCURRENCY sets the number of processes.
ON_ALL = ("--host", "0.0.0.0")  # noqa: S104
RIVALS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "fastapi": {
        OURS: (),
        "fastapi run": ("fastapi", "run", "fastapi_peer.py"),
        "larger pool": ("env", "POOL_SIZE=40", "uvicorn", "fastapi_peer:app", *ON_ALL),
        "floor": ("uvicorn", "floor:app", *ON_ALL, "--no-access-log"),
    },
    "flask": {
        OURS: (),
        "gunicorn sync": ("gunicorn", "--bind", "0.0.0.0:8000", "flask_peer:app"),
    },
}
# What they need beside our locked dependencies, unless it is among those
PACKAGES: Mapping[str, Sequence[str]] = {
    "fastapi": ("asyncpg", "fastapi-cli", "psycopg[binary]", "sqlalchemy", "uvicorn[standard]"),
    "flask": ("flask-sqlalchemy", "gunicorn", "psycopg[binary]"),
}


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
        """Start a container in the network, and wait until it listens on the port."""
        named = ("--name", name, "--label", self.label, "--network", self.name())
        run("docker", "run", "--detach", *named, *options, image, *command)
        container = Container(name, port)
        if port:
            self.wait_for(container)
        return container

    def wait_for(self, container: Container) -> None:
        """Wait until a container listens on its port."""
        connect = f": </dev/tcp/127.0.0.1/{container.port}"
        listens = ("--entrypoint=bash", self.name("wrk"), "-c", connect)
        container.wait_for("docker", "run", *self.beside(container), *listens)

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


@dataclass(frozen=True)
class Group:
    """The services of one framework: they run at the same time, and work in turn."""

    site: Site
    framework: str
    project: Path
    built: set[str] = field(default_factory=set)
    servers: dict[tuple[str, int], Container] = field(default_factory=dict)
    proxies: dict[tuple[str, int], Container] = field(default_factory=dict)

    def name(self, *parts: str) -> str:
        """Name an image or a container of this framework."""
        return self.site.name(self.framework, *parts)

    def image(self, role: str) -> str:
        """Build an image unless it is there: ours as for production, one for all that is beside."""
        tag = self.name(role)
        if tag in self.built:
            return tag
        if role == "peers":
            packages = " ".join(f"'{package}'" for package in PACKAGES[self.framework])
            text = read_dockerfile("load-peers").replace("PACKAGES", packages)
            text = text.replace("OUR_IMAGE", self.image(OURS))
            self.site.build(tag, text, HERE / "applications")
        else:
            file = self.project / ("nginx/Dockerfile" if role == "nginx" else "Dockerfile")
            self.site.build(tag, file.read_text("utf-8"), self.project)
        self.built.add(tag)
        return tag

    def migrate(self) -> None:
        """Make the tables, as our migrations say."""
        self.site.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public;")
        inside = ("--rm", "--label", self.site.label, "--network", self.site.name())
        run("docker", "run", *inside, *self.settings(OURS, 1), self.image(OURS), "migrate")

    def production(self, service: str, processes: int) -> dict[str, Any]:
        """Read what Compose gives a service of ours in production."""
        files = ("--file=compose.yaml", "--file=compose.prod.yaml")
        compose = ("env", f"WEB_CONCURRENCY={processes}", "docker", "compose", *files)
        described = json.loads(run(*compose, "config", "--format=json", cwd=self.project))
        return dict(described["services"][service])

    def settings(self, rival: str, processes: int) -> list[str]:
        """Say what a service is told."""
        settings = {"DATABASE_URL": PEER_URL}
        if rival == OURS:
            settings = self.production("web", processes)["environment"]
            settings["DATABASE_PASSWORD"] = PASSWORD
        settings["FORWARDED_ALLOW_IPS"] = self.site.subnet
        settings["WEB_CONCURRENCY"] = str(processes)
        return [f"--env={name}={value}" for name, value in settings.items()]

    def limits(self, service: str, processes: int) -> tuple[str, ...]:
        """Limit a container as production limits ours, with a CPU for each process."""
        limits = self.production(service, processes)["deploy"]["resources"]["limits"]
        others = (f"--memory={limits['memory']}", f"--pids-limit={limits['pids']}")
        cpus = processes if service == "web" else limits["cpus"]
        return (f"--cpus={cpus}", *others, *HARDENED)

    def start(self, rival: str, shape: str) -> None:
        """Start a service, and nginx before it, unless they run for another shape."""
        place = rival, SHAPES[shape].processes
        name = self.name(rival, str(place[1]))
        if place not in self.servers:
            self.servers[place] = self.site.start(
                name,
                self.image(OURS if rival == OURS else "peers"),
                *self.limits("web", place[1]),
                *self.settings(*place),
                port=8000,
                command=RIVALS[self.framework][rival],
            )
        if SHAPES[shape].nginx and place not in self.proxies:
            link = ("--link", f"{name}:web")  # unlike an alias it is for one container only
            limits = self.limits("proxy", place[1])
            self.proxies[place] = self.site.start(
                f"{name}-nginx", self.image("nginx"), *limits, *link, port=8080
            )

    def find(self, rival: str, shape: str) -> tuple[Container, Container | None]:
        """Find a service and what stands before it."""
        place = rival, SHAPES[shape].processes
        return self.servers[place], self.proxies[place] if SHAPES[shape].nginx else None

    def warm_up(self, rival: str, shape: str, endpoint: str) -> None:
        """Let a service do what it does only once, and look at its answers."""
        server, proxy = self.find(rival, shape)
        self.site.query(ROWS)
        try:
            self.site.ask(proxy or server, ENDPOINTS[endpoint], 1, 4, "--env=CHECK=1")
        except FaultError as fault:
            server.fail(str(fault))

    def measure(
        self, rival: str, shape: str, endpoint: str, connections: int, seconds: int
    ) -> Measured:
        """Measure one round. That a peer cannot serve so many connections is a result, too."""
        server, proxy = self.find(rival, shape)
        self.site.query(ROWS)
        containers = [server, self.site.database, *([proxy] if proxy else [])]
        before = [container.cpu() for container in containers]
        try:
            answers = self.site.ask(proxy or server, ENDPOINTS[endpoint], seconds, connections)
        except FaultError as fault:
            if rival in (OURS, FLOOR):
                server.fail(str(fault))
            print(f"{rival}: {fault}", file=sys.stderr)
            server.restart()
            self.site.wait_for(server)
            self.warm_up(rival, shape, endpoint)
            return Measured(self.framework, shape, endpoint, connections, rival)
        after = [container.cpu() for container in containers]
        requests = answers["requests"]
        own, of_database, *of_nginx = (
            (late - early) / requests for early, late in zip(before, after, strict=True)
        )
        return Measured(
            self.framework,
            shape,
            endpoint,
            connections,
            rival,
            cpu_us=own,
            nginx_cpu_us=sum(of_nginx),
            database_cpu_us=of_database,
            requests_per_s=requests / answers["seconds"],
            p50_ms=answers["p50_ms"],
            p99_ms=answers["p99_ms"],
        )

    def remove(self) -> None:
        """Leave the machine to the next group."""
        for container in (*self.proxies.values(), *self.servers.values()):
            container.remove()
