"""Our services under load, beside what people would write and the least that is possible."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.benchmarks import load_tables
from tools.benchmarks.load_containers import prepare_site
from tools.benchmarks.load_services import ENDPOINTS, RIVALS, Services
from tools.benchmarks.load_tables import OURS, SHAPES, Measured
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
    telemetry: Sequence[str] = ()  # with which ours is a rival, too

    def choose(self, framework: str) -> list[str]:
        """List the rivals of a framework, ours first."""
        others = [name for name in RIVALS[framework] if not self.rivals or name in self.rivals]
        return [*others, *self.telemetry]

    def estimate(self, runs: int) -> float:
        """Say roughly how many minutes all rounds take."""
        services = sum(len(self.choose(framework)) for framework in self.frameworks)
        rounds = services * len(self.shapes) * len(self.endpoints) * len(self.connections)
        return runs * rounds * (self.seconds + OVERHEAD) / 60


def measure(services: Services, plan: Plan, runs: int) -> Iterator[Measured]:
    """Let the rivals take turns, so that what disturbs one disturbs all."""
    rivals = plan.choose(services.framework)
    # nginx lets few probes through at once.
    endpoints = [name for name in plan.endpoints if not services.has_nginx or name != "health"]
    for rival in rivals:
        services.start(rival)
        for endpoint in endpoints:
            services.warm_up(rival, endpoint)
    for turn in range(runs):
        first = turn % len(rivals)  # each run begins with another one
        for endpoint, connections in product(endpoints, plan.connections):
            for rival in (*rivals[first:], *rivals[:first]):
                yield services.measure(rival, endpoint, connections, plan.seconds)


def report(runs: int, plan: Plan) -> list[dict[str, object]]:
    """Print tables for each framework and shape, as soon as they are known; return all."""
    results: list[Measured] = []
    with prepare_site() as site, TemporaryDirectory() as name:
        took = f"some {max(1, plan.estimate(runs)):.0f} minutes and the builds before"
        print(f"{site.label} takes {took}", file=sys.stderr)
        template = copy_template(Path(name) / "slipway")
        for framework, shape in product(plan.frameworks, plan.shapes):
            proxy = "nginx" if SHAPES[shape].nginx else "none"
            projects = {}
            for kind in (OURS, *plan.telemetry):
                answers = {"framework": framework, "reverse_proxy": proxy}
                answers["telemetry"] = "none" if kind == OURS else kind
                folder = Path(name) / f"{framework} {shape} {kind}"
                projects[kind] = render(template, folder, answers)
                locking.lock(projects[kind])
            services = Services(site, framework, shape, projects)
            services.build()
            services.migrate()
            medians = load_tables.find_medians(measure(services, plan, runs))
            services.remove()
            print(load_tables.write(medians), flush=True)
            results += medians
    return [asdict(each) for each in results]
