"""How long the explorer takes for the questions and the files of some answers, in Pyodide."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tools.benchmarks.measure import ROOT, Times, print_table, run
from tools.site import build, packages

SCRIPT = Path(__file__).with_suffix(".mjs")
MOST = 1.5  # seconds
REMEMBERED = ("all", "nothing")


def measure(site: Path, runs: int, remembered: str) -> dict[str, dict[str, Any]]:
    """Render each preset, and others with one answer changed, in one process of Node.js."""
    node, _ = packages.npm()
    pyodide = packages.node_modules() / "pyodide"
    printed = run(node, SCRIPT, pyodide, site, str(runs), remembered)
    return {case["name"]: case for case in json.loads(printed)}


def middle(case: dict[str, Any], what: str) -> Times:
    """Take the medians of what a case took."""
    return Times.middle([Times(*each) for each in case[what]])


def report(runs: int) -> None:
    """Print what each takes, and what it would take if the engine remembered nothing."""
    with TemporaryDirectory() as name:
        site = Path(name) / "site"
        build.build(ROOT, site, is_documented=False)
        ours, bare = (measure(site, runs, remembered) for remembered in REMEMBERED)
    print_table(
        (
            *("answers", "files", f"questions, CPU s, median of {runs}", "files, CPU s", "s"),
            *("nothing remembered, CPU s", "ratio"),
        ),
        *(
            (
                *(title, str(case["files"])),
                f"{middle(case, 'questions').cpu:.2f}",
                f"{(taken := middle(case, 'rendering')).cpu:.2f}",
                f"{taken.elapsed:.2f}",
                f"{(without := middle(bare[title], 'rendering')).cpu:.2f}",
                f"{taken.cpu / without.cpu:.2f}",
            )
            for title, case in ours.items()
        ),
    )
    print(f"The target is at most {MOST} s for each.\n")
