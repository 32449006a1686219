"""No task is lost, and the service does without its cache and its broker for a while."""

import json
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import ClassVar

import deployments
import generated
import programs
import prometheus
import pytest
import questions
import stacks
from attacks import Attacks, tells
from container_promises import (
    ADVICE,
    HOME_CACHE,
    START_AGAIN,
    Deployed,
    missing_a_module,
    use_home,
)
from database_promises import FLASK_DOWNGRADE, Sqlite
from deployments import Load
from metrics_promises import ON, Measured
from prometheus import Prometheus
from secrets_in_logs import Database, check_lines
from stacks import Stack
from telemetry_promises import ENDPOINT, PYTHON, SCRIPT, Telemetry, Traced, check_trace, parent

pytestmark = pytest.mark.docker

TIME_LIMIT = 30  # seconds; the broker gives up on a worker after 70
PATIENCE = 180  # seconds; the schedule runs every minute
KILL_CHILDREN = """\
import os, pathlib, re, signal
for status in pathlib.Path("/proc").glob("[0-9]*/status"):
    if re.search("^PPid:\\t1$", status.read_text(), re.M):
        os.kill(int(status.parent.name), signal.SIGKILL)
"""
STOPS = r"\nworker: (Warm|Cold) shutdown \(MainProcess\)\n"  # what Celery says past all loggers


