"""What the load of services came to, as tables."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean, median

from tools.benchmarks.measure import mark_best, table

OURS, FLOOR = "ours", "floor"
FAILS = "fails"

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
    """What a service took and gave in one case: in one round, or the medians of several.

    It gave nothing if not all of its answers were good ones.
    """

    framework: str
    shape: str
    endpoint: str
    connections: int
    rival: str
    cpu_us: float = 0  # of a request
    cpu_spread: float = 1  # of the dearest round, as a multiple of the cheapest
    nginx_cpu_us: float = 0
    database_cpu_us: float = 0
    requests_per_s: float = 0
    p50_ms: float = 0
    p99_ms: float = 0

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
            cpu_spread=spread([each.cpu_us for each in same]),
            nginx_cpu_us=middle(each.nginx_cpu_us for each in same),
            database_cpu_us=middle(each.database_cpu_us for each in same),
            requests_per_s=middle(each.requests_per_s for each in same),
            p50_ms=middle(each.p50_ms for each in same),
            p99_ms=middle(each.p99_ms for each in same),
        )
        for same in cases.values()
    ]


def middle(values: Iterable[float]) -> float:
    """Find the median, to what can be told apart at most; one failed round is a failure."""
    known = list(values)
    return round(median(known), 2) if all(known) else 0


def spread(values: Sequence[float]) -> float:
    """Say how far rounds of the same are from each other."""
    return round(max(values) / min(values), 2) if all(values) else 1


def write(results: Iterable[Measured]) -> str:
    """Write a table for each framework and shape of what a request costs, and how fast it is."""
    groups: dict[str, list[Measured]] = {}
    for each in results:
        title = f"{NAMES[each.framework]}, {SHAPES[each.shape].name}"
        groups.setdefault(title, []).append(each)
    costs = [write_costs(title, group) for title, group in groups.items()]
    others = [
        write_cells(f"{title}: {what}", group, write_cell)
        for what, write_cell in CELLS.items()
        for title, group in groups.items()
    ]
    summary = "<details><summary>How fast, and what the database takes</summary>\n"
    return "\n".join((*costs, summary, *others, "</details>\n"))


def write_costs(title: str, group: Sequence[Measured]) -> str:
    """Write the CPU time of a request, and the share that ours has of what peers take."""
    rivals = list_rivals(group)
    peers = [name for name in rivals if name not in (OURS, FLOOR)] if OURS in rivals else []
    header = [f"{title}: CPU µs a request", *rivals]
    header += ["nginx"] if has_nginx(group) else []
    header += [f"ours / {peer}" for peer in peers]
    header += ["target"] if peers else []
    floor = [rivals.index(FLOOR)] if FLOOR in rivals and len(rivals) > 1 else []
    rows = []
    for by_rival in list_cases(group):
        some = by_rival[rivals[0]]
        costs = [by_rival[rival].cpu_us for rival in rivals]
        failing = [place for place, cost in enumerate(costs) if not cost]
        cells = mark_best([f"{cost:.0f}" if cost else FAILS for cost in costs], floor + failing)
        if has_nginx(group):  # which does not depend on what is behind it
            cells.append(
                f"{mean(each.nginx_cpu_us for each in by_rival.values() if each.cpu_us):.0f}"
            )
        cells += [write_share(by_rival[OURS], by_rival[peer]) for peer in peers]
        target = TARGETS[some.framework].get(some.endpoint)
        cells += [f"≤ {target}" if target else ""] if peers else []
        rows.append((name_case(some), *cells))
    spreads = [each.cpu_spread for each in group]
    usual, most = f"{median(spreads):.2f}", f"{max(spreads):.2f}"
    said = f"Rounds of a case differ by a factor of {usual}, {most} at most.\n"
    return "\n".join((table(tuple(header), *rows), *([said] if max(spreads) > 1 else [])))


def write_cells(
    title: str, group: Sequence[Measured], write_cell: Callable[[Measured], str]
) -> str:
    """Write what every rival gave in each case."""
    rivals = list_rivals(group)
    rows = [
        (
            name_case(by_rival[rivals[0]]),
            *(
                write_cell(by_rival[rival]) if by_rival[rival].requests_per_s else FAILS
                for rival in rivals
            ),
        )
        for by_rival in list_cases(group)
    ]
    return table((title, *rivals), *rows)


# What is told beside the CPU time of the services
CELLS: Mapping[str, Callable[[Measured], str]] = {
    "requests/s, p50 / p99 ms": lambda each: (
        f"{each.requests_per_s:.0f}, {each.p50_ms:.1f} / {each.p99_ms:.1f}"
    ),
    "CPU µs of the database a request": lambda each: f"{each.database_cpu_us:.0f}",
}


def write_share(ours: Measured, peer: Measured) -> str:
    """Write which part ours takes of what a peer takes."""
    return f"{ours.cpu_us / peer.cpu_us:.2f}" if peer.cpu_us else ""


def name_case(result: Measured) -> str:
    """Name a row: what is asked for, through how many connections."""
    return f"`{REQUESTS[result.endpoint]}`, {result.connections}"


def list_rivals(group: Iterable[Measured]) -> list[str]:
    """List the columns."""
    return list(dict.fromkeys(each.rival for each in group))


def list_cases(group: Iterable[Measured]) -> list[dict[str, Measured]]:
    """List the rows, each with what it is for every rival."""
    cases: dict[tuple[str, int], dict[str, Measured]] = {}
    for each in group:
        cases.setdefault((each.endpoint, each.connections), {})[each.rival] = each
    return list(cases.values())


def has_nginx(group: Sequence[Measured]) -> bool:
    """Say whether nginx stands before the services of a group, which all have one shape."""
    return SHAPES[group[0].shape].nginx
