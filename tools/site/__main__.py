"""Builds the explorer into site/: python -m tools.site [--output FOLDER].

The page is made of this repository as it was committed, and the documentation is beside it, in
docs/. The build ends with what a visitor has to
download, and fails if that is more than is promised.
"""

import argparse
import sys
from pathlib import Path

from tools.site import build
from tools.site.engine import memory

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Build the site, and print what it weighs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "site", help="default: site/")
    parser.add_argument("--page-only", action="store_true", help="leave out the documentation")
    options = parser.parse_args()
    memory.remember()
    sizes = build.build(ROOT, options.output, not options.page_only)
    for part, size in sizes.parts.items():
        print(f"{size / 1e6:6.2f} MB  {part}")
    print(f"{sizes.total / 1e6:6.2f} MB  of {build.MOST / 1e6:.0f} MB that a visitor may download")
    if sizes.total > build.MOST:
        print("The site is larger than is promised: leave something out.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
