"""Measures the template and prints Markdown tables: python -m tools.benchmarks [PART]."""

import argparse
from collections.abc import Callable

from tools.benchmarks import fleet, images, rebuilds, rendering, sizes

PARTS: dict[str, tuple[Callable[..., None], int]] = {
    "rendering": (rendering.report, 7),
    "images": (images.report, 3),
    "sizes": (sizes.report, 1),
    "rebuilds": (rebuilds.report, 10),
    "fleet": (fleet.report, 1),
}


def main() -> None:
    """Run one part, or all."""
    parser = argparse.ArgumentParser(prog="python -m tools.benchmarks", description=__doc__)
    parser.add_argument("part", nargs="?", choices=PARTS, help="what to measure (default: all)")
    parser.add_argument(
        "--runs", type=int, help="how often (default: rebuilds 10, rendering 7, images 3, else 1)"
    )
    parser.add_argument(
        "--count", type=int, default=200, help="how many repositories a fleet has (default: 200)"
    )
    options = parser.parse_args()
    for name in [options.part] if options.part else PARTS:
        report, runs = PARTS[name]
        print(f"## {name.capitalize()}\n", flush=True)
        report(options.runs or runs, **({"count": options.count} if name == "fleet" else {}))


main()
