"""What parts have measured, kept in a file."""

import json
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

from tools.benchmarks.measure import ROOT

KEPT = ROOT / "docs" / "benchmarks.json"  # those that the documentation shows
ROW = ("framework", "shape", "endpoint", "connections")  # whose rivals took turns


def keep(file: Path, part: str, measured: object) -> None:
    """Write the results of a part beside those of others, and rows of a table beside others."""
    results = read(file) if file.exists() else {}
    if isinstance(measured, list):
        measured = [*chain(*(rows(results.get(part, ())) | rows(measured)).values())]
    file.write_text(f"{json.dumps({**results, part: measured}, indent=1)}\n", "utf-8")


def rows(measured: Iterable[dict[str, Any]]) -> dict[object, list[dict[str, Any]]]:
    """Put together what stands in one row of a table."""
    found: dict[object, list[dict[str, Any]]] = {}
    for each in measured:
        found.setdefault(tuple(each[key] for key in ROW), []).append(each)
    return found


def read(file: Path) -> dict[str, Any]:
    """Read the results of all parts that were kept."""
    results: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return results
