"""The reverse proxy serves, compresses, limits, hardens, and is the only one believed."""

import contextlib
import gzip
import json
import re
import select
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

import container_promises
import deployments
import programs
import pytest
import questions
import stacks
from attacks import WebAttacks, send
from conftest import Render
from secrets_in_logs import Discretion
from stacks import Stack
from telemetry_promises import ENDPOINT, Telemetry

pytestmark = pytest.mark.docker

ANSWERS: questions.Answers = {
    "framework": "flask",
    "dependency_manager": "poetry",
    "database": "mysql",
    "reverse_proxy": "nginx",
    "telemetry": "opentelemetry",
}
HELD_BACK = 300  # connections
STRICT = 0o077  # the umask of whoever cloned it
FORGED = "203.0.113.66"
ASK = (
    "import sys, urllib.request as r; print(r.urlopen(r.Request(sys.argv[1], headers="
    "{'Host': 'localhost', 'X-Forwarded-For': sys.argv[2], 'X-Request-ID': sys.argv[3]})).status)"
)
# A service that takes WebSockets with this answer, repeats what it gets, and streams to others.
LIVE = r"""
import socketserver, time
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        lines = iter(self.rfile.readline, b"\r\n")
        sent = dict(line.decode().strip().lower().split(": ", 1) for line in list(lines)[1:])
        self.wfile.write(b"HTTP/1.1 ")
        if sent.get("upgrade") == "websocket" and sent.get("connection") == "upgrade":
            self.wfile.write(b"101 Switching\r\nUpgrade: websocket\r\n")
            self.wfile.write(b"Connection: Upgrade\r\n\r\n")
            while piece := self.request.recv(100):
                self.wfile.write(piece)
        else:
            self.wfile.write(b"200 OK\r\nContent-Type: text/event-stream\r\n")
            self.wfile.write(b"X-Accel-Buffering: no\r\nConnection: close\r\n\r\n")
            self.wfile.write(("data: " + sent.get("upgrade", "plain") + "\n\n").encode())
            time.sleep(5)
            self.wfile.write(b"data: late\n\n")
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
Server(("", 8000), Handler).serve_forever()
"""


# A route that keeps a file as forms send it, in /tmp, and says how large it was.
UPLOAD = """

@blueprint.post("/upload")
def upload() -> dict[str, int]:
    from flask import request

    return {"size": request.files["file"].seek(0, 2)}
"""


@pytest.fixture(scope="module")
def production(engine: None, render: Render) -> Iterator[Stack]:
    """Start a service behind its proxy, as in production."""
    environment = {"WEB_REPLICAS": "2", "PROXY_READ_TIMEOUT": "31s", **ENDPOINT}
    project = render({**ANSWERS, "project_slug": stacks.own_name()})
    with (
        container_promises.prepared(project, STRICT) as clone,
        Stack(clone, stacks.PRODUCTION, environment).running() as stack,
    ):
        yield stack


class TestProxy(WebAttacks, Discretion, Telemetry):
    """A service behind its proxy withstands what one without withstands."""


@dataclass(frozen=True)
class Answer:
    """What came back through the proxy."""

    status: int
    headers: Message
    body: bytes


def ask(stack: Stack, path: str, content: object = None, **headers: str) -> Answer:
    """Send a request to the proxy; headers are written with underscores."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    body = None if content is None else json.dumps(content).encode()
    if body is not None:
        sent["Content-Type"] = "application/json"
    address = f"http://{stack.address('proxy', 8080)}{path}"
    request = urllib.request.Request(address, data=body, headers=sent)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read())


def logged(stack: Stack, identifier: str) -> dict[str, Any]:
    """Find what the service logged about a request."""
    lines = stack.compose("logs", "--no-color", "--no-log-prefix", "web").splitlines()
    line = next(line for line in lines if identifier in line)
    entry: dict[str, Any] = json.loads(line[line.index("{") :])
    return entry


def proxy_address(stack: Stack) -> str:
    """Look the proxy's address up."""
    networks = stack.containers("proxy")[0]["NetworkSettings"]["Networks"]
    return str(next(iter(networks.values()))["IPAddress"])


