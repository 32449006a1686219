"""Attacks on stacks that run as in production. Each one has a name, and must not work."""

import asyncio
import json
import re
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

import generated
import programs
import pytest
import stacks
from stacks import Stack

Outcome = Mapping[str, bool]  # attack -> whether it was held off
Settle = Callable[[Outcome], None]

ELSEWHERE = "elsewhere.example"
FORGED = "203.0.113.66"
LARGE = 2**21  # bytes, twice of what is accepted
LARGE_BODY = b'{"title": "%s"}' % (b"x" * LARGE)
PART = 8  # characters
SLOW_CLIENTS = 24  # more than there are threads
HOLDERS = 600  # clients whose bodies would fill the memory of any container
HOLD = 5  # seconds
PIECE = 2**16  # bytes
SETUID = "find / -xdev -type f -perm /6000 2>/dev/null | wc -l"

# What an error must not tell: of the code, of the servers and their versions.
INTERNALS = re.compile(
    r"Traceback|File \"|/app/|/opt/venv|site-packages|sqlalchemy|psycopg|pymysql|"
    r"(?:gunicorn|uvicorn|werkzeug|nginx|python)/\d",
    re.IGNORECASE,
)
# Commands of the shell, which succeed if the container lets them.
WRITE: Mapping[str, str] = {
    "write to the root": "touch /broken",
    "add a user": ": >>/etc/passwd",
    "replace a program": ": >>/bin/sh",
    "plant a start-up file": "touch /usr/local/bin/broken",
    "run what was written": 'cp "$(command -v cat)" /tmp/broken && /tmp/broken',
}
BECOME: Mapping[str, str] = {
    "change the user by su": "su root -c true",
    "change the user by setpriv": "setpriv --reuid=0 --clear-groups true",
    "change the group by setpriv": "setpriv --regid=0 --clear-groups true",
    "gain rights by a program": "! grep -q 'NoNewPrivs:.1' /proc/self/status",
    "keep a capability": "grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb):.*[1-9a-f]' /proc/self/status",
}
ESCAPE: Mapping[str, str] = {
    "make a user namespace": "unshare --user true",
    "make a mount namespace": "unshare --mount true",
    "mount a file system": "mount -t tmpfs none /mnt",
    "remount the root": "mount -o remount,rw /",
    "make a device": "mknod /dev/shm/disk b 8 0",
    "change the kernel's settings": ": >/proc/sys/kernel/hostname",
    "do without the filter of system calls": "! grep -q 'Seccomp:.2' /proc/self/status",
    "see the processes of the host": "test $(ls -d /proc/[0-9]* | wc -l) -gt 200",
    "find the engine's socket": "test -e /var/run/docker.sock",
}
BY_PYTHON: Mapping[str, str] = {
    "become root": "import os; os.setuid(0)",
    "open a raw socket": "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    "take all memory": "len(b'x' * 2**33)",
    "start processes without end": (
        "import os, time\n"
        "for _ in range(2000):\n"
        "    if not os.fork():\n"
        "        time.sleep(30)\n"
        "        os._exit(0)"
    ),
}

