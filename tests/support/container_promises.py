"""What generated services promise in containers, whatever the answers."""

import errno
import json
import os
import re
import shutil
import socket
import subprocess
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar

import attacks
import generated
import locking
import programs
import pytest
import questions
import stacks
import updating
from conftest import Render
from stacks import Stack

REPLICAS = 2
BUSY = 40  # requests, more than two processes work on at once
LOG_CONFIG = {"Type": "json-file", "Config": {"max-file": "5", "max-size": "10m"}}
PART_OF_TESTS = "tests/test_settings.py"
KEY = "tide" * 8  # for sessions

# How a database's own client takes a lock that every write waits for, some seconds long.
MYSQL_CLIENT = (
    'MYSQL_PWD="$(cat /run/secrets/database_password)" %s --user=app --silent --unbuffered app'
)
MYSQL_LOCK = "LOCK TABLES notes READ; SELECT 'held'; SELECT SLEEP({seconds}); UNLOCK TABLES;"
LOCKS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "postgresql": (
        ("psql --username=app --quiet app",),
        "BEGIN; LOCK TABLE notes IN SHARE MODE; \\echo held\nSELECT pg_sleep({seconds}); COMMIT;",
    ),
    "mysql": ((MYSQL_CLIENT % "mysql",), MYSQL_LOCK),
    "mariadb": ((MYSQL_CLIENT % "mariadb",), MYSQL_LOCK),
    "sqlite": (
        ("python", "-"),
        "import sqlite3, time; c = sqlite3.connect('/data/app.db', isolation_level=None);"
        " c.execute('BEGIN IMMEDIATE'); print('held', flush=True); time.sleep({seconds});"
        " c.execute('COMMIT')",
    ),
}

# What numba and matplotlib do with a home, for example.
HOME_USE = (
    *("python", "-c"),
    "from pathlib import Path; cache = Path.home() / '.cache' / 'berths';"
    " cache.mkdir(parents=True, exist_ok=True); (cache / 'figures').write_text('7'); print(cache)",
)
FILL_HOME = """
import pathlib
flood = pathlib.Path.home() / "flood"
try:
    with flood.open("wb") as file:
        for _ in range(1024):
            file.write(bytes(2**20))
finally:
    flood.unlink()
"""
HOME_CACHE = "/tmp/.cache/berths\n"  # noqa: S108
ASK = (
    "import sys, urllib.request as r;"
    " print(r.urlopen(r.Request(sys.argv[1], headers={'Host': 'localhost'})).status)"
)
IPV6_SOCKET = "import socket; socket.socket(socket.AF_INET6)"
NO_IPV6 = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [
        {
            "names": ["socket"],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": errno.EAFNOSUPPORT,
            "args": [{"index": 0, "value": socket.AF_INET6, "op": "SCMP_CMP_EQ"}],
        }
    ],
}


NOT_PYTHON = {
    *("sh", "ash", "bash", "busybox", "dash", "zsh"),
    *("apk", "apt", "apt-get", "dpkg", "pip", "pip3", "uv"),
    *("curl", "gcc", "perl", "su", "tar", "wget"),
}
MISSING = "pyfiglet"  # that no project has
ADVICE = f"The development image has no {MISSING}: list what brings it in "
START_AGAIN = ("up", "--detach", "--wait", "--no-deps", "--force-recreate")


@contextmanager
def edited(module: Path, line: str) -> Iterator[None]:
    """Let a module begin with another line, until the end of the block."""
    original = module.read_text("utf-8")
    module.write_text(f"{line}\n{original}", "utf-8")
    try:
        yield
    finally:
        module.write_text(original, "utf-8")


def tells(stack: Stack, words: str, often: int) -> bool:
    """Say whether the service has logged some words more often than before."""
    return stack.compose("logs", "web").count(words) > often


def missing_a_module(stack: Stack) -> AbstractContextManager[None]:
    """Let every process of a project need what its development image lacks."""
    return edited(stack.package / "settings.py", f"import {MISSING}")


def use_home(stack: Stack, service: str) -> str:
    """Use the home of a service as libraries do; say where that was."""
    return stack.compose("run", "--rm", "--no-deps", "-T", service, *HOME_USE)


