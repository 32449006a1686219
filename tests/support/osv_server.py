"""A stand-in for OSV, the service that knows which versions are vulnerable."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Advisories:
    """What is known, by package, and what was asked."""

    known: Mapping[str, str]  # package -> identifier
    url: str = ""
    asked: set[tuple[str, str]] = field(default_factory=set)  # package and version

    def answer(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Answer whether one version is vulnerable."""
        name, version = query["package"]["name"].lower(), query["version"]
        self.asked.add((name, version))
        return {"vulns": [self.advisory(name)]} if name in self.known else {}

    def advisory(self, name: str) -> dict[str, Any]:
        """Describe what is known of a package: every version is vulnerable."""
        return {
            "id": self.known[name],
            "modified": "2026-01-01T00:00:00Z",
            "summary": f"{name} is vulnerable",
            "affected": [
                {
                    "package": {"ecosystem": "PyPI", "name": name},
                    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}],
                }
            ],
        }


@contextmanager
def serving(
    known: Mapping[str, str], address: tuple[str, int] = ("127.0.0.1", 0)
) -> Iterator[Advisories]:
    """Serve advisories, by default on this machine's loopback."""
    advisories = Advisories(known)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/v1/querybatch":
                self.reply({"results": [advisories.answer(query) for query in content["queries"]]})
            else:
                self.reply(advisories.answer(content))

        def do_GET(self) -> None:
            identifier = self.path.removeprefix("/v1/vulns/")
            numbers = {number: name for name, number in advisories.known.items()}
            self.reply(advisories.advisory(numbers[identifier]))

        def reply(self, content: Mapping[str, Any]) -> None:
            """Answer with JSON."""
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_: object) -> None:
            """Keep silent."""

    with ThreadingHTTPServer(address, Handler) as server:
        advisories.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        yield advisories
        server.shutdown()