class TestQueue(Deployed, Attacks, Telemetry):
    """A service with a cache, a task queue, a database and telemetry."""

    task = "measure_note"

    answers: ClassVar[questions.Answers] = {
        "framework": "fastapi",
        "dependency_manager": "pipenv",
        "database": "postgresql",
        "cache": "valkey",
        "task_queue": "celery",
        "telemetry": "opentelemetry",
    }

    @pytest.fixture(scope="class")
    @classmethod
    def production(cls, project: Path) -> Iterator[Stack]:
        """Start the production stack with tasks that may not take long."""
        environment = {"TASK_TIME_LIMIT": str(TIME_LIMIT), **ENDPOINT}
        with Stack(project, stacks.PRODUCTION, environment).running() as stack:
            yield stack

    @pytest.fixture(scope="class")
    @classmethod
    def development(
        cls, project: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Stack]:
        """Start the development stack with a collector, in place of the large one of developers."""
        stack = Stack(project, stacks.DEVELOPMENT, {"COMPOSE_PROFILES": "telemetry"})
        collector = {"image": PYTHON, "command": ["python", "-c", SCRIPT]}
        folder = tmp_path_factory.mktemp("collector")
        with stacks.changed(stack, folder, telemetry=collector).running() as running:
            yield running

    # Development

    def test_a_request_and_its_task_are_one_trace(self, development: Stack) -> None:
        (collector,) = development.containers("telemetry")
        traced, trace = Traced(development, collector["Id"]), uuid.uuid4().hex
        traced.ask("/api/notes", {"title": "Tide"}, traceparent=parent(trace))
        resources = check_trace(traced, trace, self.task)
        for resource in resources.values():
            assert resource["deployment.environment.name"] == "development"

    def test_its_own_tests_find_the_servers(self, development: Stack) -> None:
        output = development.compose("run", "--rm", "web", "pytest")
        assert re.search(r"\d+ passed in", output), "a test was skipped"

    def test_flower_shows_the_worker(self, development: Stack) -> None:
        address = development.address("flower", 5555)
        stacks.eventually(lambda: "celery@" in stacks.ask(f"http://{address}/workers").body)

    def test_flower_is_healthy_behind_a_companys_proxy(
        self, development: Stack, tmp_path: Path
    ) -> None:
        inside = stacks.changed(development, tmp_path, flower={"environment": stacks.COMPANY_PROXY})
        inside.compose("up", "--detach", "--no-deps", "flower")
        (container,) = inside.containers("flower")
        assert "http_proxy=http://127.0.0.1:1" in container["Config"]["Env"]
        stacks.eventually(
            lambda: inside.containers("flower")[0]["State"]["Health"]["Status"] == "healthy"
        )

    def test_an_edit_reaches_the_worker(self, development: Stack) -> None:
        tasks = development.package / "notes" / "tasks.py"
        original = tasks.read_text("utf-8")
        try:
            tasks.write_text(original.replace("= 240", "= 1"), "utf-8")
            stacks.eventually(lambda: measured(development)["reading_seconds"] == 180, PATIENCE)
        finally:
            tasks.write_text(original, "utf-8")

    # Production

    def test_a_note_is_measured(self, production: Stack) -> None:
        assert measured(production) == {"characters": 12, "words": 3, "reading_seconds": 1}

    def test_every_container_is_hardened(self, production: Stack) -> None:
        users = {"worker": "10001:10001", "beat": "10001:10001"}
        users |= {"cache": "999:999", "broker": "999:999"}
        for service, user in users.items():
            (container,) = production.containers(service)
            assert container["Config"]["User"] == user
            assert container["State"]["Health"]["Status"] == "healthy"
            host = container["HostConfig"]
            assert host["ReadonlyRootfs"]
            assert host["CapDrop"] == ["ALL"]
            assert host["SecurityOpt"] == ["no-new-privileges:true"]
            assert host["Memory"] > 0
            assert not host["PortBindings"]

    def test_workers_have_the_home_of_the_service(
        self, development: Stack, production: Stack
    ) -> None:
        for stack in (development, production):
            for service in ("worker", "beat"):
                assert use_home(stack, service) == HOME_CACHE

    def test_a_folder_of_somebody_else_is_named(self, production: Stack, tmp_path: Path) -> None:
        folder = tmp_path / "data"
        folder.mkdir()
        broker = {"volumes": [f"{folder}:/data"]}
        changed = stacks.changed(production, tmp_path, broker=broker)
        refused = changed.try_run("--no-deps", "broker")
        assert refused.returncode == 1
        assert "/data cannot be written: " in refused.stdout
        assert "must belong to user 999 " in refused.stdout

    def test_the_logs_are_lines_of_json(self, production: Stack) -> None:
        for service in ("worker", "beat"):
            (container,) = production.containers(service)
            lines = programs.run("docker", "logs", container["Id"]).splitlines()
            assert lines
            for line in lines:
                assert json.loads(line)["level"]

    def test_the_worker_logs_the_id_of_the_request(self, production: Stack) -> None:
        answer = production.ask("/api/notes", content={"title": "Tide", "body": "High at noon"})
        told = f'"request_id": "{answer.headers["X-Request-ID"]}"'
        stacks.eventually(lambda: told in production.compose("logs", "worker"))

    def test_a_stopped_worker_finishes_its_task(self, production: Stack) -> None:
        (worker,) = production.containers("worker")
        with hold_figures(production):
            path = create_note(production)
            wait_for_worker(production)
            stopping = production.in_background("stop", "worker")
            stacks.eventually(lambda: "Warm shutdown" in production.compose("logs", "worker"))
        assert stopping.wait() == 0
        assert production.containers("worker")[0]["State"]["ExitCode"] == 0
        assert production.ask(f"{path}/figures").status == 200
        programs.run("docker", "start", worker["Id"])

    def test_a_task_outlives_the_process_that_does_it(self, production: Stack) -> None:
        with without_schedule(production):
            with hold_figures(production):
                path = create_note(production)
                wait_for_worker(production)
                production.compose("exec", "-T", "worker", "python", "-c", KILL_CHILDREN)
            stacks.eventually(lambda: production.ask(f"{path}/figures").status == 200, PATIENCE)

    def test_a_task_outlives_its_worker(self, production: Stack) -> None:
        with without_schedule(production):
            with hold_figures(production):
                path = create_note(production)
                wait_for_worker(production)
                production.compose("kill", "--signal", "SIGKILL", "worker")
            assert production.ask(f"{path}/figures").status == 404
            assert broker(production, "hlen", "unacked") != "0"

            production.compose("start", "worker")
            stacks.eventually(lambda: production.ask(f"{path}/figures").status == 200, PATIENCE)
            stacks.eventually(lambda: broker(production, "hlen", "unacked") == "0")
            assert broker(production, "llen", "celery") == "0"
            notes, figures = (
                sql(production, f"TABLE {name}") for name in ("notes", "note_figures")
            )
            assert len(notes.splitlines()) == len(figures.splitlines())

    def test_the_schedule_makes_up_for_a_broker_that_was_away(self, production: Stack) -> None:
        production.compose("stop", "--timeout", "5", "broker")
        path = create_note(production)
        assert production.ask("/ready").status == 200
        assert "broker does not answer" in production.compose("logs", "web")
        assert production.ask(f"{path}/figures").status == 404

        production.compose("start", "broker")
        stacks.eventually(lambda: production.ask(f"{path}/figures").status == 200, PATIENCE)

    def test_notes_are_read_and_changed_while_the_cache_is_away(self, production: Stack) -> None:
        path = create_note(production)
        assert production.ask(path).status == 200
        production.compose("stop", "--timeout", "5", "cache")
        try:
            started = time.monotonic()
            assert production.ask(path).json()["title"] == "Tide"
            production.ask(path, content={"title": "Ebb"}, method="PUT")
            assert production.ask(path).json()["title"] == "Ebb"
            assert production.ask("/ready").status == 200
            assert time.monotonic() - started < 10
        finally:
            production.compose("start", "cache")
        assert "cache does not answer" in production.compose("logs", "web")
        stacks.eventually(lambda: production.ask(path).json()["title"] == "Ebb")

    def test_logs_hold_nothing_that_a_task_was_given(self, production: Stack) -> None:
        sent, package = uuid.uuid4().hex, production.package.name
        send = (
            f"from {package}.worker import celery; celery.send_task('unknown', ['{sent}'], "
            f"{{'of': '{sent}'}}); celery.send_task('{package}.notes.tasks.measure_missing_notes')"
        )
        database = Database(production)
        production.compose("stop", "database")
        production.compose("exec", "-T", "worker", "python", "-c", send)
        for said in ("unregistered task", "raised unexpected"):
            stacks.eventually(partial(is_logged, production, said))
        database.start()
        (worker,) = production.containers("worker")
        logs = programs.run("docker", "logs", worker["Id"])
        assert not [word for word in (*database.secrets, sent) if tells(logs, word)]
        check_lines(re.sub(STOPS, "", logs))

    def test_what_is_enqueued_outlives_the_broker(self, production: Stack) -> None:
        with without_schedule(production):
            production.compose("stop", "worker")
            path = create_note(production)
            time.sleep(1.5)  # what was appended reaches the disk within a second
            production.compose("kill", "--signal", "SIGKILL", "broker")
            production.compose("start", "broker")
            production.compose("start", "worker")
            stacks.eventually(lambda: production.ask(f"{path}/figures").status == 200, PATIENCE)


