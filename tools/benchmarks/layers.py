"""What a change builds and pushes again: large dependencies in a layer of their own, and in one."""

import json
import re
import secrets
import shutil
import sys
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tools.benchmarks.images import LABEL, build, edit, engine, size
from tools.benchmarks.measure import ROOT, copy_template, print_table, render, run, seconds

sys.path.insert(0, str(ROOT / "tests" / "support"))
import locking
import registries

LARGE = ("pyarrow", "scikit-learn", "scipy")
OLD, NEW = "scikit-learn<1.9", "scikit-learn>=1.9"
SHAPES: Mapping[str, dict[str, str]] = {
    "one layer": {},
    "a layer of their own": {"large_dependencies": " ".join(LARGE)},
}
# What is changed in turn -> what pyproject.toml has then
CHANGES: Mapping[str, Callable[[str], str]] = {
    "first build": lambda text: text,
    "an edit of the source": lambda text: text,
    "another dependency": lambda text: text.replace(
        '"structlog', '"itsdangerous",\n    "structlog'
    ),
    "a new version of a large one": lambda text: text.replace(OLD, NEW),
}


def report(runs: int) -> None:
    """Print a table; each change is made to the first build."""
    with engine(), TemporaryDirectory() as name, registries.registry() as registry:
        folder = Path(name)
        template = copy_template(folder / "slipway")
        projects = prepare(template, folder)
        times: dict[tuple[str, str], list[float]] = defaultdict(list)
        pushed: dict[tuple[str, str], float] = {}
        for _ in range(runs):
            for shape, change, took, megabytes in measure(projects, registry):
                times[shape, change].append(took)
                pushed[shape, change] = megabytes
        print_table(
            ("change", *(f"{shape}: {unit}" for shape in SHAPES for unit in ("s", "MB pushed"))),
            *(
                (
                    change,
                    *(cell for shape in SHAPES for cell in cells(times, pushed, shape, change)),
                )
                for change in CHANGES
            ),
        )
        sizes = {shape: f"{size(f'{LABEL}-{number}'):.1f}" for number, shape in enumerate(SHAPES)}
        print_table(("image", "MB"), *sizes.items())


def cells(
    times: Mapping[tuple[str, str], list[float]],
    pushed: Mapping[tuple[str, str], float],
    shape: str,
    change: str,
) -> tuple[str, str]:
    """Write what a change took in one shape."""
    return f"{median(times[shape, change]):.1f}", f"{pushed[shape, change]:.1f}"


def prepare(template: Path, folder: Path) -> dict[tuple[str, str], Path]:
    """Make a project for each shape and change, whose locks are the same in both shapes."""
    projects = {}
    for change, adapt in CHANGES.items():
        locked: Path | None = None
        for number, (shape, answers) in enumerate(SHAPES.items()):
            project = render(template, folder / f"{change}-{number}", answers)
            manifest = project / "pyproject.toml"
            wanted = "".join(f'    "{each}",\n' for each in ("pyarrow", OLD, "scipy"))
            text = manifest.read_text("utf-8").replace(
                "dependencies = [\n", f"dependencies = [\n{wanted}", 1
            )
            manifest.write_text(adapt(text), "utf-8")
            if locked is None:
                locking.lock(project)
                locked = project / "uv.lock"
            else:
                shutil.copy(locked, project)
            projects[shape, change] = project
    return projects


def measure(
    projects: Mapping[tuple[str, str], Path], registry: str
) -> list[tuple[str, str, float, float]]:
    """Build and push each shape with each change; say how long that took, and what was pushed."""
    found = []
    for number, shape in enumerate(SHAPES):
        # What is downloaded is kept, but no layer of an earlier run is found.
        run_id = secrets.token_hex(8)
        tag = f"{LABEL}-{number}"
        image = f"{registry}/{run_id}"
        known: set[str] = set()
        for change in CHANGES:
            project = projects[shape, change]
            text = (project / "Dockerfile").read_text("utf-8")
            text = re.sub(
                r"^(FROM \S*python:.*)$", rf"\1\nENV BENCHMARK={run_id}", text, flags=re.M
            )
            if change == "an edit of the source":
                edit(project, run_id)
            took = seconds(build, text, tag, project)
            run("docker", "tag", tag, f"{image}:latest")
            took += seconds(run, "docker", "push", "--quiet", f"{image}:latest")
            layers = read_layers(registry, run_id)
            new = layers.keys() - known
            found.append((shape, change, took, sum(layers[each] for each in new) / 1e6))
            known = known or set(layers)
            run("docker", "image", "rm", f"{image}:latest")
    return found


def read_layers(registry: str, name: str) -> dict[str, int]:
    """Map the digest of each layer of an image in a registry to how many bytes were pushed."""
    request = urllib.request.Request(
        f"http://{registry}/v2/{name}/manifests/latest",
        headers={"Accept": ", ".join(registries.KINDS)},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        manifest = json.load(response)
    return {layer["digest"]: layer["size"] for layer in manifest["layers"]}
