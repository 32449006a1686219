"""What parts have measured, kept in a file."""

import json
from pathlib import Path
from typing import Any

from tools.benchmarks.measure import ROOT

KEPT = ROOT / "docs" / "benchmarks.json"  # those that the documentation shows


def keep(file: Path, part: str, measured: object) -> None:
    """Write the results of a part beside those of others."""
    results = {**(read(file) if file.exists() else {}), part: measured}
    file.write_text(f"{json.dumps(results, indent=1)}\n", "utf-8")


def read(file: Path) -> dict[str, Any]:
    """Read the results of all parts that were kept."""
    results: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return results