def write_migration(development: Stack, domain: str) -> None:
    """Add a column to a table and let the project write the revision, which holds nothing else."""
    models = development.package / domain / "models.py"
    original = models.read_text("utf-8")
    colour = "    colour: Mapped[str | None] = mapped_column(String(20))\n"
    models.write_text(original + colour, "utf-8")
    revisions = development.project / "migrations" / "versions"
    before = set(revisions.glob("*.py"))
    try:
        programs.run("make", "-C", development.project, "revision", "m=Add a colour")
        (written,) = set(revisions.glob("*.py")) - before
        operations = re.findall(r"op\.(?!batch_alter_table)\w+\(.*", written.read_text("utf-8"))
        written.unlink()
    finally:
        models.write_text(original, "utf-8")
    assert len(operations) == 2, "the models do not fit the first revision"
    assert "colour" in operations[0]


def check_privileges(production: Stack) -> None:
    """Check that no container runs as root, with capabilities, without limits or writable."""
    for container in production.containers():
        name, host = container["Name"], container["HostConfig"]
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", container["Config"]["User"]), name
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert not host["CapAdd"], name
        assert not host["Privileged"], name
        # Nothing else: the engine's own filters of system calls and paths stay.
        assert host["SecurityOpt"] == ["no-new-privileges:true"], name
        assert host["LogConfig"] == LOG_CONFIG, name
        assert all(host[limit] > 0 for limit in ("Memory", "NanoCpus", "PidsLimit")), name
        assert host["Tmpfs"].keys() <= {"/tmp", "/data", "/run/mysqld", "/var/run/postgresql"}, name  # noqa: S108
        megabytes = [int(re.findall(r"size=(\d+)m", each)[0]) for each in host["Tmpfs"].values()]
        assert sum(megabytes) * 2**20 <= host["Memory"] / 2, name


def published(project: Path) -> list[int]:
    """List the ports of this machine on which a service and its replicas answer by .env."""
    settings = generated.parse_environment((project / ".env").read_text("utf-8"))
    first = int(settings["PRODUCTION_PORT"])
    return [int(settings["WEB_PORT"]), *range(first, first + REPLICAS)]


def offered_replicas(project: Path) -> dict[str, str]:
    """Read the settings for replicas that .env.example offers, with ports that are free here."""
    offer = (project / ".env.example").read_text("utf-8")
    usual = generated.parse_environment(offer)["PRODUCTION_PORT"]
    own = generated.parse_environment((project / ".env").read_text("utf-8"))["PRODUCTION_PORT"]
    ((replicas, first, last),) = re.findall(
        r"WEB_REPLICAS=(\d) and PRODUCTION_PORT=(\d+)-(\d+)", offer
    )
    assert (int(replicas), first) == (REPLICAS, usual)
    return {
        "WEB_REPLICAS": replicas,
        "PRODUCTION_PORT": f"{own}-{int(own) + int(last) - int(first)}",
    }


def check_modes(production: Stack, service: str) -> None:
    """Check that everybody may read the application in an image, and nobody but root write it."""
    wrong = "find /app ! -type l '(' ! -perm -004 -o -type d ! -perm -001 -o -perm -002 ')' 2>&1"
    shell = ("--no-deps", *stacks.bring_tools(production.project), "--entrypoint=sh", service, "-c")
    assert not production.try_run(*shell, wrong).stdout
    assert production.try_run(*shell, "find /app -name '*.py'").stdout


def check_busy(production: Stack) -> None:
    """Check that what waits too long is told so, nothing is lost, and readiness is not affected."""
    url = f"http://{production.address()}/api/notes"
    with hold_writes(production, seconds=12):
        wait = stacks.all_of([lambda: stacks.ask(url, content={"title": "Flood"})] * BUSY)
        for _ in range(8):
            assert production.ask("/ready").status == 200
            assert production.ask("/health").status == 200
            time.sleep(1)
    answers = wait()
    assert {answer.status for answer in answers} == {201, 503}
    for answer in answers:
        if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
            assert int(answer.headers["Retry-After"]) > 0
            assert "busy" in answer.json()["detail"]
    assert production.ask("/api/notes").status == 200


@contextmanager
def prepared(
    project: Path, umask: int, lock: Callable[[Path], None] = locking.lock
) -> Iterator[Path]:
    """Clone a project as somebody with this umask, lock it and give it ports and secrets."""
    clone = updating.clone(project, umask)
    ports = stacks.ports_of(clone)  # the replicas in production take those after the last
    free = stacks.free_ports(len(ports) + REPLICAS)
    settings = "".join(f"{key}={port}\n" for key, port in zip(ports, free, strict=False))
    with generated.umask(umask):
        (clone / ".env").write_text(settings)
        lock(clone)
        if (clone / "scripts" / "secrets.sh").exists():
            programs.run("sh", clone / "scripts" / "secrets.sh")
        elif (clone / "secrets").exists():
            programs.run("make", "--silent", "-C", clone, "secrets")
        stacks.give_to_developer(clone)
        yield clone
    stacks.remove_images(str(generated.read_answers(clone)["project_slug"]))


