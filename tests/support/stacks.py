"""Running generated services: built and started beside a real database."""

import json
import os
import platform
import random
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import generated
import programs
import pytest
from combinations import WITHOUT_SHELL

DEVELOPER = 1234  # the user who owns a project while root runs the tests

# What a company's proxy sets in containers; nobody listens there.
COMPANY_PROXY = dict.fromkeys(
    ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:1"
)

DEVELOPMENT: tuple[str, ...] = ()
PRODUCTION = ("--file", "compose.yaml", "--file", "compose.prod.yaml")
DEBIAN = "debian:trixie-slim"  # whose libraries the images without a shell have
TOOLS = "/tools"
LOOKS = ("config", "exec", "logs", "port", "ps", "top")  # commands that leave a stack as it is


@dataclass(frozen=True)
class Answer:
    """What a service answered: the status, the headers and the body."""

    status: int
    headers: Message
    body: str

    def json(self) -> Any:
        """Read the body."""
        return json.loads(self.body)


@dataclass
class Stack:
    """A generated project and one of its two Compose environments."""

    project: Path
    files: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    addresses: dict[tuple[str, int, int], str] = field(default_factory=dict, repr=False)

    @property
    def package(self) -> Path:
        """Find the folder of the service's package."""
        return next(folder for folder in (self.project / "src").iterdir() if folder.is_dir())

    def try_compose(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run docker compose; say how it ended and what it printed."""
        if arguments[0] not in LOOKS:  # containers may be others then
            self.addresses.clear()
        return execute(
            "docker", "compose", *self.files, *arguments, cwd=self.project, **self.environment
        )

    def compose(self, *arguments: str) -> str:
        """Run docker compose; return what it printed, fail unless it ended well."""
        result = self.try_compose(*arguments)
        if result.returncode != 0:
            command = f"docker compose {' '.join(arguments)}"
            pytest.fail(f"{command}\n{result.stdout[-5000:]}", pytrace=False)
        return result.stdout

    def try_run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a service once, in a container of its own; say how it ended and what it printed.

        Its lines are read when it has ended: ``docker compose run`` can lose those of a container
        that ends while it still connects to it.
        """
        name = f"once-{uuid.uuid4().hex[:8]}"
        result = self.try_compose("run", "--detach", f"--name={name}", *arguments)
        if result.returncode != 0:
            return result
        try:
            status = int(programs.run("docker", "wait", name))
            lines = programs.run("docker", "logs", name)
        finally:
            programs.run("docker", "rm", "--force", name)
        return subprocess.CompletedProcess(result.args, status, lines)

    def within(self, service: str, script: str, *options: str) -> str:
        """Run a script of the shell within a service; return what it printed.

        Where its image has no shell, another container like it is brought one, with its commands.
        """
        image = str(self.configuration[service]["image"]).partition(":")[0]
        tools = bring_tools(self.project) if image == slug_of(self.project) else ()
        shell = (*options, service, "sh", "-c", script)
        if not tools:
            return self.try_compose("exec", "-T", *shell).stdout
        return self.try_run(
            "--no-deps", *tools, *options, "--entrypoint=sh", service, "-c", script
        ).stdout

    @cached_property
    def configuration(self) -> dict[str, Any]:
        """Map each service to what Compose makes of the files."""
        services: dict[str, Any] = json.loads(self.compose("config", "--format", "json"))[
            "services"
        ]
        return services

    @property
    def entrance(self) -> str:
        """Name the service that answers requests from outside."""
        return "proxy" if "proxy" in self.configuration else "web"

    @contextmanager
    def running(self) -> Iterator["Stack"]:
        """Build and start the stack, and take it down whatever happens."""
        try:
            self.compose("up", "--build", "--detach", "--wait")
            yield self
        finally:
            self.compose("down", "--volumes", "--timeout", "3")

    def address(self, service: str = "", port: int = 0, index: int = 1) -> str:
        """Find where a port of a service is published: by default the first of the entrance."""
        service = service or self.entrance
        port = port or self.configuration[service]["ports"][0]["target"]
        index = 1 if service == "proxy" else index
        if (service, port, index) not in self.addresses:
            found = self.compose("port", "--index", str(index), service, str(port)).strip()
            self.addresses[service, port, index] = found.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        return self.addresses[service, port, index]

    def ask(self, path: str, index: int = 1, **options: Any) -> Answer:
        """Send a request to a replica of the service, or to the proxy before all of them."""
        return ask(f"http://{self.address(index=index)}{path}", **options)

    def containers(self, *services: str) -> list[dict[str, Any]]:
        """Inspect the containers of these services or all, also the ones that ended."""
        names = self.compose("ps", "--all", "--quiet", *services).split()
        details: list[dict[str, Any]] = json.loads(programs.run("docker", "inspect", *names))
        return details

    def in_background(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a docker compose command and go on."""
        return subprocess.Popen(
            [programs.tool("docker"), "compose", *self.files, *arguments],
            cwd=self.project,
            env={**os.environ, **self.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


def slug_of(project: Path) -> str:
    """Read what the images of a project are called."""
    return str(generated.read_answers(project)["project_slug"])


@cache
def bring_tools(project: Path) -> tuple[str, ...]:
    """Name the options that give a container a shell and its commands if its image has none."""
    if generated.read_answers(project)["base_image"] not in WITHOUT_SHELL:
        return ()
    volume = f"--volume={slug_of(project)}-tools:{TOOLS}"
    programs.run("docker", "run", "--rm", volume, DEBIAN, "cp", "-au", "/usr/.", TOOLS)
    libraries = f"{TOOLS}/lib/{platform.machine()}-linux-gnu"
    path = f"/opt/venv/bin:{TOOLS}/bin:{TOOLS}/sbin"
    return (f"{volume}:ro", f"--env=PATH={path}", f"--env=LD_LIBRARY_PATH={libraries}")


def changed(stack: Stack, folder: Path, **services: dict[str, Any]) -> Stack:
    """Say what some services of a stack should have instead, in a file beside the project's."""
    file = folder / "changed.yaml"
    file.write_text(json.dumps({"services": services}), "utf-8")
    files = stack.files or ("--file", "compose.yaml", "--file", "compose.override.yaml")
    return Stack(stack.project, (*files, "--file", str(file)), stack.environment)


def execute(
    name: str, *arguments: str, cwd: Path, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run a program in a folder with more environment variables; it fails if it never ends."""
    return subprocess.run(
        [programs.tool(name), *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=1800,
    )


def ask(url: str, content: object = None, method: str | None = None) -> Answer:
    """Send a request, with JSON where there is content."""
    request = urllib.request.Request(  # noqa: S310
        url,
        data=None if content is None else json.dumps(content).encode(),
        headers={} if content is None else {"Content-Type": "application/json"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return Answer(response.status, response.headers, response.read().decode())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read().decode())


def eventually(check: Callable[[], bool], patience: float = 60) -> None:
    """Wait until a check holds; while nobody answers it does not."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            if check():
                return
        except OSError:
            pass
        time.sleep(0.2)
    pytest.fail(f"this did not come true within {patience} s", pytrace=True)


def all_of(work: list[Callable[[], Any]]) -> Callable[[], list[Any]]:
    """Start functions side by side; return a function that waits for their results."""
    results: list[Any] = [None] * len(work)

    def keep(index: int) -> None:
        try:
            results[index] = work[index]()
        except OSError as error:
            results[index] = error

    threads = [threading.Thread(target=keep, args=(index,)) for index in range(len(work))]
    for thread in threads:
        thread.start()

    def wait() -> list[Any]:
        for thread in threads:
            thread.join()
        return results

    return wait


def remove_images(slug: str) -> None:
    """Remove the images of a project, whatever their tags."""
    listed = programs.run("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}")
    names = [name for name in listed.split() if re.match(rf"{slug}(-proxy)?:", name)]
    if names:
        programs.run("docker", "image", "rm", "--force", *names)
    programs.run("docker", "volume", "rm", "--force", f"{slug}-tools")


def own_name() -> str:
    """Make up a name for a project that no other on this machine has.

    Its words are those of the sample and of secrets: the tests of a project must tell them apart.
    """
    return f"secret-tide-{uuid.uuid4().hex[:8]}"


def ports_of(project: Path) -> list[str]:
    """List the variables by which the ports of a project are set, that of production last."""
    text = "".join(file.read_text("utf-8") for file in project.glob("compose*.yaml"))
    variables = set(re.findall(r"\$\{(\w+_PORT)\b", text))
    return sorted(variables, key=lambda name: (name == "PRODUCTION_PORT", name))


def free_ports(count: int) -> list[int]:
    """Find adjacent ports of this machine that nobody listens on, nor is given by the system."""
    for _ in range(100):
        first = random.randrange(10000, 30000)  # noqa: S311
        if all(is_free(port) for port in range(first, first + count)):
            return list(range(first, first + count))
    pytest.fail("there are no free ports")


def is_free(port: int) -> bool:
    """Say whether a port of this machine can be listened on."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def give_to_developer(project: Path) -> None:
    """Let a project belong to a user without privileges, as it would on a developer's machine."""
    if os.getuid() == 0:
        for path in (project, *project.rglob("*")):
            shutil.chown(path, DEVELOPER, DEVELOPER)
