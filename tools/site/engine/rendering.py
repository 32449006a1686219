"""The project that a release makes of some answers: what "copier copy" would write."""

import base64
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .workers import Release, start

# path -> text, or what is in it in base 64 where it is none, and whether it is executable
Tree = dict[str, dict[str, Any]]


def render(release: Release, answers: Mapping[str, Any]) -> Tree:
    """Let Copier write the project, and read what it wrote."""
    folder = Path(tempfile.mkdtemp())
    try:
        with start(release, answers, folder / "project") as worker:
            worker.run_copy()
        return read(folder / "project")
    finally:
        shutil.rmtree(folder)


def read(project: Path) -> Tree:
    """Read every file of a project."""
    files = sorted(file for file in project.rglob("*") if file.is_file())
    return {file.relative_to(project).as_posix(): read_file(file) for file in files}


def read_file(file: Path) -> dict[str, Any]:
    """Read a file, byte for byte."""
    content = file.read_bytes()
    try:
        found: dict[str, Any] = {"text": content.decode()}
    except UnicodeDecodeError:
        found = {"base64": base64.b64encode(content).decode()}
    return found | ({"executable": True} if os.access(file, os.X_OK) else {})