def test_the_configuration_is_valid(production: Stack) -> None:
    assert "successful" in production.compose("exec", "-T", "proxy", "nginx", "-t")


def test_both_replicas_answer(production: Stack) -> None:
    replicas = [container["Name"].removeprefix("/") for container in production.containers("web")]
    assert len(replicas) == 2
    for _ in range(20):
        assert ask(production, "/api/notes", X_Request_ID="shared").status == 200
    for replica in replicas:
        assert "shared" in programs.run("docker", "logs", replica)


def test_its_own_tests_pass_inside(production: Stack) -> None:
    stack = Stack(production.project, stacks.DEVELOPMENT)
    try:
        assert " passed" in stack.compose("run", "--build", "--rm", "web", "pytest")
    finally:
        stack.compose("down", "--volumes", "--timeout", "3")


def test_the_patience_with_answers_is_a_setting(production: Stack) -> None:
    running = production.compose("exec", "-T", "proxy", "nginx", "-T")
    assert re.findall(r"^\s*proxy_read_timeout (\w+);", running, re.MULTILINE) == ["31s"]


def test_only_the_proxy_is_published(production: Stack) -> None:
    published = production.compose("ps", "--format", "{{.Service}} {{.Ports}}")
    assert re.findall(r"^(\w+) .*->", published, re.MULTILINE) == ["proxy"]


def test_static_files_come_from_the_proxy_and_may_be_kept(production: Stack) -> None:
    answer = ask(production, "/static/style.css", X_Request_ID="the-style")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/css"
    assert answer.headers["Cache-Control"] == "max-age=3600"
    (address,) = re.findall(r"/static/style\.css\?v=\w+", str(ask(production, "/").body))
    assert ask(production, address).headers["Cache-Control"] == "max-age=31536000"
    assert ask(production, f"{address}0").headers["Cache-Control"] == "no-cache"
    assert "the-style" not in production.compose("logs", "web")


def test_large_answers_are_compressed_where_that_is_understood(production: Stack) -> None:
    note = {"title": "Flood. " + "The tide is high. " * 5}
    for _ in range(20):
        assert ask(production, "/api/notes", content=note).status == 201
    answer = ask(production, "/api/notes", Accept_Encoding="gzip")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert b"Flood" in gzip.decompress(answer.body)
    assert ask(production, "/api/notes").headers["Content-Encoding"] is None
    assert ask(production, "/ready", Accept_Encoding="gzip").headers["Content-Encoding"] is None


def test_a_large_request_is_refused_before_it_reaches_the_service(production: Stack) -> None:
    large = {"title": "x" * 1_100_000}
    answer = ask(production, "/api/notes", content=large, X_Request_ID="too-large")
    assert answer.status == 413
    assert "1 MB" in json.loads(answer.body)["detail"]
    assert "too-large" not in production.compose("logs", "web")


def test_every_answer_has_the_security_headers_and_no_version(production: Stack) -> None:
    for path in ("/", "/static/style.css", "/nowhere"):
        headers = ask(production, path).headers
        assert headers["Server"] == "nginx"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
        assert headers["Permissions-Policy"]
        assert headers["Strict-Transport-Security"] is None
        assert len(headers.get_all("X-Request-ID", [])) == 1


def test_a_client_cannot_claim_another_address(production: Stack) -> None:
    ask(production, "/", X_Forwarded_For=FORGED, X_Forwarded_Proto="https", X_Request_ID="forged")
    seen = logged(production, "forged")["client"]
    assert seen != FORGED
    assert seen != proxy_address(production)


def test_the_proxy_is_believed(production: Stack) -> None:
    production.compose(
        *("exec", "-T", "proxy", "curl", "--silent", "--header", f"X-Forwarded-For: {FORGED}"),
        *("--header", "X-Request-ID: by-balancer", "http://127.0.0.1:8080/"),
    )
    assert logged(production, "by-balancer")["client"] == FORGED


