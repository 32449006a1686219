"""Draws results as a chart: python -m tools.benchmarks.chart RESULTS >CHART."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from tools.benchmarks import results
from tools.benchmarks.load_tables import FLOOR, NAMES, OURS, REQUESTS, SHAPES, Measured

CONNECTIONS = 16  # of the load, as long as it was measured with so many
# Of an image: what is drawn, under which name and in which unit
IMAGES = {
    "MB added to the base image": ("Added to the base image", "MB"),
    "start to healthy, s": ("From start to healthy", "s"),
}

COLUMN, BAR, LINE = 460, 200, 18
LABELS = 150  # left of the bars
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.panel { font-size: 15px; font-weight: 600 }
.group { font-weight: 600 }
.label, .note { fill: #59636e }
.ours { fill: #0969da }
.peer { fill: #8c959f }
.floor { fill: #d1d9e0 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .label, .note { fill: #9198a1 }
  .ours { fill: #4493f8 }
  .peer { fill: #656c76 }
  .floor { fill: #3d444d }
}
"""


@dataclass(frozen=True)
class Panel:
    """Groups of bars: what is compared and in which unit, and the values by name."""

    title: str
    groups: Mapping[tuple[str, str], Mapping[str, float]]


def list_panels(measured: Mapping[str, Any]) -> Iterator[Panel]:
    """Choose what of the results is drawn."""
    rounds = [Measured(**each) for each in measured.get("load", ())]
    for framework in dict.fromkeys(each.framework for each in rounds):
        own = [each for each in rounds if each.framework == framework]
        shape = min(each.shape for each in own)
        connections = min((each.connections for each in own), key=lambda n: abs(n - CONNECTIONS))
        groups: dict[tuple[str, str], dict[str, float]] = {}
        for each in own:
            if (each.shape, each.connections) == (shape, connections) and each.cpu_us:
                name = f"CPU time of {REQUESTS[each.endpoint]}"
                groups.setdefault((name, "µs"), {})[each.rival] = each.cpu_us
        many = "connection" if connections == 1 else "connections"
        title = f"{NAMES[framework]}, {SHAPES[shape].name}, {connections} {many}"
        yield Panel(title, groups)
    for manager, variants in measured.get("images", {}).items():
        yield Panel(
            f"Image with {manager}",
            {
                heading: {name: values[measure] for name, values in variants.items()}
                for measure, heading in IMAGES.items()
            },
        )


def write_value(value: float, unit: str) -> str:
    """Write a value with as many places as it is known to."""
    return f"{value:,.0f} {unit}" if unit == "µs" else f"{value:.2f} {unit}"


def describe(panels: list[Panel]) -> str:
    """Say all that the chart shows, for whoever does not see it."""
    return " ".join(
        f"{panel.title}, {name}: "
        + "; ".join(f"{label} {write_value(value, unit)}" for label, value in bars.items())
        + "."
        for panel in panels
        for (name, unit), bars in panel.groups.items()
    )


def add(parent: ET.Element, tag: str, text: str = "", **attributes: object) -> ET.Element:
    """Add an element."""
    named = {name.rstrip("_").replace("_", "-"): str(value) for name, value in attributes.items()}
    element = ET.SubElement(parent, tag, named)
    element.text = text
    return element


def draw_panel(root: ET.Element, panel: Panel, x: int, y: int) -> int:
    """Draw a panel; return where it ends."""
    add(root, "text", panel.title, x=x, y=y, class_="panel")
    for (name, unit), bars in panel.groups.items():
        y += LINE + 8
        add(root, "text", name, x=x, y=y, class_="group")
        longest = max(bars.values())
        for label, value in bars.items():
            y += LINE
            kind = label if label in (OURS, FLOOR) else "peer"
            width = round(value / longest * BAR, 1)
            add(root, "text", label, x=x + LABELS - 8, y=y, class_="label", text_anchor="end")
            add(root, "rect", x=x + LABELS, y=y - 11, width=width, height=13, rx=2, class_=kind)
            add(root, "text", write_value(value, unit), x=x + LABELS + width + 6, y=y)
    return y


def draw(measured: Mapping[str, Any]) -> str:
    """Draw the results as SVG, in two columns."""
    panels = list(list_panels(measured))
    root = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img"})
    root.set("aria-labelledby", "title description")
    add(root, "title", "Our services beside others", id="title")
    add(root, "desc", describe(panels), id="description")
    add(root, "style", STYLE)
    ends = [0, 0]
    for panel in panels:
        column = ends.index(min(ends))
        ends[column] = draw_panel(root, panel, column * COLUMN + 10, ends[column] + 30)
    height = max(ends) + 40
    note = "Less is better. Each group of bars has a scale of its own."
    add(root, "text", note, x=10, y=height - 12, class_="note")
    root.set("viewBox", f"0 0 {2 * COLUMN} {height}")
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


if __name__ == "__main__":
    sys.stdout.write(draw(results.read(Path(sys.argv[1]))))
