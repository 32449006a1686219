"""Prints the tables: python -m benchmarks [rendering|images] [--runs N]."""

import argparse

from benchmarks import images, rendering

PARTS = {"rendering": rendering.measure, "images": images.measure}

parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
parser.add_argument("part", nargs="?", choices=PARTS, help="measure only this part")
parser.add_argument("--runs", type=int, default=5, help="how often each thing is measured")
options = parser.parse_args()
for name, measure in PARTS.items():
    if options.part in (None, name):
        print(measure(options.runs), flush=True)
