"""A client of the Debug Adapter Protocol, as far as an editor uses it to stop at a breakpoint."""

import itertools
import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any

import pytest

PATIENCE = 180  # seconds until an answer is missing
ENDED = (OSError, RuntimeError, ValueError, queue.Empty)  # what happens with a debuggee that ends


class Session:
    """One debuggee; those that it starts get sessions of their own."""

    def __init__(self, editor: "Debugger", reader: IO[bytes], writer: IO[bytes]) -> None:
        """Begin to read what the adapter says."""
        self.editor = editor
        self.reader = reader
        self.writer = writer
        self.numbers = itertools.count(1)
        self.answers: dict[int, queue.Queue[dict[str, Any]]] = {}
        self.is_initialized = threading.Event()
        self.has_ended = threading.Event()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self) -> None:
        """Deal with what the adapter says, until it says no more."""
        with suppress(OSError, ValueError):
            while header := self.reader.readline():
                length = int(header.split(b":")[1])
                self.reader.readline()
                self.deal_with(json.loads(self.reader.read(length)))

    def deal_with(self, message: dict[str, Any]) -> None:
        """Pass an answer on to who waits for it, and note an event."""
        if message["type"] == "response":
            self.answers[message["request_seq"]].put(message)
            return
        match message.get("event"):
            case "initialized":
                self.is_initialized.set()
            case "terminated":
                self.has_ended.set()
            case "stopped":
                self.editor.stops.put(Stop(self, message["body"]["threadId"]))
            case "debugpyAttach":  # the debuggee has started another one
                work = (message["body"],)
                threading.Thread(target=self.editor.attach_further, args=work, daemon=True).start()

    def send(self, command: str, **arguments: Any) -> Callable[[], dict[str, Any]]:
        """Send a request; return a function that waits for the answer."""
        number = next(self.numbers)
        answers: queue.Queue[dict[str, Any]] = queue.Queue(1)
        self.answers[number] = answers
        request = {
            "seq": number,
            "type": "request",
            "command": command,
            "arguments": arguments,
        }
        content = json.dumps(request).encode()
        self.writer.write(b"Content-Length: %d\r\n\r\n" % len(content) + content)
        self.writer.flush()

        def wait() -> dict[str, Any]:
            answer = answers.get(timeout=PATIENCE)
            if not answer["success"]:
                raise RuntimeError(f"{command}: {answer.get('message')}")
            return answer.get("body") or {}

        return wait

    def begin(self, settings: Mapping[str, Any]) -> None:
        """Attach or launch, as settings of launch.json say, with the editor's breakpoints."""
        self.send("initialize", adapterID="debugpy", pathFormat="path")()
        started = self.send(settings["request"], **settings)
        assert self.is_initialized.wait(PATIENCE), "the adapter is not ready"
        for path, line in self.editor.breakpoints.items():
            self.send("setBreakpoints", source={"path": path}, breakpoints=[{"line": line}])()
        self.send("configurationDone")()
        started()


@dataclass
class Stop:
    """A thread that a breakpoint has stopped."""

    session: Session
    thread: int

    def evaluate(self, expression: str) -> str:
        """Evaluate an expression there; also say in which line of which file."""
        (frame, *_) = self.session.send("stackTrace", threadId=self.thread)()["stackFrames"]
        result = self.session.send("evaluate", expression=expression, frameId=frame["id"])()
        place = f"{PurePosixPath(frame['source']['path']).name}:{frame['line']}"
        return f"{place} {expression}={result['result']}"

    def go_on(self) -> None:
        """Let it go on."""
        self.session.send("continue", threadId=self.thread)()


class Debugger:
    """An editor with breakpoints, at one line in each file."""

    def __init__(self, breakpoints: Mapping[str, int]) -> None:
        """Take over its breakpoints."""
        self.breakpoints = breakpoints
        self.stops: queue.Queue[Stop] = queue.Queue()

    def attach(self, settings: Mapping[str, Any]) -> None:
        """Attach to the adapter that these settings name."""
        address = (settings["connect"]["host"], settings["connect"]["port"])
        connection = socket.create_connection(address, timeout=PATIENCE)
        connection.settimeout(None)
        session = Session(self, connection.makefile("rb"), connection.makefile("wb"))
        session.begin({**settings, "request": "attach"})

    def attach_further(self, settings: Mapping[str, Any]) -> None:
        """Attach to what a debuggee has started, unless that has ended meanwhile."""
        with suppress(*ENDED):
            self.attach(settings)

    def observe(self, run: Callable[[], object], expression: str, expected: str) -> Any:
        """Run something until it stops where the expression has this value; return its result.

        A debuggee that has just been started need not know the breakpoints yet, and one that is
        about to be replaced has the old code.
        """
        seen = set()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            results: list[object] = []
            work = threading.Thread(target=attempt, args=(run, results), daemon=True)
            work.start()
            was_expected = False
            while work.is_alive():
                with suppress(*ENDED):
                    stop = self.stops.get(timeout=0.2)
                    what = stop.evaluate(expression)
                    stop.go_on()
                    seen.add(what)
                    was_expected = was_expected or what == expected
            if was_expected and results:
                return results[0]
            time.sleep(0.2)
        pytest.fail(f"nothing has stopped at {expected}, but at {seen}", pytrace=False)


def attempt(run: Callable[[], object], results: list[object]) -> None:
    """Run something, which fails while what it asks is about to be replaced."""
    with suppress(OSError):
        results.append(run())
