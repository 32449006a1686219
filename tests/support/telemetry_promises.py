"""What web services promise that send traces and metrics, as a collector of the tests sees it."""

import base64
import importlib.util
import json
import threading
import time
import urllib.request
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import programs
import pytest
import stacks
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from repository import ROOT
from stacks import Stack

from extensions import decisions

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
BOUND = 3  # seconds that an export may take
OFTEN = {"OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_METRIC_EXPORT_INTERVAL": "500"}  # milliseconds
PYTHON = decisions.read_images()["python-3.14-slim"]
PARENT = "00f067aa0ba902b7"
# Prints each request, with its path.
SCRIPT = """\
import base64, http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        print(json.dumps([self.path, base64.b64encode(body).decode()]), flush=True)
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", 4318), Handler).serve_forever()
"""
KILL_NEWEST_CHILD = """\
import os, pathlib, re, signal
children = [
    int(status.parent.name)
    for status in pathlib.Path("/proc").glob("[0-9]*/status")
    if re.search("^PPid:\\t1$", status.read_text(), re.M)
]
os.kill(max(set(children) - {os.getpid()}), signal.SIGKILL)
"""


def decoder() -> Any:
    """Load what reads spans in the tests of projects."""
    file = ROOT / "template" / "tests" / "otlp_receiver.py"
    spec = importlib.util.spec_from_file_location("otlp_receiver", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Traced:
    """A stack in production, and the container of a collector in its network."""

    stack: Stack
    container: str

    def bodies(self, path: str = "") -> list[bytes]:
        """List what was sent to a path, or to all."""
        lines = programs.run("docker", "logs", self.container).splitlines()
        sent = (json.loads(line) for line in lines)
        return [base64.b64decode(body) for to, body in sent if path in ("", to)]

    def spans(self, trace: str) -> list[Any]:
        """List the spans of a trace that have arrived."""
        collector = decoder().Collector()
        for body in self.bodies("/v1/traces"):
            collector.read("/v1/traces", body)
        return [span for span in collector.spans if span.trace == trace]

    def count(self, route: str) -> dict[str, int]:
        """Count the requests that each process has measured, by its identifier."""
        counts: dict[str, int] = defaultdict(int)
        for body in self.bodies("/v1/metrics"):
            for part in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                resource = {each.key: each.value.string_value for each in part.resource.attributes}
                found = [
                    point.count
                    for scope in part.scope_metrics
                    for metric in scope.metrics
                    if metric.name == "http.server.request.duration"
                    for point in metric.histogram.data_points
                    for each in point.attributes
                    if (each.key, each.value.string_value) == ("http.route", route)
                ]
                if found:
                    counts[resource["service.instance.id"]] = sum(found)
        return counts

    def ask(self, path: str, content: object = None, **headers: str) -> str:
        """Send a request; return its identifier."""
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(
            f"http://{self.stack.address()}{path}",
            data=body,
            headers={"Content-Type": "application/json", **headers},
        )
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return str(response.headers["X-Request-ID"])

    def logs(self, service: str, word: str) -> list[dict[str, Any]]:
        """List the lines in which a service names something."""
        lines = self.stack.compose("logs", "--no-color", "--no-log-prefix", service).splitlines()
        return [json.loads(line[line.index("{") :]) for line in lines if word in line]


def parent(trace: str) -> str:
    """Write the header of a caller that has begun a trace."""
    return f"00-{trace}-{PARENT}-01"


def check_trace(traced: Traced, trace: str, task: str) -> dict[str, dict[str, Any]]:
    """Check the trace of a new note, also of its task; return the resource of each service."""
    task = f"{traced.stack.package.name}.notes.tasks.{task}" if task else ""
    names = {"POST /api/notes", "INSERT", *((f"send {task}", f"process {task}") if task else ())}
    stacks.eventually(lambda: names <= {span.name for span in traced.spans(trace)})
    spans = {span.name: span for span in traced.spans(trace)}
    parents = {span.parent for span in traced.spans(trace) if span.name == "INSERT"}
    request = spans["POST /api/notes"]
    assert request.parent == PARENT
    assert request.attributes["http.route"] == "/api/notes"
    assert request.attributes["http.response.status_code"] == 201
    assert request.id in parents
    resources = {"web": request.resource}
    if task:
        sent, work = spans[f"send {task}"], spans[f"process {task}"]
        assert (sent.parent, work.parent) == (request.id, sent.id)
        assert work.id in parents
        resources["worker"] = work.resource
        assert work.resource["service.name"] == f"{request.resource['service.name']}-worker"
    return resources


class Telemetry:
    """Traces and metrics belong together, reveal nothing and delay nothing."""

    task: ClassVar[str] = ""  # that a new note enqueues, "" if there is no queue

    @pytest.fixture(scope="class")
    @classmethod
    def traced(
        cls, production: Stack, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Traced]:
        """Start a collector, and let two processes send to it often."""
        services = ["web", *(["worker"] if cls.task else [])]
        often: dict[str, dict[str, Any]] = {name: {"environment": {**OFTEN}} for name in services}
        often["web"]["environment"]["WEB_CONCURRENCY"] = "2"
        changed = stacks.changed(production, tmp_path_factory.mktemp("often"), **often)
        (web, *_) = production.containers("web")
        project = web["Config"]["Labels"]["com.docker.compose.project"]
        name = f"{project}-collector"
        programs.run(
            *("docker", "run", "--detach", f"--name={name}", f"--network={project}_default"),
            *("--network-alias=collector", PYTHON),
            *("python", "-c", SCRIPT),
        )
        up = ("up", "--detach", "--wait", "--no-deps", *services)
        try:
            changed.compose(*up)
            yield Traced(changed, name)
            production.compose(*up)
        finally:
            programs.run("docker", "rm", "--force", name)

    def test_a_request_is_one_trace_and_its_lines_name_it(self, traced: Traced) -> None:
        trace = uuid.uuid4().hex
        identifier = traced.ask("/api/notes", {"title": "Tide"}, traceparent=parent(trace))
        resources = check_trace(traced, trace, self.task)
        for service, resource in resources.items():
            assert resource["deployment.environment.name"] == "production"
            assert resource["service.version"] == "latest"
            lines = traced.logs(service, identifier)
            assert lines, service
            assert {line["trace_id"] for line in lines} == {trace}, service

    def test_health_checks_are_left_out(self, traced: Traced) -> None:
        trace = uuid.uuid4().hex
        for path in ("/ready", "/api/notes"):
            traced.ask(path, traceparent=parent(trace))
        stacks.eventually(lambda: bool(traced.spans(trace)))
        assert "GET /ready" not in {span.name for span in traced.spans(trace)}
        assert not traced.count("/ready")

    def test_no_secret_reaches_the_collector(self, traced: Traced) -> None:
        trace, secret = uuid.uuid4().hex, uuid.uuid4().hex
        content = {"title": secret, "body": secret}
        headers = dict.fromkeys(("Authorization", "Cookie", "X-Key", "User-Agent"), secret)
        headers["baggage"] = f"key={secret}"
        headers["traceparent"] = parent(trace)
        traced.ask(f"/api/notes?token={secret}", content, **headers)
        check_trace(traced, trace, self.task)
        time.sleep(1)  # for metrics
        secrets = [file.read_bytes().strip() for file in traced.stack.project.glob("secrets/*")]
        assert secrets
        for body in traced.bodies():
            assert secret.encode() not in body
            assert not [each for each in secrets if each and each in body]
        assert secret not in traced.stack.compose("logs")

    def test_metrics_of_processes_add_up_and_outlive_one(self, traced: Traced) -> None:
        route = "/api/notes"

        def ask_often(expected: int) -> None:
            stacks.all_of([lambda: traced.ask(route)] * 20)()
            stacks.eventually(lambda: sum(traced.count(route).values()) == expected)

        traced.ask(route)
        stacks.eventually(lambda: bool(traced.count(route)))
        time.sleep(1.5)
        before = sum(traced.count(route).values())
        ask_often(before + 20)
        traced.stack.compose("exec", "-T", "web", "python", "-c", KILL_NEWEST_CHILD)
        stacks.eventually(lambda: traced.stack.ask("/ready").status == 200)
        time.sleep(3)  # until the next process has started
        ask_often(before + 40)
        ask_often(before + 60)
        assert len(traced.count(route)) > 1

    def test_a_collector_that_hangs_delays_nothing(self, traced: Traced) -> None:
        programs.run("docker", "pause", traced.container)
        took: list[float] = []

        def ask_for_a_while() -> None:
            ends = time.monotonic() + 2 * BOUND
            while (began := time.monotonic()) < ends:
                traced.ask("/api/notes")
                took.append(time.monotonic() - began)

        try:
            stacks.all_of([ask_for_a_while] * 4)()
            assert max(took) < BOUND
            assert len(took) > 50
            began = time.monotonic()
            traced.stack.compose("stop", "web")
            assert time.monotonic() - began < 5 * BOUND
            codes = [each["State"]["ExitCode"] for each in traced.stack.containers("web")]
            assert set(codes) == {0}
        finally:
            programs.run("docker", "unpause", traced.container)
        traced.stack.compose("up", "--detach", "--wait", "--no-deps", "web")
        trace = uuid.uuid4().hex
        traced.ask("/api/notes", traceparent=parent(trace))
        stacks.eventually(lambda: bool(traced.spans(trace)))

    @pytest.mark.thorough
    def test_a_collector_that_comes_and_goes_under_load_delays_nothing(
        self, traced: Traced
    ) -> None:
        took: list[float] = []
        is_over = threading.Event()

        def ask_until_it_is_over() -> None:
            while not is_over.is_set():
                began = time.monotonic()
                traced.ask("/api/notes")
                took.append(time.monotonic() - began)

        finished = stacks.all_of([ask_until_it_is_over] * 4)
        try:
            for command in ("stop", "start", "kill", "start"):
                programs.run("docker", command, traced.container)
                time.sleep(BOUND)
        finally:
            is_over.set()
            finished()
        assert max(took) < BOUND
        assert len(took) > 50
        trace = uuid.uuid4().hex
        traced.ask("/api/notes", traceparent=parent(trace))
        stacks.eventually(lambda: bool(traced.spans(trace)))