class Deployed:
    """A generated project and its two Compose environments, shared by the tests of a class."""

    answers: ClassVar[questions.Answers]
    umask: ClassVar[int] = 0o022  # of whoever cloned the project, and works on it

    @pytest.fixture(scope="class")
    @classmethod
    def project(cls, engine: None, render: Render) -> Iterator[Path]:
        """Render and lock a project that keeps clear of others on this machine."""
        project = render({**cls.answers, "project_slug": stacks.own_name()})
        with prepared(project, cls.umask) as clone:
            yield clone

    @pytest.fixture(scope="class")
    @classmethod
    def has_server(cls, project: Path) -> bool:
        """Say whether the database is a server of its own."""
        return generated.read_answers(project)["database"] not in ("sqlite", "none")

    @pytest.fixture(scope="class")
    @classmethod
    def development(cls, project: Path) -> Iterator[Stack]:
        """Start the development stack."""
        with Stack(project, stacks.DEVELOPMENT).running() as stack:
            yield stack

    @pytest.fixture(scope="class")
    @classmethod
    def production(cls, project: Path) -> Iterator[Stack]:
        """Start the production stack with as many replicas as .env.example offers."""
        with Stack(project, stacks.PRODUCTION, offered_replicas(project)).running() as stack:
            yield stack

    @pytest.fixture
    def source(self, project: Path, tmp_path: Path) -> Path:
        """Copy a project, to build it after an edit."""
        ignored = shutil.ignore_patterns("secrets")
        return shutil.copytree(project, tmp_path / "source", ignore=ignored)


class SelfTested(Deployed):
    """A web service whose own tests pass in its container."""

    def test_its_own_tests_pass_inside(self, development: Stack) -> None:
        answers = generated.read_answers(development.project)
        databases = ("psql", "--username=app", "--tuples-only", "--no-align", "--command")
        inside = ("exec", "-T", "database", *databases)
        uses_postgresql = answers["database"] == "postgresql"
        if uses_postgresql:  # as a run leaves it that was killed
            development.compose(*inside, "CREATE DATABASE app_test")
        run = ("run", "--rm", "web", "pytest", "--cov")
        for result in stacks.all_of([lambda: development.try_compose(*run)] * 2)():
            assert result.returncode == 0, result.stdout[-5000:]
            assert " passed" in result.stdout
        if uses_postgresql:
            left = development.compose(*inside, "SELECT datname FROM pg_database")
            assert "app_test" not in left


