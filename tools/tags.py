"""Counts Jinja's tags in the template: python -m tools.tags [COMMIT].

A tag is "{%". An expression, "{{", is counted apart: it stands in a line that reads as what is
generated. Counted are the lines of all files that are rendered. Listed are the files that have more
than one tag, and more than one in six lines, those with the most tags to spare first.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.compare import export

# With the names that these folders had up to release 0.5
FOLDERS = (
    "template",
    "template-other",
    "template-parts",
    "adopted",
    "includes",
)
LINES_FOR_A_TAG = 6


@dataclass(frozen=True)
class Count:
    """How much of a file is Jinja's."""

    path: str
    lines: int
    tags: int
    expressions: int

    @property
    def surplus(self) -> float:
        """Say how many tags there are beyond those that its lines allow."""
        return self.tags - max(1, self.lines / LINES_FOR_A_TAG)


def main() -> int:
    """Count the tags of a commit or of the work tree; list the files that have too many."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("commit", nargs="?", help="a commit (default: the work tree)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        counts = list(read(export(options.commit, Path(name) / "template")))
    print("tags  expressions  lines  file")
    worst = sorted(
        (count for count in counts if count.surplus > 0), key=lambda count: -count.surplus
    )
    for count in worst:
        print(f"{count.tags:4}  {count.expressions:11}  {count.lines:5}  {count.path}")
    lines = sum(count.lines for count in counts)
    tags = sum(count.tags for count in counts)
    expressions = sum(count.expressions for count in counts)
    print(f"\n{len(worst)} of {len(counts)} files have too many tags.")
    print(f"{tags} tags and {expressions} expressions in {lines} lines: ", end="")
    print(f"{1000 * tags / lines:.0f} tags in 1000 lines,", end=" ")
    print(f"{1000 * (tags + expressions) / lines:.0f} with expressions")
    return 0


def read(repository: Path) -> Iterator[Count]:
    """Count the tags of each file that is rendered."""
    for folder in FOLDERS:
        for file in sorted((repository / folder).rglob("*.jinja")):
            text = file.read_text("utf-8")
            path = file.relative_to(repository).as_posix()
            yield Count(path, text.count("\n"), text.count("{%"), text.count("{{"))


if __name__ == "__main__":
    sys.exit(main())
