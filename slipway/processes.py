"""Runs programs that end with this one, and says so if somebody ends it."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

ENDINGS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Endings:
    """What has asked this program to end: the last signal, that of Ctrl-C by default."""

    last: int = signal.SIGINT


def end(number: int, _: FrameType | None) -> None:
    """Go on as with Ctrl-C, after which a question gives the terminal back."""
    Endings.last = number
    signal.raise_signal(signal.SIGINT)


@contextmanager
def listening() -> Iterator[None]:
    """Treat the usual requests to end like Ctrl-C."""
    handlers = dict.fromkeys(ENDINGS, end) | {signal.SIGINT: signal.default_int_handler}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Do what is quick and must be whole; what asks to end meanwhile has to ask again."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(
    *command: str, cwd: Path, quiet: bool = True, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a program and everything that it starts; end it in an orderly way if this one ends."""
    output = subprocess.PIPE if quiet else None
    with subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if quiet else None,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # Ctrl-C reaches it by way of this program only
    ) as process:
        try:
            printed, _ = process.communicate()
        except BaseException:
            with uninterrupted():
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, printed or "")
