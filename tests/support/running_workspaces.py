"""Running workspaces: a root and its services, which are started by the targets of the root."""

import json
import subprocess
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import generated
import locking
import programs
import pytest
import questions
import stacks
from stacks import Answer, Stack

PRODUCTION = ("--file", "compose.yaml", "--file", "compose.prod.yaml")
DEVELOPMENT = ("--file", "compose.yaml", "--file", "compose.override.yaml")


@dataclass(frozen=True)
class RunningWorkspace:
    """A workspace in one of its two environments."""

    root: Path
    stack: str  # "development" or "production"
    names: Mapping[str, str]  # what the tests call a service -> its name

    def folder(self, service: str) -> Path:
        """Find the folder of a service."""
        return self.root / "services" / self.names[service]

    def of(self, service: str) -> Stack:
        """Find the containers of a service."""
        is_production = self.stack == "production"
        files = PRODUCTION if is_production else (*DEVELOPMENT, "--file", "compose.workspace.yaml")
        return Stack(self.folder(service), files)

    @property
    def own(self) -> Stack:
        """Find the containers of the root."""
        return Stack(self.root, PRODUCTION if self.stack == "production" else DEVELOPMENT)

    def try_make(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a target of the root; say how it ended and what it printed."""
        return stacks.execute("make", "--no-print-directory", *words, cwd=self.root)

    def make(self, *words: str) -> str:
        """Run a target of the root, which must succeed; return what it printed."""
        result = self.try_make(*words)
        if result.returncode != 0:
            pytest.fail(f"make {' '.join(words)}\n{result.stdout[-5000:]}", pytrace=False)
        return result.stdout

    @property
    def address(self) -> str:
        """Find where the gateway listens."""
        return self.own.address("gateway", 8080)

    def ask(self, service: str, path: str, content: object = None, **headers: str) -> Answer:
        """Send a request to a service through the gateway; headers are written with underscores."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if content is None else json.dumps(content).encode()
        if data is not None:
            sent["Content-Type"] = "application/json"
        url = f"http://{self.address}/{self.names.get(service, service)}{path}"
        request = urllib.request.Request(url, data, sent)
        try:
            with OPENER.open(request, timeout=60) as answer:
                return Answer(answer.status, answer.headers, answer.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read().decode())

    def lines(self, service: str, word: str) -> list[dict[str, Any]]:
        """Find the lines of a service's log that have a word."""
        text = self.of(service).compose("logs", "--no-color", "--no-log-prefix", "web")
        found = [line for line in text.splitlines() if word in line]
        return [json.loads(line[line.index("{") :]) for line in found]


class _WithoutRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


OPENER = urllib.request.build_opener(_WithoutRedirects)


def make(
    template: Path,
    root: Path,
    answers: Mapping[str, Any],
    services: Mapping[str, questions.Answers],
    stack: str,
) -> RunningWorkspace:
    """Render and lock a workspace that keeps clear of others on this machine."""
    suffix = uuid.uuid4().hex[:6]
    names = {service: f"{service}-{suffix}" for service in services}
    name = stacks.own_name()
    given = {"framework": "workspace", "project_name": "Harbour", "project_slug": name}
    generated.render(template, root, {**given, **answers, "services": list(names.values())})
    for service, own in services.items():
        folder = root / "services" / names[service]
        member = {"project_name": service.title(), "project_slug": names[service]}
        generated.render(template, folder, {**member, "workspace": name, **own})
        locking.lock(folder)
    ports = stacks.ports_of(root)
    free = stacks.free_ports(len(ports))
    lines = [f"{key}={port}\n" for key, port in zip(ports, free, strict=True)]
    (root / ".env").write_text("".join(lines), "utf-8")
    stacks.give_to_developer(root)
    return RunningWorkspace(root, stack, names)


@contextmanager
def running(workspace: RunningWorkspace) -> Iterator[RunningWorkspace]:
    """Start a workspace, and leave nothing of it."""
    try:
        workspace.make("production" if workspace.stack == "production" else "up")
        yield workspace
    finally:
        for service in workspace.names:
            workspace.of(service).try_compose("down", "--volumes", "--timeout", "3")
            stacks.remove_images(workspace.names[service])
        workspace.own.try_compose("down", "--volumes", "--timeout", "3")
        name = generated.read_answers(workspace.root)["project_slug"]
        for tag in ("latest", "development"):
            command = ("image", "rm", "--force", f"{name}-gateway:{tag}")
            subprocess.run([programs.tool("docker"), *command], capture_output=True, check=False)
