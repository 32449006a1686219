"""Our services under load, beside what people would write and the least that is possible."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.benchmarks import load_tables
from tools.benchmarks.load_containers import ENDPOINTS, RIVALS, Group, prepare_site
from tools.benchmarks.load_tables import SHAPES, Measured
from tools.benchmarks.measure import ROOT, copy_template, render

sys.path.insert(0, str(ROOT / "tests" / "support"))
import locking

CONNECTIONS = (1, 16, 64)
OVERHEAD = 1.5  # seconds that a round takes beside the load, roughly


@dataclass(frozen=True)
class Plan:
    """What is measured, and for how long."""

    seconds: int = 1
    frameworks: Sequence[str] = tuple(RIVALS)
    shapes: Sequence[str] = tuple(SHAPES)
    endpoints: Sequence[str] = tuple(ENDPOINTS)
    connections: Sequence[int] = CONNECTIONS
    rivals: Sequence[str] = ()  # all

    def choose(self, framework: str) -> list[str]:
        """List the rivals of a framework, ours first."""
        return [name for name in RIVALS[framework] if not self.rivals or name in self.rivals]

    def cases(self) -> list[tuple[str, str, int]]:
        """List in what every rival is measured."""
        return list(product(self.shapes, self.endpoints, self.connections))

    def estimate(self, runs: int) -> float:
        """Say roughly how many minutes all rounds take."""
        services = sum(len(self.choose(framework)) for framework in self.frameworks)
        return runs * services * len(self.cases()) * (self.seconds + OVERHEAD) / 60


def measure(group: Group, plan: Plan, runs: int) -> Iterator[Measured]:
    """Let the services of a framework take turns, so that what disturbs one disturbs all."""
    rivals = plan.choose(group.framework)
    for rival, shape in product(rivals, plan.shapes):
        group.start(rival, shape)
        for endpoint in plan.endpoints:
            group.warm_up(rival, shape, endpoint)
    for turn in range(runs):
        first = turn % len(rivals)  # each run begins with another one
        for case in plan.cases():
            for rival in (*rivals[first:], *rivals[:first]):
                yield group.measure(rival, *case, plan.seconds)


def report(runs: int, plan: Plan) -> list[dict[str, object]]:
    """Print tables for each framework and shape; return what is in them."""
    results: list[Measured] = []
    with prepare_site() as site, TemporaryDirectory() as name:
        took = f"some {max(1, plan.estimate(runs)):.0f} minutes and the builds before"
        print(f"{site.label} takes {took}", file=sys.stderr)
        folder = Path(name)
        template = copy_template(folder / "slipway")
        for framework in plan.frameworks:
            answers = {"framework": framework, "reverse_proxy": "nginx"}
            project = render(template, folder / framework, answers)
            locking.lock(project)
            group = Group(site, framework, project)
            group.migrate()
            medians = load_tables.find_medians(measure(group, plan, runs))
            group.remove()
            print(load_tables.write(medians), flush=True)
            results += medians
    return [asdict(each) for each in results]
