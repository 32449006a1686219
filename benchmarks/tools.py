"""What both benchmarks use: rendering, running and timing commands, and printing tables."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("copier.yml", "manifest.jinja", "extensions", "catalogue", "includes", "tasks", "template")


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command and return what it printed; end the program with that if it fails."""
    result = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{result.stdout}{result.stderr}")
    return result.stdout


def timed(action: Callable[[], object]) -> float:
    """Return how many seconds something takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def copy_template(folder: Path) -> Path:
    """Copy what Copier needs into a plain folder, so that git does not count."""
    for part in PARTS:
        source, target = ROOT / part, folder / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return folder


def copier(template: Path, project: Path, *answers: str) -> None:
    """Run "copier copy" as a process of its own, without the task that locks."""
    data = [f"--data={answer}" for answer in answers]
    options = ("--defaults", "--trust", "--skip-tasks", "--quiet", *data)
    run(Path(sys.executable).with_name("copier"), "copy", *options, template, project)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Write rows, of which the first is the heading, as a Markdown table."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|---" + "|---:" * (len(rows[0]) - 1) + "|")
    return "\n".join([*lines, ""])