@pytest.mark.thorough
class TestDeployment(Deployed):
    """Workers are replaced between the migration and the switch of nginx."""

    answers: ClassVar[questions.Answers] = {
        "task_queue": "celery",
        "reverse_proxy": "nginx",
        "telemetry": "prometheus",
    }

    @pytest.fixture(scope="class")
    @classmethod
    def production(cls, project: Path) -> Iterator[Stack]:
        """Start the production stack."""
        with Stack(project, stacks.PRODUCTION, ON).running() as stack:
            yield stack

    def test_metrics_are_on_no_published_port(self, production: Stack) -> None:
        names = {sample.name for sample in Measured(production).samples("worker")}
        assert "process_cpu_seconds_total" in names
        assert production.ask("/metrics").status == 404
        published = [
            ports
            for each in production.containers()
            for ports in each["HostConfig"]["PortBindings"]
        ]
        assert published == ["8080/tcp"]

    def test_a_deployment_loses_neither_requests_nor_tasks(self, production: Stack) -> None:
        names = ("web", "worker", "beat")
        before = deployments.runs(production, *names)
        with Load(production.address()).running() as load:  # whose notes are measured, too
            deployments.deployed(production, TAG="1.0.1")
        now = deployments.runs(production, *names)
        assert load.lost == []
        assert {name.rpartition(":")[2] for name in now.values()} == {"1.0.1"}
        assert len(now) == len(before)
        assert not now.keys() & before.keys()
        stacks.eventually(lambda: broker(production, "llen", "celery") == "0", PATIENCE)
        stacks.eventually(lambda: broker(production, "hlen", "unacked") == "0", PATIENCE)
        notes, figures = (sql(production, f"TABLE {name}") for name in ("notes", "note_figures"))
        assert len(notes.splitlines()) == len(figures.splitlines())

    def test_workers_that_fail_change_nothing(self, production: Stack) -> None:
        before = deployments.runs(production, "web", "beat")
        images = sorted(deployments.runs(production).values())
        with deployments.ending_at_once(production, "worker"):
            result = deployments.deploy(production, TAG="1.0.2")
        assert result.returncode != 0
        assert deployments.LAST_WORDS in result.stdout
        assert "did not become healthy, as their last lines say: " in result.stdout
        assert deployments.runs(production, "web").items() <= before.items()
        stacks.eventually(lambda: sorted(deployments.runs(production).values()) == images)


