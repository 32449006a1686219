"""Results on standard output, which holds nothing else."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .settings import OutputFormat

FormatOption = Annotated[
    OutputFormat | None,
    typer.Option("--format", help="A table for people or JSON for programs."),
]


def show(
    rows: Sequence[Mapping[str, object]], columns: Sequence[str], output_format: OutputFormat
) -> None:
    """Print all of the rows as JSON, or some columns of them as a table."""
    if output_format == "json":
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    table = Table()
    for column in columns:
        has_numbers = all(isinstance(row[column], int) for row in rows)
        table.add_column(
            column.replace("_", " "),
            justify="right" if has_numbers else "left",
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(str(row[column])) for column in columns))
    Console().print(table)