def test_no_other_container_is_believed(production: Stack) -> None:
    asked = production.compose(
        *("run", "--rm", "--no-deps", "migrate", "python", "-c", ASK),
        *("http://web:8000/", FORGED, "from-aside"),
    )
    assert asked.strip().endswith("200")
    assert logged(production, "from-aside")["client"] != FORGED


def test_the_proxy_reaches_nothing_but_the_service(production: Stack) -> None:
    names = production.containers("proxy")[0]["NetworkSettings"]["Networks"]
    assert [name.rpartition("_")[2] for name in names] == ["proxy"]


def test_its_container_is_hardened(production: Stack) -> None:
    details = production.containers("proxy")[0]
    assert details["HostConfig"]["ReadonlyRootfs"]
    assert details["HostConfig"]["SecurityOpt"] == ["no-new-privileges:true"]
    status = production.compose("exec", "-T", "proxy", "cat", "/proc/1/status")
    assert set(re.findall(r"^(?:Uid|Gid):(.*)$", status, re.MULTILINE)[0].split()) == {"101"}
    assert set(re.findall(r"^Cap\w+:\t(\w+)$", status, re.MULTILINE)) == {"0" * 16}


def test_replicas_may_come_and_go(production: Stack) -> None:
    up = ("up", "--detach", "--wait", "--no-recreate", "--scale")
    production.compose(*up, "web=3")
    statuses = [ask(production, "/ready").status for _ in range(30)]
    assert set(statuses) == {200}
    production.compose(*up, "web=1")
    production.compose("up", "--detach", "--wait", "--force-recreate", "--no-deps", "web")
    stacks.eventually(lambda: ask(production, "/ready").status == 200, patience=15)
    assert {ask(production, "/ready").status for _ in range(20)} == {200}


def test_a_probe_may_say_that_it_has_no_body(production: Stack) -> None:
    for length, status in (("0", "200"), ("1", "400")):
        probe = f"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
        content = f"{probe}Connection: close\r\n\r\n{int(length) * '-'}"
        answer = send(production.address(), content.encode())
        assert answer.startswith(f"HTTP/1.1 {status} "), answer


def test_it_is_healthy_behind_a_companys_proxy(production: Stack, tmp_path: Path) -> None:
    environment = {"environment": stacks.COMPANY_PROXY}
    inside = stacks.changed(production, tmp_path, web=environment, proxy=environment)
    inside.compose("up", "--detach", "--wait", "--no-deps", "web", "proxy")
    for service in ("web", "proxy"):
        assert "http_proxy=http://127.0.0.1:1" in inside.compose("exec", "-T", service, "env")
    assert ask(production, "/ready").status == 200


def test_it_is_reached_with_ipv6(production: Stack) -> None:
    header = ("--header", "Host: localhost", "--silent", "--noproxy", "*")
    answer = production.compose("exec", "-T", "proxy", "curl", *header, "http://[::1]:8080/ready")
    assert json.loads(answer) == {"status": "ok"}


def test_a_service_that_is_gone_is_named(production: Stack) -> None:
    production.compose("stop", "--timeout", "5", "web")
    try:
        answer = ask(production, "/ready")
        assert answer.status in {502, 504}
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert json.loads(answer.body)["detail"].startswith("The service")
        assert production.containers("proxy")[0]["State"]["Health"]["Status"] == "healthy"
    finally:
        production.compose("start", "web")
    stacks.eventually(lambda: ask(production, "/ready").status == 200)


def test_a_busy_service_says_so_before_the_proxy_does(production: Stack) -> None:
    container_promises.check_busy(production)