class TestQueueWithSqlite(Sqlite):
    """Some of the services share the volume of the database, others have none."""

    downgrade = FLASK_DOWNGRADE

    answers: ClassVar[questions.Answers] = {
        "framework": "flask",
        "database": "sqlite",
        "cache": "redis",
        "task_queue": "celery",
        "telemetry": "prometheus",
    }
    repeats = ("test_a_start_without_a_module_ends_and_says_what_brings_it",)

    @pytest.fixture(scope="class")
    @classmethod
    def development(
        cls, project: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Stack]:
        """Start the development stack, where Prometheus can join it."""
        stack = Stack(project, stacks.DEVELOPMENT)
        folder = tmp_path_factory.mktemp("prometheus")
        own = {"image": prometheus.image()}
        with stacks.changed(stack, folder, prometheus=own).running() as running:
            yield running

    def test_its_own_tests_pass_inside(self, development: Stack) -> None:
        assert " passed" in development.compose("run", "--rm", "web", "pytest", "--cov")

    def test_every_service_runs(self, development: Stack) -> None:
        for container in development.containers():
            service = container["Config"]["Labels"]["com.docker.compose.service"]
            if service == "migrate":
                assert container["State"]["ExitCode"] == 0
            else:
                assert container["State"]["Health"]["Status"] == "healthy", service

    def test_a_start_without_a_module_ends_and_says_what_brings_it(
        self, development: Stack
    ) -> None:
        services = ("worker", "beat")
        with missing_a_module(development):
            for service in services:
                assert development.try_compose(*START_AGAIN, service).returncode != 0
                assert ADVICE in development.compose("logs", service)
        development.compose(*START_AGAIN, *services)

    def test_a_note_is_measured(self, development: Stack) -> None:
        assert measured(development) == {"characters": 12, "words": 3, "reading_seconds": 1}

    def test_prometheus_finds_every_process_and_each_metric_that_is_asked_for(
        self, development: Stack
    ) -> None:
        development.compose("up", "--detach", "prometheus")
        measured(development)
        server = Prometheus(development.address("prometheus", 9090))
        slug = str(generated.read_answers(development.project)["project_slug"])
        jobs = {slug, f"{slug}-worker", f"{slug}-beat"}
        stacks.eventually(lambda: {each["job"] for each in server.find("up == 1")} == jobs)
        for query in prometheus.queries(development.project):
            server.find(query.replace("$__rate_interval", "1m"))  # which it understands
            for name in prometheus.metrics_in(query):
                stacks.eventually(lambda name=name: bool(server.find(name)))  # type: ignore[misc]
        tasks = 'messaging_process_duration_seconds_count{celery_task_state="SUCCESS"} > 0'
        assert server.find(tasks)
        assert server.find("messaging_wait_duration_seconds_count > 0")
        assert {rule["health"] for rule in server.rules()} == {"ok"}
        # What was down while it was started counts for a while.
        stacks.eventually(
            lambda: "ServiceDown" not in {each["name"] for each in server.rules() if each["alerts"]}
        )

        programs.run("make", "down", cwd=development.project)
        own = f"--filter=label=com.docker.compose.project={slug}"
        assert programs.run("docker", "ps", "--all", "--quiet", own) == ""
        development.compose("up", "--detach", "--wait")


def is_logged(stack: Stack, said: str) -> bool:
    """Say whether the worker has logged something."""
    return said in stack.compose("logs", "worker")


def create_note(stack: Stack) -> str:
    """Create a note and return its path."""
    answer = stack.ask("/api/notes", content={"title": "Tide", "body": "High at noon"})
    assert answer.status == 201
    return f"/api/notes/{answer.json()['id']}"


def measured(stack: Stack) -> dict[str, int]:
    """Create a note and wait for its figures."""
    path = create_note(stack)
    stacks.eventually(lambda: stack.ask(f"{path}/figures").status == 200, PATIENCE)
    figures: dict[str, int] = stack.ask(f"{path}/figures").json()
    return figures


def sql(stack: Stack, statement: str) -> str:
    """Ask the database."""
    client = ("psql", "--username=app", "--tuples-only", "--no-align", "app", "--command")
    return stack.compose("exec", "-T", "database", *client, statement).strip()


def broker(stack: Stack, *command: str) -> str:
    """Ask the broker."""
    return stack.compose("exec", "-T", "broker", "valkey-cli", *command).strip()


def wait_for_worker(stack: Stack) -> None:
    """Wait until a task waits for the lock on the figures; the schedule may have sent it, too."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    try:
        stacks.eventually(lambda: sql(stack, waiting) != "0")
    except pytest.fail.Exception:
        pytest.fail(f"No task waits:\n{stack.compose('logs', '--tail=40', 'web', 'worker')}")


@contextmanager
def without_schedule(stack: Stack) -> Iterator[None]:
    """Stop beat, which would make up for a lost task, until the end of the block."""
    stack.compose("stop", "beat")
    try:
        yield
    finally:
        stack.compose("start", "beat")


@contextmanager
def hold_figures(stack: Stack) -> Iterator[None]:
    """Keep every task that writes figures waiting, until the end of the block."""
    client = ("psql", "--username=app", "--quiet", "app")
    holder = stack.in_background("exec", "-T", "database", *client)
    assert holder.stdin is not None
    assert holder.stdout is not None
    holder.stdin.write("BEGIN; LOCK TABLE note_figures IN SHARE MODE; \\echo held\n")
    holder.stdin.flush()
    assert holder.stdout.readline().strip() == "held"
    try:
        yield
    finally:
        holder.stdin.close()  # without a COMMIT the server lets go of everything
        assert holder.wait() == 0
