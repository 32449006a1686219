"""What the page's worker asks for; questions and answers are JSON."""

import json
import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class Missing(types.ModuleType):
    """A module of Unix that a browser has no use for: it has every name, and can do nothing."""

    def __getattr__(self, name: str) -> Any:
        """Give what may be imported, and never called."""
        if name.startswith("__"):
            raise AttributeError(name)
        return missing


def missing(*_: object) -> None:
    """End what asks the system for what a browser has not got."""
    raise OSError("a browser cannot do this")


# Copier and its libraries import them
for name in ("fcntl", "grp", "pty", "pwd", "resource", "termios"):
    try:
        __import__(name)
    except ModuleNotFoundError:
        sys.modules[name] = Missing(name)

import yaml  # noqa: E402
from copier.errors import CopierError  # noqa: E402

from . import contents, memory, questions, rendering, workers  # noqa: E402


def ask(task: str, request: str) -> str:
    """Answer a question of the page, or say in a sentence why not."""
    try:
        return json.dumps({"found": TASKS[task](**json.loads(request))})
    except (CopierError, ValueError, yaml.YAMLError) as error:
        return json.dumps({"refused": " ".join(str(error).split())})


def release_of(release: dict[str, str]) -> workers.Release:
    """Find a release in the folder that it was unpacked into."""
    return workers.Release(**{**release, "folder": Path(release["folder"])})  # type: ignore[arg-type]


def look(release: dict[str, str], answers: dict[str, Any]) -> Any:
    """Describe the questions."""
    return questions.look(release_of(release), answers)


def render(release: dict[str, str], answers: dict[str, Any]) -> Any:
    """Render the project, and describe it."""
    tree = rendering.render(release_of(release), answers)
    return {"tree": tree, "contents": contents.describe(tree)}


def parse(text: str) -> Any:
    """Read the answers file of a project."""
    found = yaml.safe_load(text)
    if not isinstance(found, dict):
        raise ValueError("These are no answers: paste the whole of .copier-answers.yml")
    return json.loads(json.dumps(found, default=str))


memory.remember()
TASKS: Mapping[str, Callable[..., Any]] = {"look": look, "render": render, "parse": parse}
