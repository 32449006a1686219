"""What the load of services came to, as tables."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from tools.benchmarks.measure import mark_best, table

OURS, FLOOR = "ours", "floor"

# The CPU time of a request that ours may take, as a part of what a peer takes
TARGETS: Mapping[str, Mapping[str, float]] = {
    "fastapi": {"health": 0.5, "read": 0.6, "write": 0.6},
    "flask": {"health": 0.8, "read": 0.8, "write": 0.8, "list": 0.8},
}
NAMES = {"fastapi": "FastAPI", "flask": "Flask"}
REQUESTS = {
    "health": "GET /health",
    "read": "GET /api/notes/1",
    "write": "POST /api/notes",
    "list": "GET /api/notes",
}


@dataclass(frozen=True)
class Shape:
    """How many processes a service has, and whether nginx stands before it."""

    name: str
    processes: int
    nginx: bool = False


SHAPES: Mapping[str, Shape] = {
    "1": Shape("one process", 1),
    "2": Shape("two processes", 2),
    "1+nginx": Shape("one process behind nginx", 1, nginx=True),
    "2+nginx": Shape("two processes behind nginx", 2, nginx=True),
}


@dataclass(frozen=True)
class Measured:
    """What a service took and gave in one case: in one round, or the medians of several."""

    framework: str
    shape: str
    endpoint: str
    connections: int
    rival: str
    cpu_us: float  # of a request
    nginx_cpu_us: float  # 0 without nginx
    database_cpu_us: float
    requests_per_s: float
    p50_ms: float
    p99_ms: float

    @property
    def case(self) -> tuple[str, str, str, int, str]:
        """Say what was measured; the rest is what came out."""
        return self.framework, self.shape, self.endpoint, self.connections, self.rival


def find_medians(rounds: Iterable[Measured]) -> list[Measured]:
    """Reduce all rounds of a case to one, in the order in which the cases came first."""
    cases: dict[object, list[Measured]] = {}
    for each in rounds:
        cases.setdefault(each.case, []).append(each)
    return [
        replace(
            same[0],
            cpu_us=middle(each.cpu_us for each in same),
            nginx_cpu_us=middle(each.nginx_cpu_us for each in same),
            database_cpu_us=middle(each.database_cpu_us for each in same),
            requests_per_s=middle(each.requests_per_s for each in same),
            p50_ms=middle(each.p50_ms for each in same),
            p99_ms=middle(each.p99_ms for each in same),
        )
        for same in cases.values()
    ]


def middle(values: Iterable[float]) -> float:
    """Find the median, to what can be told apart at most."""
    return round(median(values), 2)


def write(results: Iterable[Measured]) -> str:
    """Write two tables for each framework and shape: what a request costs, and how fast it is."""
    groups: dict[tuple[str, str], list[Measured]] = {}
    for each in results:
        groups.setdefault((each.framework, each.shape), []).append(each)
    return "\n".join(
        text
        for (framework, shape), group in groups.items()
        for text in write_group(f"{NAMES[framework]}, {SHAPES[shape].name}", group)
    )


def write_group(title: str, group: Sequence[Measured]) -> Iterator[str]:
    """Write both tables of a framework in a shape."""
    rivals = list(dict.fromkeys(each.rival for each in group))
    peers = [name for name in rivals if name not in (OURS, FLOOR)] if OURS in rivals else []
    cases: dict[tuple[str, int], dict[str, Measured]] = {}
    for each in group:
        cases.setdefault((each.endpoint, each.connections), {})[each.rival] = each

    proxied = ["nginx"] if SHAPES[group[0].shape].nginx else []
    shares = [f"ours / {peer}" for peer in peers]
    target = ["target"] if peers else []
    costs = [(f"{title}: CPU µs a request", *rivals, *proxied, *shares, *target)]
    speeds = [(f"{title}: requests/s, p50 / p99 ms", *rivals)]
    for case, by_rival in cases.items():
        name = f"`{REQUESTS[case[0]]}`, {case[1]}"
        cells = mark_best(
            [f"{by_rival[rival].cpu_us:.0f}" for rival in rivals],
            ignored=[rivals.index(FLOOR)] if FLOOR in rivals and len(rivals) > 1 else [],
        )
        if proxied:
            cells.append(f"{mean_of_nginx(by_rival.values()):.0f}")
        cells += [f"{by_rival[OURS].cpu_us / by_rival[peer].cpu_us:.2f}" for peer in peers]
        if peers:
            wanted = TARGETS[group[0].framework].get(case[0])
            cells.append(f"{wanted}" if wanted else "")
        costs.append((name, *cells))
        speeds.append((name, *(speed(by_rival[rival]) for rival in rivals)))
    yield table(*costs)
    yield table(*speeds)


def mean_of_nginx(results: Iterable[Measured]) -> float:
    """Say what nginx takes for a request, which does not depend on what is behind it."""
    times = [each.nginx_cpu_us for each in results]
    return sum(times) / len(times)


def speed(result: Measured) -> str:
    """Write how many requests were answered, and how soon."""
    return f"{result.requests_per_s:.0f}, {result.p50_ms:.1f} / {result.p99_ms:.1f}"