INJECTED_PATHS = (
    "1 OR 1=1",
    "1;DROP TABLE notes",
    "1'--",
    "0 UNION SELECT 1",
    "1/**/",
    "-1",
    "0x1",
)
INJECTED_QUERIES = ("limit=1;DROP TABLE notes", "offset=0 OR 1=1", "limit=1'", "offset=-1")
INJECTED_TEXTS = (
    "'); DROP TABLE notes; --",
    "' OR '1'='1",
    '"; DELETE FROM notes; --',
    "\\'; SELECT pg_sleep(9); --",
    "{{ 1331 * 1337 }}",
    "${1331*1337}",
    "{% for each in range(9) %}{{ each }}{% endfor %}",
    "{{ ''.__class__.__mro__ }}",
    "%(title)s {0.__class__} %s",
    "<script>alert(1331 * 1337)</script>",
)
TRAVERSALS = (
    "/static/../../../../../etc/passwd",
    "/static/../app.py",
    "/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/static/..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/static/%252e%252e/%252e%252e/etc/passwd",
    "/static/....//....//....//etc/passwd",
    "/static//etc/passwd",
    "/static/..%5c..%5c..%5cetc%5cpasswd",
    "/static/..%c0%af..%c0%afetc/passwd",
    "/static/style.css%00.html",
    "/static../etc/passwd",
    "/robots.txt/../../etc/passwd",
    "/robots.txt/..%2f..%2fetc%2fpasswd",
    "//etc/passwd",
    "/.env",
    "/.git/config",
    "/secrets/database_password",
)
HIDDEN = ("/docs", "/redoc", "/openapi.json", "/console", "/debug", "/server-status", "/flower")
# JSON that parsers, validation or databases stumble over
MALFORMED: Mapping[str, bytes] = {
    "half of it": b'{"title": "Ti',
    "no UTF-8": b'{"title": "\xff\xfe"}',
    "no number": b'{"title": NaN}',
    "nested deeply": b"[" * 200_000,
    "nested objects": b'{"a":' * 100_000,
    "a huge number": b'{"title": ' + b"9" * 10_000 + b"}",
    "an infinite number": b'{"title": 1e999}',
    "half a character": b'{"title": "\\ud800"}',
    "half a character as a key": b'{"title": "Tide", "\\udfff": 1}',
    "a null character": b'{"title": "Ti\\u0000de"}',
    "a list": b"[1]",
    "nothing": b"",
    "another type": b'{"title": {"$gt": ""}}',
    "prototype": b'{"title": "Tide", "__proto__": {"x": 1}, "__class__": "x"}',
}


def request(
    method: str, path: str, *headers: str, body: bytes = b"", host: str = "localhost"
) -> bytes:
    """Write a request as it goes over the wire; nothing mends what is wrong in it."""
    lines = [f"{method} {path} HTTP/1.1", *([f"Host: {host}"] if host else []), *headers]
    if body:
        lines += [f"Content-Length: {len(body)}", "Content-Type: application/json"]
    return "\r\n".join((*lines, "Connection: close", "", "")).encode() + body


def send(address: str, *pieces: bytes) -> str:
    """Send something to the service; return what came back, "" if the connection was closed."""
    name, port = address.split(":")
    answer = b""
    try:
        with socket.create_connection((name, int(port)), timeout=20) as connection:
            try:
                for piece in pieces:
                    connection.sendall(piece)
            except OSError:
                pass  # it may have been refused already
            while received := connection.recv(65536):
                answer += received
    except OSError:
        pass
    return answer.decode("latin-1")


async def hold(address: str, content: bytes) -> None:
    """Send something that is not all, and hold the connection."""
    name, port = address.split(":")
    _, writer = await asyncio.open_connection(name, int(port))
    try:
        async with asyncio.timeout(HOLD):
            for at in range(0, len(content), PIECE):
                writer.write(content[at : at + PIECE])
                await writer.drain()
            await asyncio.sleep(HOLD)
    except (OSError, TimeoutError):
        pass  # it may have been refused
    writer.close()


async def hold_all(address: str, content: bytes) -> None:
    """Do so with many connections at once."""
    await asyncio.gather(*(hold(address, content) for _ in range(HOLDERS)))


def status(answer: str) -> int:
    """Read the status of an answer; 0 if there is none."""
    return int(answer.split(" ", 2)[1]) if answer else 0


def is_refused(answer: str) -> bool:
    """Say whether a request was refused, and not by a fault of the service."""
    return status(answer) in (0, *range(400, 500), 501)


def tells(text: str, secret: str) -> bool:
    """Say whether a text holds a part of a secret that would help to guess the rest."""
    assert len(secret) >= PART
    return any(secret[at : at + PART] in text for at in range(len(secret) - PART + 1))


