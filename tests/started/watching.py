"""Writes down what a Python process starts or connects to, and which code of ours wanted it."""

import json
import os
import sys

STARTS = {"subprocess.Popen", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system"}
CONNECTIONS = {"socket.bind", "socket.connect", "socket.getaddrinfo", "socket.sendto"}


def wanted_by() -> str:
    """Name the file of the template that is nearest on the stack; "" if Copier is nearer."""
    frame = sys._getframe()
    while frame := frame.f_back:  # type: ignore[assignment]
        if "/site-packages/copier/" in frame.f_code.co_filename:
            break
        for name in os.environ["WATCHED_CODE"].split():
            if frame.f_code.co_filename.endswith(f"/{name}"):
                return name
    return ""


def watch(event: str, arguments: tuple[object, ...]) -> None:
    """Note an event, if it is of the kind that is watched."""
    if event not in STARTS | CONNECTIONS:
        return
    command = arguments[1] if event == "subprocess.Popen" else [event, *arguments]
    line = json.dumps([wanted_by(), *map(str, command)])  # type: ignore[call-overload]
    with open(os.environ["WATCHED_LOG"], "a", encoding="utf-8") as log:  # noqa: PTH123
        log.write(f"{line}\n")


def start() -> None:
    """Watch this process from now on."""
    sys.addaudithook(watch)
