"""Writes a report as a table for terminals and as an HTML page."""

from collections import Counter
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from packaging.version import Version
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from slipway.fleet.report import Report, Service, State

STYLES = {
    State.CURRENT: "green",
    State.CLEAN: "cyan",
    State.CONFLICTS: "yellow",
    State.UPDATED: "cyan",
    State.CONFLICTED: "yellow",
    State.FAILS: "red",
    State.BROKEN: "red",
}


def printable(text: str, style: str = "") -> Text:
    """Show a text of a repository as it is: no markup, and no command to the terminal."""
    return Text("".join(letter if letter.isprintable() else "\ufffd" for letter in text), style)


def choices_of(service: Service, keys: list[str]) -> list[str]:
    """List what was chosen in a project, without the questions that were answered by none."""
    chosen = [service.answers.get(key) for key in keys if key != "python_version"]
    return [str(value) for value in chosen if value not in (None, "none")]


def update_of(service: Service) -> str:
    """Tell how an update would go, and why not better."""
    details = ", ".join(service.conflicts) or service.reason
    if service.state == State.OTHER:
        details = service.template
    return f"{service.state}: {details}" if details else service.state


def print_table(report: Report) -> None:
    """Print one line for each repository."""
    table = Table(
        "Repository", "Version", "Behind", "Update", "Python", "Answers", box=box.SIMPLE_HEAD
    )
    table.title = f"Repositories: {len(report.services)}. Newest release: {report.releases[-1]}."
    for row in report.services:
        unsupported = row.python_supported is False
        table.add_row(
            printable(row.repository),
            printable(row.version),
            "" if row.behind is None else str(row.behind),
            printable(update_of(row), STYLES.get(row.state, "")),
            printable(row.python + (" unsupported" if unsupported else ""), "red" * unsupported),
            printable(" ".join(choices_of(row, report.choices))),
        )
    Console().print(table)


def page(report: Report) -> str:
    """Write the HTML page, which needs nothing but itself."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["choices"] = lambda row: choices_of(row, report.choices)
    versions = {row.release for row in report.services} - {""}
    bars = {
        version or "no version of this template": Counter(
            row.state for row in report.services if row.release == version
        )
        for version in (*sorted(versions, key=Version, reverse=True), "")
    }
    return environment.get_template("page.html.jinja").render(
        report=report,
        bars={name: counts for name, counts in bars.items() if counts},
        longest=max((counts.total() for counts in bars.values()), default=0),
        State=State,
    )