def tells_nothing(answer: str) -> bool:
    """Say whether an answer keeps the internals of the service to itself."""
    return not INTERNALS.search(answer)


class Attacks:
    """What every stack withstands."""

    application: ClassVar[str] = "web"  # the service with the image that is built

    @pytest.fixture
    def settle(
        self, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
    ) -> Settle:
        """Note the attacks that were tried, and fail if one of them worked."""

        def settle(outcome: Outcome) -> None:
            stack = request.cls.__name__
            record_property("attacks", (stack, len(outcome), sum(outcome.values())))
            assert outcome, "nothing was tried"
            assert not [attack for attack, held in outcome.items() if not held]

        return settle

    def running(self, stack: Stack) -> list[str]:
        """Name the services that can be attacked from within."""
        return stack.compose("ps", "--services", "--status", "running").split()

    def shell(self, stack: Stack, service: str, script: str, *options: str) -> str:
        """Run a script within a service; return what it printed."""
        return stack.within(service, script, *options)

    def within(
        self, stack: Stack, service: str, attacks: Mapping[str, str], *options: str
    ) -> dict[str, bool]:
        """Try commands within a service."""
        script = "".join(
            f"( {command} ) >/dev/null 2>&1 </dev/null && echo 'works: {attack}'\n"
            for attack, command in attacks.items()
        )
        printed = self.shell(stack, service, f"{script}echo tried", *options)
        assert printed.endswith("tried\n"), printed
        user = " as root" if options else ""
        return {
            f"{attack} in {service}{user}": f"works: {attack}\n" not in printed
            for attack in attacks
        }

    def everywhere(
        self, stack: Stack, attacks: Mapping[str, str], *options: str
    ) -> dict[str, bool]:
        """Try commands within every service."""
        outcome: dict[str, bool] = {}
        for service in self.running(stack):
            outcome |= self.within(stack, service, attacks, *options)
        return outcome

    def test_nothing_can_be_written_but_data(self, production: Stack, settle: Settle) -> None:
        as_root = self.everywhere(production, WRITE, "--user=0:0")
        settle(self.everywhere(production, WRITE) | as_root)

    def test_nobody_becomes_another_user(self, production: Stack, settle: Settle) -> None:
        settle(self.everywhere(production, BECOME))

    def test_nobody_leaves_a_container(self, production: Stack, settle: Settle) -> None:
        as_root = self.everywhere(production, ESCAPE, "--user=0:0")
        settle(self.everywhere(production, ESCAPE) | as_root)

    def test_the_application_takes_no_more_than_it_may(
        self, production: Stack, settle: Settle
    ) -> None:
        outcome = {}
        for attack, script in BY_PYTHON.items():
            result = production.try_run(
                *("--no-deps", "--entrypoint=python", self.application),
                *("-c", f"print('tried')\n{script}\nprint('works')"),
            )
            assert result.stdout or result.returncode
            outcome[attack] = not result.stdout.endswith("works\n")
        settle(outcome)

    def test_no_program_runs_with_the_rights_of_its_owner(
        self,
        production: Stack,
        settle: Settle,
        record_property: Callable[[str, object], None],
    ) -> None:
        outcome = {}
        for name, folder in (("application", "."), ("proxy", "nginx")):
            dockerfile = production.project / folder / "Dockerfile"
            if not dockerfile.exists():
                continue
            service = self.application if name == "application" else name
            image = production.configuration[service]["image"]
            base = re.findall(r"^FROM (\S+)", dockerfile.read_text("utf-8"), re.MULTILINE)[-1]
            tools = stacks.bring_tools(production.project) if name == "application" else ()
            left, before = (count_setuid(each, *tools) for each in (image, base))
            record_property("setuid", (name, base, before, left))
            outcome[f"find one in {name}"] = left == 0
        settle(outcome)

    def test_the_networks_are_apart(self, production: Stack, settle: Settle) -> None:
        outcome: dict[str, bool] = {}
        details = {
            container["Config"]["Labels"]["com.docker.compose.service"]: container
            for container in production.containers()
            if container["State"]["Running"]
        }
        addresses = {
            service: {
                name.rpartition("_")[2]: network["IPAddress"]
                for name, network in container["NetworkSettings"]["Networks"].items()
            }
            for service, container in details.items()
        }
        stores = details.keys() & {"database", "cache", "broker"}
        for store in stores:
            assert addresses[store].keys() == {"backend"}
            ports = [re.sub(r"\D", "", port) for port in details[store]["Config"]["ExposedPorts"]]
            (own,) = addresses[store].values()
            assert self.reaches(production, store, own, ports[0]), "bash would not reach anything"
            for service in addresses.keys() - stores:
                for network in addresses[service].keys() - {"backend"}:
                    target = addresses[service][network]
                    reached = self.reaches(production, store, target, "8000")
                    outcome[f"reach {service} in {network} from {store}"] = not reached
            for outsider in addresses.keys() & {"proxy"}:
                assert self.reaches(production, outsider, addresses["web"]["proxy"], "8000")
                for target in (own, store):
                    reached = self.reaches(production, outsider, target, ports[0])
                    outcome[f"reach {store} as {target} from {outsider}"] = not reached
            host = details[store]["HostConfig"]
            outcome[f"reach {store} from outside"] = not host["PortBindings"]
        for service, container in details.items():
            if service not in ("proxy", "web") or (service == "web" and "proxy" in details):
                published = container["HostConfig"]["PortBindings"]
                outcome[f"reach {service} on a port of the machine"] = not published
        if outcome:
            settle(outcome)

    def reaches(self, stack: Stack, service: str, address: str, port: str) -> bool:
        """Say whether a service can connect to a port."""
        script = f"timeout 2 bash -c ': <>/dev/tcp/{address}/{port}' 2>/dev/null && echo connected"
        return "connected" in self.shell(stack, service, script)

    def test_no_secret_is_told(self, production: Stack, settle: Settle) -> None:
        folder = production.project / "secrets"
        if not folder.exists():
            pytest.skip("it has no secret")
        secrets = [file.read_text("utf-8") for file in folder.iterdir() if file.name[0] != "."]
        containers = production.containers()
        images = {container["Image"] for container in containers}
        images.add(production.configuration[self.application]["image"])
        places = {
            "the containers": json.dumps(containers),
            "the images": programs.run("docker", "image", "inspect", *images),
            "the logs": production.compose("logs"),
            "the configuration": production.compose("config"),
            "an error": self.errors(production),
        }
        places |= {
            f"the history of {image}": programs.run("docker", "history", "--no-trunc", image)
            for image in images
        }
        for service in {*self.running(production)} - {"database"}:  # which has both as files
            look = "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null; env; mount"
            places[f"the processes of {service}"] = self.shell(production, service, look)
        settle(
            {
                f"find a part of secret {number} in {place}": not tells(text, secret)
                for number, secret in enumerate(secrets)
                for place, text in places.items()
            }
        )

    def errors(self, production: Stack) -> str:
        """Make the application fail; return what it says."""
        return production.try_run("--no-deps", "--env=LOG_LEVEL=LOUD", self.application).stdout