class Service(SelfTested):
    """What a web service promises; every stack that is run is tested for all of it."""

    # Development

    def test_the_development_stack_answers(self, development: Stack, has_server: bool) -> None:
        assert development.ask("/ready").status == 200
        if has_server:
            adminer = stacks.ask(f"http://{development.address('adminer')}/")
            assert "adminer" in adminer.body.lower()

    def test_every_port_is_open_to_this_machine_only(self, development: Stack) -> None:
        published = development.compose("ps", "--format", "{{.Ports}}")
        assert "127.0.0.1:" in published
        assert "0.0.0.0:" not in published

    def test_a_migration_can_be_written(self, development: Stack) -> None:
        write_migration(development, "notes")

    def test_production_runs_beside_it(self, development: Stack, production: Stack) -> None:
        assert {development.address(), production.address(), production.address(index=2)} == {
            f"127.0.0.1:{port}" for port in published(production.project)
        }
        for stack in (development, production):
            assert stack.ask("/ready").status == 200

    # Production

    def test_both_replicas_answer_after_one_migration(self, production: Stack) -> None:
        assert len(production.containers("web")) == REPLICAS
        for index in range(1, REPLICAS + 1):
            assert production.ask("/ready", index=index).status == 200
        assert production.compose("logs", "migrate").count("Running upgrade") == 1

    def test_the_service_keeps_what_it_is_told(self, production: Stack) -> None:
        created = production.ask("/api/notes", content={"title": "Tide"})
        assert created.status == 201
        path = f"/api/notes/{created.json()['id']}"
        assert production.ask(path, index=2).json() == created.json()
        assert production.ask(path, method="DELETE").status == 204
        assert production.ask(path, index=2).status == 404

    def test_logs_are_lines_of_json_with_the_request_id(self, production: Stack) -> None:
        answer = production.ask("/api/notes")
        logs = production.compose("logs", "--no-log-prefix", "web")
        (line,) = [line for line in logs.splitlines() if answer.headers["X-Request-ID"] in line]
        assert '"path": "/api/notes"' in line

    def test_the_containers_have_no_privileges(self, production: Stack) -> None:
        check_privileges(production)
        for container in (*production.containers("web"), *production.containers("migrate")):
            assert container["Config"]["User"] == "10001:10001"
        python = ("exec", "-T", "web", "python", "-c")
        assert production.compose(*python, "import os; print(os.getuid())") == "10001\n"
        assert production.try_compose(*python, "open('/app/x', 'w')").returncode != 0

    def test_the_image_holds_only_what_production_needs(self, production: Stack) -> None:
        look = "ls -a /opt/venv/bin /opt/venv/lib/*/site-packages /app /app/scripts"
        seen = set(production.within("web", look).split())
        assert "uvicorn" in seen or "gunicorn" in seen
        tools = {"uv", "pip", "pip-compile", "poetry", "pipenv", "pytest", "ruff", "mypy", "gcc"}
        assert not seen & {*tools, "debugpy"}
        assert not seen & {"tests", "secrets", ".git", ".env", "requirements", "lock.sh"}
        assert not seen & {"uv.lock", "poetry.lock", "Pipfile", "Pipfile.lock"}
        check_modes(production, "web")

    def test_a_replica_ends_cleanly_and_loses_no_request(self, production: Stack) -> None:
        url = f"http://{production.address()}/api/notes"
        replica = first_replica(production)
        with hold_writes(production):
            wait = stacks.all_of([lambda: stacks.ask(url, content={"title": "Ebb"})] * 6)
            time.sleep(1)
            stop = stacks.all_of([lambda: programs.run("docker", "stop", "--time", "30", replica)])
            time.sleep(1)
            assert container_state(replica)["Running"], "it did not wait for its requests"
        assert [answer.status for answer in wait()] == [201] * 6
        stop()
        assert container_state(replica)["ExitCode"] == 0
        programs.run("docker", "start", replica)
        stacks.eventually(lambda: production.ask("/ready").status == 200)

    def test_a_stopped_database_makes_it_unready_and_no_more(
        self, production: Stack, has_server: bool
    ) -> None:
        if not has_server:
            pytest.skip("SQLite has no server that could stop")
        started = container_state(first_replica(production))["StartedAt"]
        production.compose("stop", "database")
        answer = production.ask("/ready")
        assert (answer.status, answer.json()["status"]) == (503, 503)
        assert production.ask("/health").status == 200
        failed = production.ask("/api/notes")
        assert failed.status == 503
        assert failed.headers.get_content_type() == "application/problem+json"
        assert int(failed.headers["Retry-After"]) > 0
        assert failed.headers["X-Request-ID"]
        assert attacks.tells_nothing(failed.body)
        assert "database does not answer" in production.compose("logs", "web")
        production.compose("start", "database")
        stacks.eventually(lambda: production.ask("/ready").status == 200)
        assert container_state(first_replica(production))["StartedAt"] == started

    def test_data_survives_down_and_up(self, production: Stack) -> None:
        note = production.ask("/api/notes", content={"title": "Flood"}).json()
        production.compose("down", "--timeout", "5")
        production.compose("up", "--detach", "--wait")
        assert production.ask(f"/api/notes/{note['id']}").json() == note

    # Bad input

    def test_a_missing_setting_stops_the_container(
        self, production: Stack, has_server: bool
    ) -> None:
        service = production.containers("web")[0]["Config"]
        addresses = [f"--env={value}" for value in service["Env"] if "_URL=" in value]
        if generated.read_answers(production.project)["framework"] == "flask":
            missing = run_image(production, *addresses, service["Image"])
            assert missing.returncode == 1
            assert missing.stdout.startswith("SECRET_KEY is not set: ")
            assert missing.stdout.count("\n") == 1
            addresses.append(f"--env=SECRET_KEY={KEY}")
        keys = [option for option in addresses if "_URL=" not in option]
        missing = run_image(production, *keys, service["Image"])
        assert missing.returncode == 1
        assert missing.stdout.startswith("DATABASE_URL is not set: ")
        assert missing.stdout.count("\n") == 1
        if has_server:
            missing = run_image(production, *addresses, service["Image"])
            assert missing.returncode == 1
            assert missing.stdout.startswith("DATABASE_PASSWORD is not set: ")
            assert missing.stdout.count("\n") == 1

    # Environments

    def test_several_processes_answer_or_end_with_one_message(self, production: Stack) -> None:
        processes = ("--no-deps", "--env=WEB_CONCURRENCY=2")
        name = stacks.own_name()
        production.compose("run", "--detach", f"--name={name}", *processes, "web")
        try:
            started = re.compile("Application startup complete|Booting worker")
            stacks.eventually(
                lambda: len(started.findall(programs.run("docker", "logs", name))) == REPLICAS
            )
            programs.run("docker", "exec", name, "python", "scripts/healthcheck.py")
        finally:
            programs.run("docker", "rm", "--force", name)
        result = production.try_run(*processes, "--env=LOG_LEVEL=LOUD", "web")
        assert result.returncode == 1
        assert result.stdout.count("LOG_LEVEL is not valid: ") == 1

    def test_both_environments_have_the_same_home_and_may_write_to_it(
        self, development: Stack, production: Stack
    ) -> None:
        for stack in (development, production):
            assert use_home(stack, "web") == HOME_CACHE

    def test_what_it_writes_there_is_bounded(self, production: Stack) -> None:
        result = production.try_compose("exec", "-T", "web", "python", "-c", FILL_HOME)
        assert result.returncode != 0
        assert "No space left on device" in result.stdout
        assert not container_state(first_replica(production))["OOMKilled"]

    def test_it_is_reached_with_ipv6_and_with_ipv4(self, production: Stack) -> None:
        network = f"{production.project.name}-ipv6"
        subnet = f"fd{uuid.uuid4().hex[:2]}:{uuid.uuid4().hex[:4]}::/64"
        replica = first_replica(production)
        image = production.containers("web")[0]["Config"]["Image"]
        programs.run("docker", "network", "create", "--ipv6", f"--subnet={subnet}", network)
        try:
            programs.run("docker", "network", "connect", network, replica)
            (details,) = json.loads(programs.run("docker", "inspect", replica))
            addresses = details["NetworkSettings"]["Networks"][network]
            for host in (f"[{addresses['GlobalIPv6Address']}]", addresses["IPAddress"]):
                asked = run_image(
                    production,
                    *(f"--network={network}", "--entrypoint=python", image, "-c", ASK),
                    f"http://{host}:8000/ready",
                )
                assert asked.stdout == "200\n", host
        finally:
            stacks.execute(
                *("docker", "network", "disconnect", "--force", network, replica),
                cwd=production.project,
            )
            programs.run("docker", "network", "rm", network)

    def test_development_is_reached_on_a_network_without_ipv4(self, development: Stack) -> None:
        web = development.containers("web")[0]["Config"]
        name = f"{development.project.name}-without-ipv4"
        programs.run(
            *("docker", "run", "--detach", f"--name={name}", "--network=none"),
            *(f"--env={variable}" for variable in web["Env"]),
            *(f"--volume={development.project}:/app", web["Image"]),
        )
        try:
            ask = ("docker", "exec", name, "python", "-c", ASK, "http://[::1]:8000/health")
            stacks.eventually(
                lambda: stacks.execute(*ask, cwd=development.project).stdout == "200\n",
                patience=120,
            )
        finally:
            programs.run("docker", "rm", "--force", "--volumes", name)

    def test_it_does_without_ipv6(self, production: Stack, tmp_path: Path) -> None:
        profile = tmp_path / "no-ipv6.json"  # a kernel without has no such sockets
        profile.write_text(json.dumps(NO_IPV6), "utf-8")
        option = {"security_opt": [f"seccomp:{profile}"]}
        without = stacks.changed(production, tmp_path, web=option)
        try:
            without.compose("up", "--detach", "--wait", "--no-deps", "web")
            assert without.ask("/ready").status == 200
            refused = without.try_compose("exec", "-T", "web", "python", "-c", IPV6_SOCKET)
            assert "Address family not supported" in refused.stdout
        finally:
            production.compose("up", "--detach", "--wait", "--no-deps", "web")


