"""Measures the template and prints Markdown tables: python -m tools.benchmarks [PART]."""

import argparse
import signal
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from tools.benchmarks import (
    explorer,
    fleet,
    images,
    layers,
    load,
    packages,
    publish,
    rebuilds,
    rendering,
    results,
    sizes,
)
from tools.benchmarks.load_services import ENDPOINTS, RIVALS, TELEMETRY
from tools.benchmarks.load_tables import SHAPES

PARTS: dict[str, tuple[Callable[..., object], int]] = {
    "rendering": (rendering.report, 7),
    "images": (images.report, 3),
    "sizes": (sizes.report, 1),
    "packages": (packages.report, 5),
    "rebuilds": (rebuilds.report, 10),
    "layers": (layers.report, 3),
    "fleet": (fleet.report, 1),
    "explorer": (explorer.report, 7),
    "load": (load.report, 3),
}


def read_options() -> argparse.Namespace:
    """Read what to measure, and how often."""
    parser = argparse.ArgumentParser(prog="python -m tools.benchmarks", description=__doc__)
    parser.add_argument("part", nargs="?", choices=PARTS, help="what to measure (default: all)")
    parser.add_argument(
        "--runs",
        type=int,
        help="how often (default: rebuilds 10, rendering and explorer 7, packages 5,"
        " sizes and fleet 1, else 3)",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="keep the results of images and load there"
    )
    parser.add_argument(
        "--docs",
        action="store_true",
        help="keep them in docs/benchmarks.json, and write the page's chart and tables of them",
    )
    parser.add_argument(
        "--count", type=int, default=200, help="how many repositories a fleet has (default: 200)"
    )
    chosen = parser.add_argument_group("load", "which part of the load (default: all of it)")
    chosen.add_argument("--seconds", type=int, default=1, help="how long a round is (default: 1)")
    chosen.add_argument("--frameworks", nargs="+", choices=RIVALS)
    chosen.add_argument("--shapes", nargs="+", choices=SHAPES, help="processes, and nginx")
    chosen.add_argument("--endpoints", nargs="+", choices=ENDPOINTS)
    chosen.add_argument("--connections", nargs="+", type=int)
    rivals = {name: None for names in RIVALS.values() for name in names}
    chosen.add_argument("--rivals", nargs="+", choices=rivals)
    chosen.add_argument(
        "--telemetry", nargs="+", choices=TELEMETRY, help="with which ours is measured as well"
    )
    return parser.parse_args()


def main() -> None:
    """Run one part, or all."""
    options = read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("This was ended before its end."))
    plan = {field.name: getattr(options, field.name) for field in fields(load.Plan)}
    for name in [options.part] if options.part else PARTS:
        report, runs = PARTS[name]
        print(f"## {name.capitalize()}\n", flush=True)
        more: dict[str, object] = {}
        if name == "fleet":
            more["count"] = options.count
        if name == "load":
            more["plan"] = load.Plan(**{key: value for key, value in plan.items() if value})
        measured = report(options.runs or runs, **more)
        if measured is not None:
            for file in filter(None, (options.json, results.KEPT if options.docs else None)):
                results.keep(file, name, measured)
    if options.docs:
        publish.publish()


main()
