"""Applications with a layout of their own, and their adoption."""

import contextlib
import io
import shutil
from collections.abc import Mapping
from pathlib import Path

import updating

from slipway.__main__ import main

APPLICATIONS = Path(__file__).resolve().parent / "applications"
NEEDED = {"pdm": ("--data=dependency_manager=uv",)}  # without which an application is refused
NAMES = tuple(sorted(folder.name for folder in APPLICATIONS.iterdir()))


def copy_application(name: str, folder: Path) -> Path:
    """Commit a copy of an application."""
    ignored = shutil.ignore_patterns("__pycache__")
    return start_history(shutil.copytree(APPLICATIONS / name, folder / name, ignore=ignored))


def write_application(folder: Path, files: Mapping[str, str]) -> Path:
    """Commit an application of a few short files."""
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return start_history(folder)


def start_history(project: Path) -> Path:
    """Put a folder under git."""
    updating.git(project, "init", "--quiet")
    updating.commit(project, "Start")
    return project


def adopt(template: Path, project: Path, *options: str) -> str:
    """Adopt an application without locking it; return what was printed."""
    printed = io.StringIO()
    needed = NEEDED.get(project.name, ())
    command = (
        "adopt",
        project,
        f"--template={template}",
        "--skip-tasks",
        "--defaults",
        *needed,
        *options,
    )
    with contextlib.redirect_stdout(printed):
        assert main(list(map(str, command))) == 0
    return printed.getvalue()


def own_files(project: Path) -> dict[str, bytes]:
    """Map each file of the first commit to what is in it now."""
    first = updating.git(project, "rev-list", "--max-parents=0", "HEAD").strip()
    paths = updating.git(project, "ls-tree", "-r", "--name-only", first).splitlines()
    return {path: (project / path).read_bytes() for path in paths}
