"""What web services promise that serve metrics, as Prometheus sees them."""

import dataclasses
import uuid
from collections.abc import Iterator
from typing import Any

import prometheus
import pytest
import stacks
from prometheus_client.parser import text_string_to_metric_families
from stacks import Stack
from telemetry_promises import KILL_NEWEST_CHILD, Traced

ON = {"METRICS": "true"}
PORT = 9464
ASK = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=10).read().decode())"
COUNT = "http_server_request_duration_seconds_count"


@dataclasses.dataclass(frozen=True)
class Measured:
    """A stack whose processes measure."""

    stack: Stack

    def text(self, service: str = "web") -> str:
        """Read the metrics of a service, at the address that it has for other containers."""
        address = f"http://{service}:{PORT}/metrics"
        return self.stack.compose("exec", "-T", service, "python", "-c", ASK, address)

    def samples(self, service: str = "web") -> list[Any]:
        """List what is measured."""
        families = text_string_to_metric_families(self.text(service))
        return [sample for family in families for sample in family.samples]

    def sum(self, name: str, service: str = "web", **labels: str) -> float:
        """Add up what there is of a metric."""
        return sum(
            float(sample.value)
            for sample in self.samples(service)
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def processes(self) -> int:
        """Count the processes that tell their memory, once each has had some requests."""
        stacks.all_of([lambda: self.stack.ask("/health")] * 4)()
        names = [sample.name for sample in self.samples()]
        return names.count("process_resident_memory_bytes")


class Metrics:
    """Metrics are those of all processes, reveal nothing, and are for other containers only.

    Other tests of a class come before, on the replicas that there are without it.
    """

    @pytest.fixture(scope="class")
    @classmethod
    def measured(cls, production: Stack) -> Iterator[Measured]:
        """Let two processes measure what they do."""
        environment = {**ON, "WEB_CONCURRENCY": "2", "WEB_REPLICAS": "1"}
        changed = dataclasses.replace(
            production, environment={**production.environment, **environment}, addresses={}
        )
        up = ("up", "--detach", "--wait", "--no-deps", "web")
        changed.compose(*up)
        (web,) = changed.containers("web")  # which may be the second of those before
        ((port, bindings),) = web["NetworkSettings"]["Ports"].items()
        address = f"127.0.0.1:{bindings[0]['HostPort']}"
        changed.addresses["web", int(port.removesuffix("/tcp")), 1] = address
        yield Measured(changed)
        production.compose(*up)

    def test_metrics_of_processes_add_up_and_outlive_one(self, measured: Measured) -> None:
        route = {"http_route": "/api/notes", "http_response_status_code": "200"}

        def ask_often() -> None:
            stacks.all_of([lambda: measured.stack.ask("/api/notes")] * 20)()

        ask_often()
        before = measured.sum(COUNT, **route)
        assert before >= 20
        ask_often()
        assert measured.sum(COUNT, **route) == before + 20
        assert measured.sum("http_server_active_requests") == 0
        assert measured.sum("db_client_connection_count", db_client_connection_state="used") == 0
        assert measured.sum("db_client_connection_max") >= 10
        stacks.eventually(lambda: measured.processes() >= 2)
        processes = measured.processes()
        measured.stack.compose("exec", "-T", "web", "python", "-c", KILL_NEWEST_CHILD)
        assert measured.sum(COUNT, **route) == before + 20
        assert measured.sum("http_server_active_requests") == 0
        stacks.eventually(lambda: measured.processes() == processes)
        ask_often()
        assert measured.sum(COUNT, **route) == before + 40

    def test_unknown_paths_and_health_checks_have_no_route(self, measured: Measured) -> None:
        unmatched = measured.sum(COUNT, http_route="unmatched")
        for path in ("/health", "/ready", f"/{uuid.uuid4().hex}", f"/{uuid.uuid4().hex}"):
            measured.stack.ask(path)
        measured.stack.ask("/api/notes", method=uuid.uuid4().hex.upper())
        routes = {sample.labels.get("http_route") for sample in measured.samples()}
        methods = {sample.labels.get("http_request_method") for sample in measured.samples()}
        assert measured.sum(COUNT, http_route="unmatched") >= unmatched + 2
        assert not routes & {"/health", "/ready"}
        assert methods <= {None, "GET", "POST", "PUT", "PATCH", "DELETE", "_OTHER"}

    def test_no_secret_is_in_the_metrics(self, measured: Measured) -> None:
        secret = uuid.uuid4().hex
        content = {"title": secret, "body": secret}
        headers = dict.fromkeys(("Authorization", "Cookie", "X-Key", "User-Agent"), secret)
        Traced(measured.stack, "").ask(f"/api/notes?token={secret}", content, **headers)
        measured.stack.ask(f"/{secret}")
        text = measured.text()
        secrets = [file.read_text().strip() for file in measured.stack.project.glob("secrets/*")]
        assert secrets
        assert not [each for each in (secret, *secrets) if each and each in text]

    def test_metrics_are_on_no_published_port(self, measured: Measured) -> None:
        assert measured.stack.ask("/metrics").status == 404
        for container in measured.stack.containers():
            assert f"{PORT}/tcp" not in container["NetworkSettings"]["Ports"]

    def test_alerts_and_dashboard_ask_for_metrics_that_there_are(self, measured: Measured) -> None:
        names = {sample.name for sample in measured.samples()} | {"up"}
        asked = [
            prometheus.metrics_in(query) for query in prometheus.queries(measured.stack.project)
        ]
        assert all(asked)
        assert set().union(*asked) <= names
