"""How long a report on many repositories takes, as a multiple of updating one."""

import shutil
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tools.benchmarks.measure import ROOT, copy_template, print_table, run, seconds

sys.path.insert(0, str(ROOT / "tests" / "support"))
import questions
import updating

OLDEST = "v0.1.0"
ANSWERS: tuple[questions.Answers, ...] = (
    {},
    {"framework": "flask", "dependency_manager": "pip", "database": "sqlite"},
    {"database": "none", "ci": "none", "license": "mit"},
)


def make_fleet(template: Path, folder: Path, count: int) -> list[Path]:
    """Make repositories on the oldest release, each with a history and an edit of its own."""
    originals = [
        updating.copy(template, folder / f"original-{index}", OLDEST, answers)
        for index, answers in enumerate(ANSWERS)
    ]
    for original in originals:
        updating.git(original, "init", "--quiet")
        updating.commit(original, "Start")
    fleet = []
    for index in range(count):
        project = folder / f"service-{index}"
        shutil.copytree(originals[index % len(originals)], project)
        with (project / "README.md").open("a", encoding="utf-8") as readme:
            readme.write(f"\n## Service {index}\n")
        updating.commit(project, "Say which service this is")
        fleet.append(project)
    return fleet


def update(project: Path) -> None:
    """Update one project as a whole process, as its developer would, but without its lock."""
    options = ("--quiet", "--defaults", "--trust", "--skip-tasks")
    run(sys.executable, "-m", "copier", "update", *options, cwd=project)


def report_on(template: Path, fleet: list[Path], *options: str) -> None:
    """Report on a fleet, with an update tried in every repository."""
    arguments = ("--template", str(template), "--from", "-", *options)
    run(
        sys.executable,
        "-m",
        "slipway",
        "fleet",
        "report",
        *arguments,
        cwd=ROOT,
        text="\n".join(map(str, fleet)),
    )


def report(runs: int, count: int) -> None:
    """Print how long one update takes, and the report on all in one process and in several."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        template = updating.clone_with_releases(copy_template(folder / "files"), folder / "slipway")
        updating.release(template)
        fleet = make_fleet(template, folder, count)
        times: dict[str, list[float]] = {}
        for turn in range(runs):
            before, after = (
                shutil.copytree(fleet[0], folder / f"{name}-{turn}") for name in ("before", "after")
            )
            for work, measured in (
                ("one update", seconds(update, before)),
                ("the report, versions only", seconds(report_on, template, fleet, "--no-try")),
                ("the report", seconds(report_on, template, fleet)),
                ("one update", seconds(update, after)),  # others may use the machine meanwhile
            ):
                times.setdefault(work, []).append(measured)
    medians = {work: median(values) for work, values in times.items()}
    print_table(
        (f"{count} local repositories", f"median of {runs}", "one update = 1"),
        *(
            (work, f"{time:.1f} s", f"{time / medians['one update']:.1f}")
            for work, time in medians.items()
        ),
    )