class Busy(Deployed):
    """What a web service promises while it has more to do than it can."""

    def test_a_busy_service_says_so_and_stays_ready(self, production: Stack) -> None:
        check_busy(production)


class Workplace(Deployed):
    """What a web service promises its developers and operators, whatever else was answered."""

    def test_the_debugger_waits_for_nobody(self, development: Stack) -> None:
        host, port = development.address("web", 5678).split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            assert connection.recv(1024).startswith(b"Content-Length: ")

    def test_an_edit_is_live_at_once(self, development: Stack) -> None:
        source = development.package / "request_log.py"
        original = source.read_text("utf-8")
        try:
            source.write_text(original.replace("X-Request-ID", "X-Edited-ID"), "utf-8")
            stacks.eventually(lambda: "X-Edited-ID" in development.ask("/health").headers)
        finally:
            source.write_text(original, "utf-8")
        stacks.eventually(lambda: "X-Request-ID" in development.ask("/health").headers)

    def test_a_start_without_a_module_ends_and_says_what_brings_it(
        self, development: Stack
    ) -> None:
        with missing_a_module(development):
            started = time.monotonic()
            result = development.try_compose(*START_AGAIN, "web")
            assert result.returncode != 0
            assert time.monotonic() - started < 60
            assert ADVICE in development.compose("logs", "web")
            result = development.try_compose("run", "--rm", "-T", "migrate")
            assert result.returncode != 0
            assert ADVICE in result.stdout
        development.compose(*START_AGAIN, "web")

    def test_a_mistake_in_an_edit_ends_nothing(self, development: Stack) -> None:
        before = development.containers("web")[0]["State"]["StartedAt"]
        for mistake, told in ((")", "SyntaxError"), (f"import {MISSING}", "ModuleNotFoundError")):
            often = development.compose("logs", "web").count(told)
            with edited(development.package / "request_log.py", mistake):
                stacks.eventually(partial(tells, development, told, often))
                if generated.read_answers(development.project)["framework"] == "flask":
                    # It answers once its reloader knows this version of the file.
                    stacks.eventually(lambda: development.ask("/health").status != HTTPStatus.OK)
            stacks.eventually(lambda: development.ask("/health").status == HTTPStatus.OK)
        assert development.containers("web")[0]["State"]["StartedAt"] == before

    def test_a_part_of_its_tests_can_be_run(self, development: Stack) -> None:
        assert " passed" in development.compose("run", "--rm", "web", "pytest", PART_OF_TESTS)

    def test_its_tests_say_that_their_database_is_away(
        self, development: Stack, has_server: bool
    ) -> None:
        if not has_server:
            pytest.skip("SQLite has no server that could be away")
        away = "DATABASE_URL=postgresql+psycopg://app@localhost:1/app"
        command = ("run", "--rm", "--no-deps", f"--env={away}", "web", "pytest", "--quiet")
        result = development.try_compose(*command)
        assert result.returncode == 2
        assert result.stdout.count("The database of DATABASE_URL cannot be reached: ") == 1
        assert "Traceback" not in result.stdout

    def test_its_own_linters_pass_inside(self, development: Stack) -> None:
        development.compose(
            "run", "--rm", "web", "sh", "-c", "ruff check && ruff format --check && mypy"
        )

    @pytest.mark.skipif(os.getuid() != 0, reason="only root's files could tell the difference")
    def test_the_work_tree_holds_no_file_of_roots(self, development: Stack) -> None:
        development.compose("run", "--rm", "web", "pytest", "--quiet")
        migrate: tuple[str, ...] = ("alembic",)
        if generated.read_answers(development.project)["framework"] == "flask":
            migrate = ("flask", "db")
            assert "/ready" in development.compose("exec", "-T", "web", "flask", "routes")
        revision = development.compose("exec", "-T", "web", *migrate, "revision", "--message=Empty")
        owners = {path.lstat().st_uid for path in development.project.rglob("*")}
        (written,) = development.project.glob("migrations/versions/*_empty.py")
        written.unlink()
        assert owners == {stacks.DEVELOPER}, revision

    def test_no_secret_is_in_the_image(self, production: Stack, has_server: bool) -> None:
        if not has_server:
            pytest.skip("SQLite needs no secret")
        secret = (production.project / "secrets" / "database_password").read_text().strip()
        image = production.containers("web")[0]["Config"]["Image"]
        assert secret not in programs.run("docker", "image", "inspect", image)
        assert secret not in programs.run("docker", "history", "--no-trunc", image)
        search = f'grep --recursive --quiet --fixed-strings "{secret}" /app /opt /etc /home'
        tools = stacks.bring_tools(production.project)
        shell = ("--user=0", *tools, "--entrypoint=sh")
        result = run_image(production, *shell, image, "-c", search)
        assert result.returncode == 1, "grep has found it, or cannot search"

    def test_what_runs_is_what_the_lock_says(self, production: Stack) -> None:
        assert len(production.containers("web")) == REPLICAS
        assert programs.run("make", "--silent", "drift", cwd=production.project) == ""

    def test_a_missing_secret_is_named(self, production: Stack, has_server: bool) -> None:
        if not has_server:
            pytest.skip("SQLite needs no secret")
        secret = production.project / "secrets" / "database_password"
        aside = secret.rename(secret.with_name("aside"))
        try:
            refused = Stack(
                production.project,
                ("--project-name", f"{production.project.name}-x", *production.files),
            )
            result = refused.try_compose("up", "--detach", "--no-build", "database")
            refused.try_compose("down", "--volumes")
        finally:
            aside.rename(secret)
        assert result.returncode != 0
        words = "bind source path does not exist: "
        assert re.search(f"{words}.*/secrets/database_password", result.stdout)
        document = (production.project / "docs" / "production.md").read_text("utf-8")
        assert re.search(f"`{words}.*make secrets", document)


