"""The services that are put under load: ours, and what stands beside it."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.benchmarks.images import read_dockerfile
from tools.benchmarks.load_containers import PASSWORD, Container, Endpoint, FaultError, Site
from tools.benchmarks.load_tables import FLOOR, OURS, SHAPES, Measured
from tools.benchmarks.measure import run

APPLICATIONS = Path(__file__).parent / "applications"
PEER_URL = f"postgresql+psycopg://app:{PASSWORD}@database:5432/app"
NOTE = {"title": "Tide tables", "body": "High water comes an hour later here than at sea. " * 4}

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
# Answers to "telemetry" with which ours can run beside itself
TELEMETRY = ("prometheus", "opentelemetry")
# What they need beside our locked dependencies, unless it is among those
PACKAGES: Mapping[str, Sequence[str]] = {
    "fastapi": ("asyncpg", "fastapi-cli", "psycopg[binary]", "sqlalchemy", "uvicorn[standard]"),
    "flask": ("flask-sqlalchemy", "gunicorn", "psycopg[binary]"),
}

# Takes what our services send, and keeps none of it.
COLLECTOR = """\
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", 4318), Handler).serve_forever()
"""

# Beside the limits, what Compose gives each of our containers in production
HARDENED = (
    "--read-only",
    "--tmpfs=/tmp:size=128m",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges:true",
    "--log-opt=max-size=10m",
)


@dataclass(frozen=True)
class Services:
    """All rivals of a framework in one shape: they run at the same time, and work in turn."""

    site: Site
    framework: str
    shape: str
    projects: Mapping[str, Path]  # ours for this shape, and with other answers
    servers: dict[str, Container] = field(default_factory=dict)
    entrances: dict[str, Container] = field(default_factory=dict)  # nginx, or the server itself

    @property
    def processes(self) -> int:
        """Say how many processes each server has."""
        return SHAPES[self.shape].processes

    @property
    def has_nginx(self) -> bool:
        """Say whether nginx stands before each server."""
        return SHAPES[self.shape].nginx

    def name(self, part: str) -> str:
        """Name an image or a container."""
        return self.site.name(self.framework, self.shape.replace("+", "-"), part)

    def build(self) -> None:
        """Build our images as for production, and one for all that stands beside ours."""
        for name, project in self.projects.items():
            text = (project / "Dockerfile").read_text("utf-8")
            self.site.build(self.name(name), text, project)
        if self.has_nginx:
            text = (self.projects[OURS] / "nginx" / "Dockerfile").read_text("utf-8")
            self.site.build(self.name("nginx"), text, self.projects[OURS])
        packages = " ".join(f"'{package}'" for package in PACKAGES[self.framework])
        text = read_dockerfile("load-peers").replace("PACKAGES", packages)
        text = text.replace("OUR_IMAGE", self.name(OURS))
        self.site.build(self.name("peers"), text, APPLICATIONS)

    def migrate(self) -> None:
        """Make the tables, as our migrations say."""
        self.site.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public;")
        inside = ("--rm", "--label", self.site.label, "--network", self.site.name())
        run("docker", "run", *inside, *self.settings(OURS), self.name(OURS), "migrate")

    def production(self, service: str, name: str = OURS) -> dict[str, Any]:
        """Read what Compose gives a service of ours in production."""
        files = ("--file=compose.yaml", "--file=compose.prod.yaml")
        compose = ("env", f"WEB_CONCURRENCY={self.processes}", "docker", "compose", *files)
        described = json.loads(run(*compose, "config", "--format=json", cwd=self.projects[name]))
        return dict(described["services"][service])

    def settings(self, rival: str) -> list[str]:
        """Say what a server is told."""
        settings = {"DATABASE_URL": PEER_URL}
        if rival in self.projects:
            settings = self.production("web", rival)["environment"]
            settings["DATABASE_PASSWORD"] = PASSWORD
            settings["SECRET_KEY"] = PASSWORD * 8
            if rival == "prometheus":
                settings["METRICS"] = "true"
            if rival == "opentelemetry":
                settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://{self.name('collector')}:4318"
        settings["FORWARDED_ALLOW_IPS"] = self.site.subnet
        settings["WEB_CONCURRENCY"] = str(self.processes)
        return [f"--env={name}={value}" for name, value in settings.items()]

    def limits(self, service: str) -> tuple[str, ...]:
        """Limit a container as production limits ours, with a CPU for each process."""
        limits = self.production(service)["deploy"]["resources"]["limits"]
        others = (f"--memory={limits['memory']}", f"--pids-limit={limits['pids']}")
        cpus = self.processes if service == "web" else limits["cpus"]
        return (f"--cpus={cpus}", *others, *HARDENED)

    def start(self, rival: str) -> None:
        """Start a server, and nginx before it if that belongs to the shape."""
        name = self.name(rival)
        if rival == "opentelemetry":
            collect = ("python", "-c", COLLECTOR)
            self.servers["collector"] = self.entrances["collector"] = self.site.start(
                self.name("collector"), self.name(OURS), command=collect
            )
        server = self.servers[rival] = self.entrances[rival] = self.site.start(
            name,
            self.name(rival if rival in self.projects else "peers"),
            *self.limits("web"),
            *self.settings(rival),
            port=8000,
            command=RIVALS[self.framework].get(rival, ()),
        )
        if self.has_nginx:
            link = ("--link", f"{server.name}:web")  # unlike an alias it is for one container only
            self.entrances[rival] = self.site.start(
                f"{name}-nginx", self.name("nginx"), *self.limits("proxy"), *link, port=8080
            )

    def warm_up(self, rival: str, endpoint: str) -> None:
        """Let a server do what it does only once, and look at its answers."""
        self.site.query(ROWS)
        try:
            self.site.ask(self.entrances[rival], ENDPOINTS[endpoint], 1, 4, "--env=CHECK=1")
        except FaultError as fault:
            self.servers[rival].fail(str(fault))

    def measure(self, rival: str, endpoint: str, connections: int, seconds: int) -> Measured:
        """Measure one round. That a peer cannot serve so many connections is a result, too."""
        server, entrance = self.servers[rival], self.entrances[rival]
        self.site.query(ROWS)
        containers = {"server": server, "database": self.site.database, "entrance": entrance}
        before = {name: container.cpu() for name, container in containers.items()}
        try:
            answers = self.site.ask(entrance, ENDPOINTS[endpoint], seconds, connections)
        except FaultError as fault:
            if rival in (*self.projects, FLOOR):
                server.fail(str(fault))
            print(f"{rival}: {fault}", file=sys.stderr)
            server.restart()
            self.site.wait_for(server)
            self.warm_up(rival, endpoint)
            return Measured(self.framework, self.shape, endpoint, connections, rival)
        times = {
            name: (container.cpu() - before[name]) / answers["requests"]
            for name, container in containers.items()
        }
        return Measured(
            self.framework,
            self.shape,
            endpoint,
            connections,
            rival,
            cpu_us=times["server"],
            nginx_cpu_us=0 if entrance is server else times["entrance"],
            database_cpu_us=times["database"],
            requests_per_s=answers["requests"] / answers["seconds"],
            p50_ms=answers["p50_ms"],
            p99_ms=answers["p99_ms"],
        )

    def remove(self) -> None:
        """Leave the machine to others."""
        for rival, server in self.servers.items():
            if self.entrances[rival] is not server:
                self.entrances[rival].remove()
            server.remove()
