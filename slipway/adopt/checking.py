"""Checks an adoption: locks, builds and starts it beside whatever else runs on this machine."""

import json
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.processes import run, uninterrupted

PATIENCE = 300  # seconds until a stack must be healthy
ENVIRONMENTS = {
    "Development": ("compose.yaml", "compose.override.yaml"),
    "Production": ("compose.yaml", "compose.prod.yaml"),
}
COMMANDS = {
    "Development": "docker compose up --build",
    "Production": "make production",
}


@dataclass(frozen=True)
class Finding:
    """What a check has found: whether it went well, and in words."""

    works: bool
    text: str
    details: str = ""  # what was printed
    is_open: bool = False  # there is something left to check


def has_engine(folder: Path) -> bool:
    """Say whether a Docker Engine with Compose answers."""
    return bool(shutil.which("docker")) and all(
        run("docker", *words, cwd=folder).returncode == 0 for words in (["info"], ["compose", "ls"])
    )


def lock(folder: Path) -> Finding:
    """Lock what the images install."""
    result = run("sh", "scripts/lock.sh", cwd=folder)
    if result.returncode == 0:
        return Finding(True, "Locked")
    return Finding(
        False,
        "Not locked: see what is printed above, fix the dependencies, then run make lock",
        result.stdout,
    )


def start(folder: Path, own: set[str]) -> Iterator[Finding]:
    """Build and start each environment until it is healthy; leave nothing behind."""
    for title, files in ENVIRONMENTS.items():
        yield check(folder, title, files, own)


def check(folder: Path, title: str, files: tuple[str, ...], own: set[str]) -> Finding:
    """Build and start an environment; one that is the application's own is not known here."""
    needed = (*files, *(["scripts/secrets.sh"] if title == "Production" else []))
    if mine := [file for file in needed if file in own]:
        text = f"{title} is not checked, as {mine[0]} is the application's: {COMMANDS[title]}"
        return Finding(True, text, is_open=True)
    again = f"see what is printed above, and again with: {COMMANDS[title]}"
    if title == "Production" and (folder / "scripts" / "secrets.sh").exists():
        run("sh", "scripts/secrets.sh", cwd=folder)
    name = f"slipway-check-{uuid.uuid4().hex[:12]}"
    options = [word for file in files for word in ("--file", file)]
    compose = ("docker", "compose", "--project-name", name)
    result = run(*compose, *options, "config", "--format", "json", cwd=folder)
    if result.returncode != 0:
        return Finding(False, f"{title} has invalid Compose files: {again}", result.stdout)
    with tempfile.NamedTemporaryFile("w", suffix=".json", dir=folder) as file:
        json.dump(apart(json.loads(result.stdout), name), file)
        file.flush()
        alone = (*compose, "--file", file.name)
        try:
            result = run(*alone, "build", cwd=folder)
            if result.returncode != 0:
                return Finding(False, f"{title} cannot be built: {again}", result.stdout)
            wait = ("--detach", "--wait", "--wait-timeout", str(PATIENCE))
            result = run(*alone, "up", *wait, cwd=folder)
            if result.returncode == 0:
                return Finding(True, f"{title} starts and is healthy")
            logs = run(*alone, "logs", "--no-color", "--tail", "40", cwd=folder)
            return Finding(False, f"{title} does not start: {again}", result.stdout + logs.stdout)
        finally:
            with uninterrupted():
                run(*alone, "down", "--volumes", "--remove-orphans", "--timeout", "3", cwd=folder)
                run("docker", "image", "rm", "--force", name, cwd=folder)


def apart(model: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Keep an environment out of the way of others: no published port, and images of its own."""
    services = {
        key: {
            **{word: value for word, value in service.items() if word != "ports"},
            **({"image": name} if "build" in service else {}),
        }
        for key, service in model["services"].items()
    }
    return {**model, "services": services}