def hold_back(address: str, path: str, size: int) -> socket.socket:
    """Send a body but for its last byte."""
    host, port = address.split(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    lines = (f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {size}", "", "")
    with contextlib.suppress(OSError):  # it may have been refused already
        connection.sendall("\r\n".join(lines).encode() + b"x" * (size - 1))
    return connection


def is_answered(connection: socket.socket) -> bool:
    """Say whether an answer is there, or the end of the connection."""
    return bool(select.select([connection], [], [], 0)[0])


@pytest.mark.parametrize(("path", "size"), [("/api/notes", 999_999), ("/ready", 1000)])
def test_bodies_that_never_end_fill_no_memory(production: Stack, path: str, size: int) -> None:
    address = production.address("proxy", 8080)
    before = production.containers("proxy")[0]["State"]
    held = [hold_back(address, path, size) for _ in range(HELD_BACK)]
    try:
        stacks.eventually(lambda: sum(map(is_answered, held)) > HELD_BACK / 2, 10)
        for _ in range(5):
            assert ask(production, "/ready").status == 200
            assert ask(production, "/static/style.css").status == 200
            assert ask(production, "/api/notes", content={"title": "Tide"}).status == 201
        assert path == "/ready" or not all(map(is_answered, held)), "nobody was waiting any more"
    finally:
        for connection in held:
            connection.close()
    large = {"title": "x" * 900_000}  # there is room again
    stacks.eventually(lambda: ask(production, "/api/notes", content=large).status == 422, 5)
    after = production.containers("proxy")[0]["State"]
    assert (after["StartedAt"], after["OOMKilled"]) == (before["StartedAt"], False)


@pytest.fixture
def live(production: Stack) -> Iterator[tuple[str, int]]:
    """Put a service behind the proxy that holds its connections; tell the proxy's address."""
    image = production.containers("web")[0]["Config"]["Image"]
    (network,) = production.containers("proxy")[0]["NetworkSettings"]["Networks"]
    production.compose("stop", "--timeout", "5", "web")
    command = ("run", "--detach", "--network", network, "--network-alias=web")
    name = programs.run("docker", *command, "--entrypoint=python", image, "-c", LIVE).strip()
    try:
        stacks.eventually(lambda: ask(production, "/").status == 200)
        host, port = production.address("proxy", 8080).split(":")
        yield host, int(port)
    finally:
        programs.run("docker", "rm", "--force", name)
        production.compose("start", "web")
    stacks.eventually(lambda: ask(production, "/ready").status == 200)


def upgrade(address: tuple[str, int], protocol: str) -> socket.socket:
    """Ask for another protocol on a connection, as browsers do."""
    connection = socket.create_connection(address, timeout=20)
    connection.sendall(
        b"GET /live HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Upgrade: " + protocol.encode() + b"\r\n\r\n"
    )
    return connection


def test_websockets_pass_and_nothing_else_is_switched_to(live: tuple[str, int]) -> None:
    with upgrade(live, "WebSocket") as connection:
        assert connection.recv(5000).startswith(b"HTTP/1.1 101 ")
        frame = b"\x81\x84\x00\x00\x00\x00tide"
        connection.sendall(frame)
        assert connection.recv(100) == frame
    with upgrade(live, "h2c") as connection, connection.makefile("rb") as answer:
        assert answer.readline().startswith(b"HTTP/1.1 200 ")
        assert any(line == b"data: plain\n" for line in answer)


def test_a_stream_is_handed_on_piece_by_piece(live: tuple[str, int]) -> None:
    host, port = live
    with urllib.request.urlopen(f"http://{host}:{port}/live", timeout=20) as stream:
        started = time.monotonic()
        assert stream.readline() == b"data: plain\n"
        assert time.monotonic() - started < 4, "it came with the next one"
        assert stream.read().endswith(b"data: late\n\n")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"MAX_BODY_MB": "1m"}, "MAX_BODY_MB is not valid"),
        ({"MAX_BODY_MB": "100"}, "raise PROXY_TMPFS"),
        ({"PROXY_TMPFS": "640m"}, "PROXY_MEMORY must be at least 768M"),
    ],
)
def test_limits_that_do_not_fit_together_are_refused(
    production: Stack, settings: dict[str, str], words: str
) -> None:
    wrong = Stack(production.project, production.files, production.environment | settings)
    result = wrong.try_run("--no-deps", "proxy")
    assert result.returncode != 0
    assert words in result.stdout


