"""Writes the chart and the tables of docs/benchmarks.md from the results that are kept.

python -m tools.benchmarks.publish does so again without measuring anything.
"""

from collections.abc import Sequence
from typing import Any

from tools.benchmarks import load_tables, results
from tools.benchmarks.chart import draw
from tools.benchmarks.load_tables import Measured

BEGIN, END = "<!-- load -->\n", "<!-- end of load -->\n"
CHART = "![Our services and images beside others](benchmarks.svg)\n"


def fill(page: str, measured: Sequence[dict[str, Any]]) -> str:
    """Put the chart and the tables where the page has a place for them."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    tables = load_tables.write(Measured(**each) for each in measured)
    return "\n".join((f"{before}{BEGIN}", CHART, tables, f"{END}{after}"))


def publish() -> None:
    """Write both."""
    kept = results.read(results.KEPT)
    results.KEPT.with_suffix(".svg").write_text(draw(kept), "utf-8")
    page = results.KEPT.with_suffix(".md")
    page.write_text(fill(page.read_text("utf-8"), kept.get("load", ())), "utf-8")


if __name__ == "__main__":
    publish()