class WithoutShell(Deployed):
    """What a project promises whose image has no shell."""

    def test_nothing_is_there_but_python(self, production: Stack) -> None:
        names = {Path(name).name for name in files_of(image_of(production))}
        assert "python" in names
        assert not names & NOT_PYTHON

    def test_what_is_not_there_is_named(self, production: Stack) -> None:
        result = run_image(production, image_of(production), "sh")
        assert (result.returncode, result.stdout) == (1, "There is no sh in this image.\n")

    def test_a_shell_beside_production_sees_it(self, production: Stack) -> None:
        shell = ("make", "--silent", "production-shell")
        look = "id -u && ls /proc/1/root/app/scripts && ! touch /proc/1/root/app/x"
        result = subprocess.run(
            shell, cwd=production.project, input=look, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        assert result.stdout.split()[:2] == ["10001", "entrypoint.py"]


class Rotation(Deployed):
    """What operators are promised who change the passwords of the database."""

    def test_the_passwords_can_be_changed(self, production: Stack) -> None:
        folder = production.project / "secrets"
        old = {file.name: file.read_text() for file in folder.glob("[!.]*")}
        assert len(old) == 2
        assert all(accepts(production, name, password) for name, password in old.items())
        result = stacks.execute(
            "make", "rotate-secrets", cwd=production.project, **production.environment
        )
        stacks.give_to_developer(production.project)
        assert result.returncode == 0, result.stdout
        assert not [word for word in old.values() if word in result.stdout]
        new = {file.name: file.read_text() for file in folder.glob("[!.]*")}
        assert new.keys() == old.keys()
        assert all(accepts(production, name, password) for name, password in new.items())
        assert not any(accepts(production, name, password) for name, password in old.items())


class Builds(Deployed):
    """What the builds of an image promise, for each dependency manager and kind of image."""

    refusal: ClassVar[str] = "run `uv lock`|run 'make lock'"  # of a lock that is stale

    def test_a_source_edit_leaves_the_dependencies_alone(
        self, production: Stack, source: Path
    ) -> None:
        with next((source / "src").iterdir()).joinpath("logs.py").open("a") as module:
            module.write("# an edit\n")
        result = build(source)
        assert result.returncode == 0, result.stdout
        cached = [step for step in steps(result.stdout) if step.endswith("CACHED")]
        assert any("/opt/venv /opt/venv" in step for step in cached)
        assert any("type=cache" in step for step in cached)

    def test_a_stale_lock_is_refused_and_a_new_one_downloads_only_what_is_new(
        self, production: Stack, source: Path
    ) -> None:
        # Layers may come from the cache without the downloads, which a full cache drops first.
        assert build(source, "--no-cache-filter", "build").returncode == 0

        add_dependency(source, "pyfiglet")
        result = build(source)
        assert result.returncode != 0
        assert re.search(self.refusal, result.stdout)

        locking.lock(source)
        result = build(source)
        assert result.returncode == 0, result.stdout
        downloaded = re.findall(r" Downloading (\S+)", result.stdout)
        if self.answers.get("dependency_manager", "uv") != "uv" and not pip_keeps_downloads(source):
            return  # an index may forbid pip to keep anything; then there is nothing to reuse
        assert all("pyfiglet" in name for name in downloaded)
        assert not re.search(r"Prepared ([2-9]|\d\d+) packages", result.stdout)


def build(source: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Build the production image of a project, with every step in the output."""
    return stacks.execute(
        "docker", "build", "--progress", "plain", "--quiet=false", *options, ".", cwd=source
    )


def run_image(stack: Stack, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run an image beside a stack, without what Compose would tell it."""
    return stacks.execute("docker", "run", "--rm", *arguments, cwd=stack.project)


def image_of(stack: Stack) -> str:
    """Name the image that a project builds."""
    return f"{stacks.slug_of(stack.project)}:latest"


def files_of(image: str) -> list[str]:
    """List the files of an image."""
    container = programs.run("docker", "create", image, "none").strip()
    try:
        command = [programs.tool("docker"), "export", container]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as export:
            assert export.stdout is not None
            with tarfile.open(fileobj=export.stdout, mode="r|") as archive:
                return [member.name for member in archive if not member.isdir()]
    finally:
        programs.run("docker", "rm", container)


def add_dependency(source: Path, name: str) -> None:
    """Ask for one more dependency without locking it."""
    for manifest, before, after in (
        ("requirements/base.in", "", f"{name}\n"),
        ("Pipfile", "[packages]\n", f'[packages]\n{name} = "*"\n'),
        ("pyproject.toml", "dependencies = [", f'dependencies = [\n"{name}",'),
    ):
        file = source / manifest
        if file.exists():
            text = file.read_text("utf-8")
            file.write_text(text.replace(before, after, 1) if before else text + after, "utf-8")
            return


def steps(output: str) -> list[str]:
    """Join the lines of each step of a build, which the builder numbers."""
    lines: dict[str, str] = {}
    for number, text in re.findall(r"^#(\d+) (.*)$", output, re.MULTILINE):
        lines[number] = f"{lines.get(number, '')} {text}"
    return list(lines.values())


def first_replica(stack: Stack) -> str:
    """Name the container of the first replica."""
    return min(str(container["Name"]).removeprefix("/") for container in stack.containers("web"))


def accepts(stack: Stack, secret: str, password: str) -> bool:
    """Say whether the database accepts what was in a file of secrets, now or before."""
    is_application = secret.endswith("database_password")
    database = str(generated.read_answers(stack.project)["database"])
    if database == "postgresql":
        user = "app" if is_application else "postgres"
        client: tuple[str, ...] = ("psql", f"--username={user}", "--command=SELECT 1", "app")
    else:
        user = "app" if is_application else "root"
        client = (database, f"--user={user}", "--execute=SELECT 1")
    passwords = (f"--env=PGPASSWORD={password}", f"--env=MYSQL_PWD={password}")
    command = ("exec", "-T", *passwords, "database", *client, "--host=database")
    return stack.try_compose(*command).returncode == 0


def container_state(name: str) -> dict[str, Any]:
    """Say how a container fares."""
    state: dict[str, Any] = json.loads(programs.run("docker", "inspect", name))[0]["State"]
    return state


@contextmanager
def hold_writes(stack: Stack, seconds: int = 4) -> Iterator[None]:
    """Keep every write to the database waiting for some seconds from the start of the block."""
    database = str(generated.read_answers(stack.project)["database"])
    client, statements = LOCKS[database]
    place = ("--index", "2", "web") if database == "sqlite" else ("database", "sh", "-c")
    holder = stack.in_background("exec", "-T", *place, *client)
    assert holder.stdin is not None
    assert holder.stdout is not None
    holder.stdin.write(statements.format(seconds=seconds))
    holder.stdin.close()
    assert holder.stdout.readline().strip() == "held"
    yield
    assert holder.wait() == 0


def pip_keeps_downloads(source: Path) -> bool:
    """Say whether the cache of pip that builds mount holds any download."""
    python = re.findall(r"^FROM \S*python:.*", (source / "Dockerfile").read_text("utf-8"), re.M)[-1]
    dockerfile = (
        f"{python}\n"
        "RUN --mount=type=cache,target=/root/.cache/pip test -d /root/.cache/pip/http-v2\n"
    )
    (source / "Dockerfile.cache").write_text(dockerfile, "utf-8")
    result = stacks.execute(
        "docker", "build", "--no-cache", "--file", "Dockerfile.cache", ".", cwd=source
    )
    return result.returncode == 0