def test_large_uploads_work_after_the_edits_of_the_document(
    production: Stack, tmp_path: Path
) -> None:
    text = (production.project / "docs" / "limits.md").read_text("utf-8")
    ((size, row),) = re.findall(r"^\| uploads of (\d+) MB.*?`(MAX_BODY_MB=.*?)`", text, re.M)
    settings = dict(pair.split("=") for pair in row.split())
    pages = next(production.package.glob("*/pages.py"))
    changed = tmp_path / "pages.py"
    changed.write_text(pages.read_text("utf-8") + UPLOAD, "utf-8")
    changed.chmod(0o644)
    inside = f"/app/{pages.relative_to(production.project)}"
    larger = stacks.changed(production, tmp_path, web={"volumes": [f"{changed}:{inside}:ro"]})
    larger.environment = {**larger.environment, **settings, "WEB_REPLICAS": "1"}
    up = ("up", "--detach", "--wait", "--no-deps", "--no-build")
    upload = tmp_path / "upload"
    with upload.open("wb") as file:
        file.truncate(int(size) * 10**6)
    try:
        larger.compose(*up, "web", "proxy")
        url = f"http://{larger.address('proxy', 8080)}/upload"
        sent = programs.run("curl", "--silent", "--noproxy", "*", "--form", f"file=@{upload}", url)
        assert json.loads(sent) == {"size": int(size) * 10**6}
        assert not larger.containers("web")[0]["State"]["OOMKilled"]
    finally:
        production.compose(*up, "web", "proxy")


# Deployments, after all that needs the containers of the beginning


def image_of(stack: Stack, tag: str) -> str:
    """Name the image that is called by a tag."""
    (name,) = {name.rpartition(":")[0] for name in deployments.runs(stack, "web").values()}
    return programs.run("docker", "image", "inspect", "--format", "{{.Id}}", f"{name}:{tag}")


@pytest.mark.parametrize(
    ("failing", "sentence", "seconds"),
    [
        (deployments.failing_migration, "The migration failed: ", "60"),
        (deployments.ending_at_once, "did not become healthy, as its last lines say: ", "60"),
        (deployments.never_healthy, "did not become healthy, as its last lines say: ", "5"),
    ],
)
def test_a_version_that_fails_changes_nothing(
    production: Stack, failing: deployments.Failing, sentence: str, seconds: str
) -> None:
    before, image = deployments.runs(production), image_of(production, "latest")
    settings = deployments.settings(production)
    with deployments.Load(production.address()).running() as load, failing(production):
        result = deployments.deploy(production, DEPLOY_TIMEOUT=seconds)
    assert result.returncode != 0
    assert sentence in result.stdout
    assert "latest serves as before, and nothing was replaced" in result.stdout
    if failing is not deployments.never_healthy:
        assert deployments.LAST_WORDS in result.stdout
    assert load.lost == []
    assert deployments.runs(production) == before
    assert image_of(production, "latest") == image
    assert deployments.settings(production) == settings
    assert not list(production.project.glob(".env.*[!e]"))


