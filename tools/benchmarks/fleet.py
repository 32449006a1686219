"""How long a report on many repositories takes, as a multiple of updating one."""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.benchmarks.measure import ROOT, Times, copy_template, measure, print_table, run

sys.path.insert(0, str(ROOT / "tests" / "support"))
import questions
import updating

OLDEST = "v0.1.0"
ANSWERS: tuple[questions.Answers, ...] = (
    {},
    {"framework": "flask", "dependency_manager": "pip", "database": "sqlite"},
    {"database": "none", "ci": "none", "license": "mit"},
)


def make_fleet(template: Path, folder: Path, count: int, has_names: bool = False) -> list[Path]:
    """Make repositories on the oldest release, each with an edit, and perhaps a name, of its own.

    Answers are equal but for that name, so that there are as many as ANSWERS or as repositories.
    """
    fleet = []
    for index in range(count):
        name = {"project_name": f"Berth {index}"} if has_names else {}
        answers = {**ANSWERS[index % len(ANSWERS)], **name}
        project = updating.copy(template, folder / f"service-{index}", OLDEST, answers)
        with (project / "README.md").open("a", encoding="utf-8") as readme:
            readme.write(f"\n## Service {index}\n")
        updating.git(project, "init", "--quiet")
        updating.commit(project, "Start")
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
    """Print how long one update takes, and the report on all."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        template = updating.clone_with_releases(copy_template(folder / "files"), folder / "slipway")
        updating.release(template)
        fleet = make_fleet(template, folder / "equal", count)
        named = make_fleet(template, folder / "named", count, has_names=True)
        times: dict[str, list[Times]] = {}
        for turn in range(runs):
            before, after = (
                shutil.copytree(fleet[0], folder / f"{name}-{turn}") for name in ("before", "after")
            )
            for work, measured in (
                ("one update", measure(update, before)),
                ("the report, versions only", measure(report_on, template, fleet, "--no-try")),
                ("the report", measure(report_on, template, fleet)),
                ("the report, each with its own name", measure(report_on, template, named)),
                ("one update", measure(update, after)),  # others may use the machine meanwhile
            ):
                times.setdefault(work, []).append(measured)
    medians = {work: Times.middle(values) for work, values in times.items()}
    one = medians["one update"]
    print_table(
        (
            *(f"{count} local repositories", f"s, median of {runs}", "one update = 1"),
            *("CPU s", "one update = 1", "for each"),
        ),
        *(
            (
                *(work, f"{taken.elapsed:.1f}", f"{taken.elapsed / one.elapsed:.1f}"),
                *(f"{taken.cpu:.1f}", f"{taken.cpu / one.cpu:.1f}"),
                "" if taken is one else f"{taken.cpu / one.cpu / count:.2f}",
            )
            for work, taken in medians.items()
        ),
    )
