"""What the benchmarks share: running, timing, rendering and tables."""

import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple, ParamSpec

import copier

P = ParamSpec("P")

ROOT = Path(__file__).resolve().parents[2]
NOT_THE_TEMPLATE = (".git", ".venv", ".*_cache", "__pycache__", "benchmarks", "tests")


def run(*command: str | Path, cwd: Path | None = None, text: str = "") -> str:
    """Run a command and return what it prints; end with that unless it ends well."""
    result = subprocess.run(
        command, cwd=cwd, input=text, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{result.stdout}{result.stderr}")
    return result.stdout


class Times(NamedTuple):
    """How long something takes, and how long it keeps a core busy.

    Others who use the machine change the second one less.
    """

    elapsed: float
    cpu: float  # of all processes that have ended

    @classmethod
    def middle(cls, several: Sequence["Times"]) -> "Times":
        """Take the median of each."""
        return cls(*map(median, zip(*several, strict=True)))


def measure(work: Callable[P, object], *values: P.args, **options: P.kwargs) -> Times:
    """Time one call of what runs other processes, and waits for them."""
    begun, used = time.perf_counter(), used_by_children()
    work(*values, **options)
    return Times(time.perf_counter() - begun, used_by_children() - used)


def used_by_children() -> float:
    """Add up the CPU time of the processes that were started here, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def seconds(work: Callable[P, object], *values: P.args, **options: P.kwargs) -> float:
    """Time one call."""
    begun = time.perf_counter()
    work(*values, **options)
    return time.perf_counter() - begun


def copy_template(destination: Path) -> Path:
    """Copy the template as a plain directory, without its Git history."""
    ignored = shutil.ignore_patterns(*NOT_THE_TEMPLATE)
    return Path(shutil.copytree(ROOT, destination, ignore=ignored))


def render(template: Path, destination: Path, answers: Mapping[str, str]) -> Path:
    """Render a project without running its tasks."""
    copier.run_copy(
        str(template),
        destination,
        data=dict(answers),
        defaults=True,
        quiet=True,
        skip_tasks=True,
        unsafe=True,
    )
    return destination


def print_table(*rows: tuple[str, ...]) -> None:
    """Print a Markdown table, of which the first row is the header."""
    print(table(*rows))


def table(*rows: tuple[str, ...]) -> str:
    """Write a Markdown table, of which the first row is the header."""
    header, *body = rows
    rule = ("---", *("---:" for _ in header[1:]))
    return "".join(f"| {' | '.join(row)} |\n" for row in (header, rule, *body))


def mark_best(cells: Sequence[str], ignored: Sequence[int] = ()) -> list[str]:
    """Write the smallest number of a row in bold, those at some places aside."""
    best = min((cell for place, cell in enumerate(cells) if place not in ignored), key=float)
    return [
        f"**{cell}**" if cell == best and place not in ignored else cell
        for place, cell in enumerate(cells)
    ]
