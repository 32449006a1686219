"""What people install of a program: the size of each format, and what a start of it takes."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from extensions.decisions import BUILT_FORMATS
from tools.benchmarks.images import LABEL, engine
from tools.benchmarks.measure import ROOT, copy_template, print_table, render, run

sys.path.insert(0, str(ROOT / "tests" / "support"))
import locking

NAME = "harbour-api"
# What is made of each format, and how that is started; a package of a system holds the binary's
# folder, and what conda installs is the wheel.
FILES: Mapping[str, str] = {
    "wheel": "dist/*.whl",
    "zipapp": "packages/*.pyz",
    "binary": "packages/*.tar.gz",
    "deb": "packages/*.deb",
    "rpm": "packages/*.rpm",
    "conda": "packages/*.conda",
}
STARTS: Mapping[str, str] = {
    "wheel": f"/opt/venv/bin/{NAME}",
    "zipapp": f"/packages/{NAME}.pyz",
    "binary": f"/packages/{NAME}/{NAME}",
}
MEASURE = """
import json, resource, subprocess, sys
def used():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
starts, runs, found = json.loads(sys.argv[1]), int(sys.argv[2]), {}
for _ in range(runs + 1):  # of which the first one unpacks and compiles
    for name, program in starts.items():
        before = used()
        subprocess.run([program, "--version"], check=True, stdout=subprocess.DEVNULL)
        found.setdefault(name, []).append(used() - before)
print(json.dumps(found))
"""


def report(runs: int) -> None:
    """Print a table."""
    with engine(), TemporaryDirectory() as name:
        folder = Path(name)
        answers = {"framework": "cli", "package_formats": " ".join(("wheel", *BUILT_FORMATS))}
        project = render(copy_template(folder / "slipway"), folder / NAME, answers)
        locking.lock(project)
        run("make", "wheel", cwd=project)
        for stage in BUILT_FORMATS:
            build(project, stage, "--output", "packages")
        build(project, "program", "--tag", LABEL, "--label", LABEL)
        packages = project / "packages"
        run("tar", "-xf", packages / f"{NAME}-linux.tar.gz", "-C", packages)
        mount, command = f"--volume={packages}:/packages", ("python3", "-c", MEASURE)
        measured: dict[str, list[float]] = json.loads(
            run("docker", "run", "--rm", mount, LABEL, *command, json.dumps(STARTS), str(runs))
        )
        times = {name: (used[0], median(used[1:])) for name, used in measured.items()}
        print_table(
            ("format", "MB", "first start, CPU s", "start, CPU s", "start, wheel = 1"),
            *(
                (
                    format_,
                    f"{sum(file.stat().st_size for file in project.glob(pattern)) / 1e6:.2f}",
                    *cells(times, format_),
                )
                for format_, pattern in FILES.items()
            ),
        )


def cells(times: Mapping[str, tuple[float, float]], name: str) -> tuple[str, str, str]:
    """Write what a start takes, or nothing where it is started as another format is."""
    if name not in times:
        return "", "", ""
    first, usual = times[name]
    return f"{first:.2f}", f"{usual:.2f}", f"{usual / times['wheel'][1]:.2f}"


def build(project: Path, stage: str, *options: str) -> None:
    """Build a stage of the Dockerfile for packages."""
    contexts = ("--build-context", "wheels=wheels", "--build-context", "dist=dist")
    file = ("--file", "Dockerfile.packages", "--target", stage)
    run("docker", "build", "--quiet", *file, *contexts, *options, ".", cwd=project)