class WebAttacks(Attacks):
    """What web services withstand on top of that."""

    def held(
        self, production: Stack, requests: Iterable[tuple[str, bytes]], check: Callable[[str], bool]
    ) -> dict[str, bool]:
        """Send requests, and check the answer to each."""
        address = production.address()
        return {attack: check(send(address, content)) for attack, content in requests}

    def path(self, production: Stack) -> str:
        """Name the path that takes JSON."""
        has_notes = generated.read_answers(production.project)["database"] != "none"
        return "/api/notes" if has_notes else "/api/texts/figures"

    def errors(self, production: Stack) -> str:
        address, path = production.address(), self.path(production)
        return "".join(
            send(address, content)
            for content in (
                request("GET", "/nowhere"),
                request("GET", "/", host=ELSEWHERE),
                request("DELETE", "/health"),
                *(request("POST", path, body=body) for body in MALFORMED.values()),
            )
        )

    def test_only_its_own_name_is_answered(self, production: Stack, settle: Settle) -> None:
        hosts = (
            ELSEWHERE,
            f"localhost.{ELSEWHERE}",
            f"localhost@{ELSEWHERE}",
            f"localhost:80@{ELSEWHERE}",
            f"{ELSEWHERE}:8000",
            f"localhost,{ELSEWHERE}",
            f"localhost {ELSEWHERE}",
            f"localhost/{ELSEWHERE}",
        )
        spoofed = [(f"ask for {host}", request("GET", "/health", host=host)) for host in hosts]
        spoofed += [
            ("ask for no host", request("GET", "/health", host="")),
            ("ask for two hosts", request("GET", "/health", f"Host: {ELSEWHERE}")),
            (
                "ask for another host in the line",
                request("GET", f"http://{ELSEWHERE}/health", host=ELSEWHERE),
            ),
        ]
        outcome = self.held(production, spoofed, is_refused)
        poisoned = [
            (f"name a host by {header} on {path}", request("GET", path, f"{header}: {ELSEWHERE}"))
            for header in ("X-Forwarded-Host", "X-Host", "X-Forwarded-Server", "X-Original-URL")
            for path in ("/health", "/api/notes/", "/static")
        ]
        poisoned.append(
            ("redirect by the path", request("GET", f"//{ELSEWHERE}/%2e%2e")),
        )
        outcome |= self.held(production, poisoned, lambda answer: f"//{ELSEWHERE}" not in answer)
        settle(outcome)

    def test_nobody_lends_itself_an_address(self, production: Stack, settle: Settle) -> None:
        headers = {
            "X-Forwarded-For": FORGED,
            "X-Real-IP": FORGED,
            "Forwarded": f"for={FORGED};proto=https",
            "True-Client-IP": FORGED,
            "X-Client-IP": FORGED,
        }
        address = production.address()
        for number, (name, value) in enumerate(headers.items()):
            sent = (f"{name}: {value}", f"X-Request-ID: forged-{number}")
            assert status(send(address, request("GET", "/api/notes", *sent)))
        secure = send(address, request("GET", "/", "X-Forwarded-Proto: https"))
        logs = production.compose("logs", "--no-log-prefix", "web")
        lines = {
            name: [line for line in logs.splitlines() if f"forged-{number}" in line]
            for number, name in enumerate(headers)
        }
        assert all(lines.values())
        settle(
            {
                f"be believed by {name}": FORGED not in "".join(found)
                for name, found in lines.items()
            }
            | {"pretend to use TLS": "strict-transport-security" not in secure.lower()}
        )

    def test_what_is_too_large_is_refused(self, production: Stack, settle: Settle) -> None:
        address, path = production.address(), self.path(production)
        json_type = "Content-Type: application/json"
        chunk = b"%x\r\n%s\r\n" % (len(LARGE_BODY), LARGE_BODY)
        chunks = request("POST", path, json_type, "Transfer-Encoding: chunked")
        declared = request("POST", path, json_type, f"Content-Length: {10**12}")
        bodies = {
            "send a large body": send(address, request("POST", path, body=LARGE_BODY)),
            "send it in chunks": send(address, chunks, chunk, b"0\r\n\r\n"),
            "declare a large body": send(address, declared, b"{}"),
        }
        settle(
            # A body may be cut off, too, or the connection closed while it is on its way.
            {attack: status(answer) in (0, 400, 413) for attack, answer in bodies.items()}
            | self.held(
                production,
                [
                    ("send a large header", request("GET", "/health", "X-Tide: " + "x" * LARGE)),
                    ("send a large path", request("GET", "/" + "x" * LARGE)),
                    ("send many headers", request("GET", "/health", *["X-Tide: 1"] * 20_000)),
                    ("ask for a large page", request("GET", "/api/notes?limit=1000000000")),
                ],
                is_refused,
            )
        )

    def test_slow_clients_keep_nobody_waiting_for_ever(
        self, production: Stack, settle: Settle
    ) -> None:
        name, port = production.address().split(":")
        header = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Tide: "
        body = request("POST", self.path(production), "Content-Type: application/json") + b"{"
        body = body.replace(b"Connection: close", b"Content-Length: 100")
        outcome = {}
        for attack, piece in (("headers", header), ("bodies", body)):
            slow = [
                socket.create_connection((name, int(port)), timeout=20) for _ in range(SLOW_CLIENTS)
            ]
            for connection in slow:
                connection.sendall(piece)
            stacks.eventually(lambda: production.ask("/health").status == 200)
            outcome[f"send {attack} slowly"] = True
            for connection in slow:
                connection.close()
        settle(outcome)

    def test_bodies_that_do_not_end_fill_no_memory(self, production: Stack, settle: Settle) -> None:
        body = b'{"title": "%s' % (b"x" * (2**20 - 100))
        start = request("POST", self.path(production), "Content-Type: application/json", body=body)
        almost = start.replace(b"Content-Length: %d" % len(body), b"Content-Length: %d" % 2**20)
        asyncio.run(hold_all(production.address(), almost))
        stacks.eventually(lambda: production.ask("/health").status == 200)
        settle(
            {
                f"have {container['Name']} killed": not container["State"]["OOMKilled"]
                and container["RestartCount"] == 0
                for container in production.containers()
            }
        )

    def test_paths_lead_to_no_file(self, production: Stack, settle: Settle) -> None:
        requests = [(f"read {path}", request("GET", path)) for path in TRAVERSALS]
        settle(
            self.held(
                production,
                requests,
                lambda answer: (
                    status(answer) != 200 and not re.search("root:|^import", answer, re.M)
                ),
            )
        )

    def test_what_is_injected_is_only_text(self, production: Stack, settle: Settle) -> None:
        path = self.path(production)
        if path != "/api/notes":
            pytest.skip("it keeps nothing")
        paths = [f"{path}/{text.replace(' ', '%20')}" for text in INJECTED_PATHS]
        paths += [f"{path}?{text.replace(' ', '%20')}" for text in INJECTED_QUERIES]
        requests = [(f"ask for {each}", request("GET", each)) for each in paths]
        outcome = self.held(production, requests, is_refused)
        url = f"http://{production.address()}{path}"
        for text in INJECTED_TEXTS:
            created = stacks.ask(url, content={"title": text, "body": text})
            kept = stacks.ask(f"{url}/{created.json()['id']}").json()
            outcome[f"keep {text}"] = (kept["title"], kept["body"]) == (text, text)
        page = production.ask("/").body
        outcome["run a script"] = "<script" not in page and str(1331 * 1337) not in page
        outcome["drop the table"] = production.ask(path).json()["total"] >= len(INJECTED_TEXTS)
        settle(outcome)

    def test_malformed_requests_are_refused_and_told_nothing(
        self, production: Stack, settle: Settle
    ) -> None:
        path = self.path(production)
        numbers = (2**31, 2**63, 10**30)
        requests = [
            *(
                (f"send {name}", request("POST", path, body=body))
                for name, body in MALFORMED.items()
            ),
            *((f"ask for {n}", request("GET", f"{path}/{n}")) for n in numbers),
            *((f"skip {n}", request("GET", f"/api/notes?offset={n}")) for n in numbers),
            ("ask for nothing", request("GET", "/nowhere")),
            ("delete the health", request("DELETE", "/health")),
            (
                "use another type",
                request("POST", path, "Content-Type: text/xml", "Content-Length: 0"),
            ),
        ]
        settle(
            self.held(
                production, requests, lambda answer: is_refused(answer) and tells_nothing(answer)
            )
        )

    def test_nothing_for_developers_is_there(self, production: Stack, settle: Settle) -> None:
        hidden = [(f"open {path}", request("GET", path)) for path in HIDDEN]
        debugger = "/?__debugger__=yes&cmd=resource&f=debugger.js"
        settle(
            self.held(production, hidden, lambda answer: status(answer) == 404)
            | self.held(
                production,
                [("open the debugger", request("GET", debugger))],
                lambda answer: "debugger" not in answer,
            )
        )

    def test_no_other_origin_may_read_answers(self, production: Stack, settle: Settle) -> None:
        origins = (f"https://{ELSEWHERE}", "null", "http://localhost")
        wants = "Access-Control-Request-Method: DELETE"
        path = self.path(production)
        requests = [
            (f"{method} from {origin}", request(method, path, f"Origin: {origin}", wants))
            for origin in origins
            for method in ("GET", "OPTIONS")
        ]
        settle(
            self.held(
                production, requests, lambda answer: "access-control-allow" not in answer.lower()
            )
        )

    def test_requests_mean_one_thing_only(self, production: Stack, settle: Settle) -> None:
        address, path = production.address(), self.path(production)
        smuggled = request("GET", "/smuggled")
        requests = {
            "give two lengths": request("GET", path, "Content-Length: 5", "Content-Length: 6"),
            "give a wrong length": request("GET", path, "Content-Length: five"),
            "give a negative length": request("GET", path, "Content-Length: -5"),
            "name an unknown encoding": request("GET", path, "Transfer-Encoding: xchunked"),
            "write a space in a name": request("GET", path, "Transfer-Encoding : chunked"),
            "send a null character": request("GET", path, "X-Tide: \0"),
            "echo by TRACE": request("TRACE", "/health", "X-Tide: secret-tide"),
            "use it as a proxy": request("CONNECT", f"{ELSEWHERE}:443"),
            "use an unknown method": request("TIDE", path),
        }
        answers = {name: send(address, content + smuggled) for name, content in requests.items()}
        settle(
            {
                name: is_refused(answer) and "secret-tide" not in answer
                for name, answer in answers.items()
            }
        )

    def test_every_answer_says_what_browsers_may_do(
        self, production: Stack, settle: Settle
    ) -> None:
        outcome: dict[str, bool] = {}
        address = production.address()
        for path in ("/", "/health", "/nowhere", "/static/style.css", "/robots.txt"):
            answer = send(address, request("GET", path))
            headers = answer.partition("\r\n\r\n")[0].lower()
            outcome |= {
                f"frame {path}": "frame-ancestors 'none'" in headers,
                f"load anything into {path}": "default-src '" in headers,
                f"guess the type of {path}": "x-content-type-options: nosniff" in headers,
                f"learn from the referrer of {path}": "referrer-policy: strict" in headers,
                f"learn the server's version at {path}": tells_nothing(headers),
            }
        settle(outcome)


class JobAttacks(Attacks):
    """What scheduled jobs withstand."""

    application = "scheduler"


class ProgramAttacks(Attacks):
    """What command-line programs withstand, which run for each command only."""

    application = "cli"

    @pytest.fixture(autouse=True)
    def _beside_its_database(self, request: pytest.FixtureRequest) -> None:
        """Start what a command would start."""
        if "settle" in request.fixturenames:
            production: Stack = request.getfixturevalue("production")
            production.compose("up", "--detach", "--wait", "database")

    def running(self, stack: Stack) -> list[str]:
        return [*super().running(stack), self.application]

    def shell(self, stack: Stack, service: str, script: str, *options: str) -> str:
        if service != self.application:
            return super().shell(stack, service, script, *options)
        tools = stacks.bring_tools(stack.project)
        run = ("--no-deps", *tools, "--entrypoint=sh", *options, service)
        return stack.try_run(*run, "-c", script).stdout


def count_setuid(image: str, *tools: str) -> int:
    """Count the files of an image that run with the rights of their owner or group."""
    run = ("run", "--rm", "--user=0", "--network=none", *tools, "--entrypoint=sh")
    return int(programs.run("docker", *run, image, "-c", SETUID))
