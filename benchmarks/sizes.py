"""The production image of the same service, installed by each dependency manager."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.images import LABEL, engine, read_images, size
from benchmarks.measure import ROOT, copy_template, print_table, render, run

sys.path.insert(0, str(ROOT / "tests"))
import kit
import stacks


def report(runs: int) -> None:
    """Print a table; a size is what it is, so that one run is enough."""
    with engine(), TemporaryDirectory() as name:
        folder = Path(name)
        template = copy_template(folder / "slipway")
        sizes = {}
        for manager in kit.choices()["dependency_manager"]:
            project = render(template, folder / manager, {"dependency_manager": manager})
            stacks.lock(project)
            tag = f"{LABEL}-{manager}"
            run("docker", "build", "--quiet", "--label", LABEL, "--tag", tag, project)
            sizes[manager] = size(tag)
        base = size(read_images()["python"])
        print_table(
            ("default service", "image, MB", "added to its base, MB", "image, uv = 1"),
            *(
                (name, f"{total:.1f}", f"{total - base:.1f}", f"{total / sizes['uv']:.4f}")
                for name, total in sizes.items()
            ),
        )