def test_five_deployments_lose_no_request(
    production: Stack, record_property: Callable[[str, object], None]
) -> None:
    style = next(production.package.glob("static/style.css"))
    slug = deployments.runs(production, "web").popitem()[1].partition(":")[0]

    def deploy(tag: str, **variables: str) -> None:
        before = deployments.runs(production, "web")
        said = deployments.deployed(production, TAG=tag, **variables)
        assert f"{slug}:{tag} serves in place of {slug}:" in said
        now = deployments.runs(production, "web")
        assert list(now.values()) == [f"{slug}:{tag}"] * 2
        assert not now.keys() & before.keys()
        assert deployments.settings(production)["TAG"] == tag

    with deployments.Load(production.address()).running() as load:
        deploy("1.0.1")
        with (
            deployments.edited(style, lambda text: f"{text}/* tide */\n"),
            deployments.later_revision(production),
        ):
            deploy("1.0.2")
            (address,) = re.findall(r"/static/style\.css\?v=\w+", str(ask(production, "/").body))
            newer = ask(production, address)
            assert b"/* tide */" in newer.body
            assert newer.headers["Cache-Control"] == "max-age=31536000"
        refused = deployments.deploy(production, TAG="1.0.1")
        assert refused.returncode != 0
        assert "add MIGRATE=no" in refused.stdout
        deploy("1.0.1", MIGRATE="no")
        with deployments.later_revision(production):
            deploy("1.0.3")
            deploy("latest")
    assert load.lost == []
    assert load.answered > 500
    record_property("deployed", load.figures("5, behind the proxy"))


def test_only_one_deployment_is_at_work_and_can_be_interrupted(production: Stack) -> None:
    before = deployments.runs(production)
    with (
        deployments.later_revision(production),
        deployments.never_healthy(production),
        deployments.Load(production.address()).running() as load,
    ):
        first = deployments.in_background(production, TAG="1.0.4")
        stacks.eventually(lambda: len(deployments.runs(production, "web")) > 2)
        second = deployments.deploy(production, TAG="1.0.5")
        said = deployments.interrupt(first)
    assert second.returncode != 0
    assert "Another deployment is at work here" in second.stdout
    assert first.returncode != 0
    assert "Interrupted: " in said
    assert deployments.runs(production) == before
    assert load.lost == []


def test_what_was_deployed_runs_again_after_a_stop(production: Stack) -> None:
    with deployments.later_revision(production):
        deployments.deployed(production, TAG="1.0.6")
    production.compose("down", "--timeout", "5")
    production.compose("up", "--no-build", "--detach", "--wait")
    for start in (None, deployments.deployed):
        if start:
            production.compose("down", "--timeout", "5")
            start(production)
        images = {name.rpartition(":")[2] for name in deployments.runs(production, "web").values()}
        assert images == {"1.0.6"}
        assert ask(production, "/ready").status == 200


def test_what_a_deployment_leaves_that_was_killed_is_cleared_away(production: Stack) -> None:
    production.compose("exec", "-T", "proxy", "touch", "/tmp/only-web-c")  # noqa: S108
    assert ask(production, "/ready").status == 502
    with deployments.later_revision(production):  # which the database knows already
        started = stacks.execute(
            "make", "production", cwd=production.project, **production.environment
        )
    assert started.returncode == 0, started.stdout[-5000:]
    assert ask(production, "/ready").status == 200


def test_an_nginx_that_knows_no_deployments_is_replaced_on_demand(
    production: Stack, tmp_path: Path
) -> None:
    text = (production.project / "nginx" / "nginx.conf").read_text("utf-8")
    lines = [line for line in text.splitlines(keepends=True) if "only-" not in line]
    earlier = tmp_path / "nginx.conf"
    earlier.write_text("".join(lines), "utf-8")
    earlier.chmod(0o644)
    mounted = {"volumes": [f"{earlier}:/etc/nginx/nginx.conf:ro"]}
    up = ("up", "--detach", "--wait", "--no-deps", "--no-build", "proxy")
    stacks.changed(production, tmp_path, proxy=mounted).compose(*up)
    before = deployments.runs(production)
    with deployments.later_revision(production):
        refused = deployments.deploy(production, TAG="1.0.7")
        assert refused.returncode != 0
        assert "PROXY=replace replaces it first" in refused.stdout
        assert deployments.runs(production) == before
        deployments.deployed(production, TAG="1.0.7", PROXY="replace")
    assert set(deployments.runs(production, "web", "proxy").values()) == {
        image.rpartition(":")[0] + ":1.0.7"
        for image in deployments.runs(production, "web", "proxy").values()
    }
    assert ask(production, "/ready").status == 200
