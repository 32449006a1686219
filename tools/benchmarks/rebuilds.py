"""The production image of the same source and lock, built again and again."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.benchmarks.images import LABEL, engine
from tools.benchmarks.measure import ROOT, copy_template, print_table, render

sys.path.insert(0, str(ROOT / "tests" / "support"))
import image_digests
import locking
import questions


def report(runs: int) -> None:
    """Print how many different images the builds of each dependency manager gave."""
    with engine(), TemporaryDirectory() as name:
        folder = Path(name)
        template = copy_template(folder / "slipway")
        rows = []
        for manager in questions.choices()["dependency_manager"]:
            project = render(template, folder / manager, {"dependency_manager": manager})
            locking.lock(project)
            tag = f"{LABEL}-{manager}"
            digests = set()
            for _ in range(runs):
                image_digests.build(project, tag, "--no-cache", f"--label={LABEL}")
                digests.add(image_digests.digest(tag))
            rows.append((manager, str(runs), str(len(digests)), min(digests)[:12]))
        print_table(("default service", "builds without cache", "digests", "the first"), *rows)
