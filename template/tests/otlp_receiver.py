"""A collector for the tests, which keeps what it is sent over OTLP/HTTP."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PATIENCE = 10  # seconds


@dataclass(frozen=True)
class Span:
    """What was sent of a span."""

    name: str
    trace: str
    id: str
    parent: str
    failed: bool
    attributes: dict[str, Any]
    resource: dict[str, Any]


@dataclass
class Collector:
    """What was sent, as bytes and decoded."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)  # by the name of a metric

    def trace(self, identifier: str, *names: str) -> dict[str, Span]:
        """Wait for the spans of a trace that have these names."""
        found: dict[str, Span] = {}

        def is_complete() -> bool:
            found.update({span.name: span for span in self.spans if span.trace == identifier})
            return found.keys() >= set(names)

        self.wait(is_complete)
        assert found.keys() == set(names)
        return found

    def wait(self, check: Callable[[], bool]) -> None:
        """Wait until a check holds."""
        deadline = time.monotonic() + PATIENCE
        while not check():
            assert time.monotonic() < deadline, "it was not sent"
            time.sleep(0.01)

    def read(self, path: str, body: bytes) -> None:
        """Keep what was sent."""
        self.bodies.append(body)
        if path == "/v1/traces":
            traces = ExportTraceServiceRequest.FromString(body)
            for part in traces.resource_spans:
                for scope in part.scope_spans:
                    self.spans.extend(
                        Span(
                            span.name,
                            span.trace_id.hex(),
                            span.span_id.hex(),
                            span.parent_span_id.hex(),
                            span.status.code == span.status.STATUS_CODE_ERROR,
                            _values(span.attributes),
                            _values(part.resource.attributes),
                        )
                        for span in scope.spans
                    )
        else:
            measured = ExportMetricsServiceRequest.FromString(body)
            for resource in measured.resource_metrics:
                for scope_metrics in resource.scope_metrics:
                    for metric in scope_metrics.metrics:
                        points = metric.histogram.data_points
                        self.counts[metric.name] = sum(point.count for point in points)


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@contextmanager
def running() -> Iterator[Collector]:
    """Start a collector."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.headers.append({name.lower(): each for name, each in self.headers.items()})
            collector.read(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing of a request."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        yield collector
        server.shutdown()
