"""The command "slipway adopt"."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from slipway.processes import Endings, listening
from slipway.source import find_source

EXAMPLES = """
Examples:

slipway adopt ../harbour

slipway adopt --defaults --data framework=flask --data entry_point=shop.web:app ../harbour
"""


def adopt(
    path: Annotated[
        Path,
        typer.Argument(metavar="DIRECTORY", help="The application, a clean git work tree."),
    ],
    template: Annotated[
        str | None,
        typer.Option(
            metavar="DIRECTORY_OR_URL",
            help="Where later updates come from. By default the clone that the program is run or"
            " was installed from, otherwise its public address.",
        ),
    ] = None,
    vcs_ref: Annotated[
        str | None, typer.Option(metavar="TAG", help="The version, by default the newest.")
    ] = None,
    data: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="An answer; may be repeated.")
    ] = None,
    answers_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="What holds the answers, for updates.")
    ] = None,
    defaults: Annotated[bool, typer.Option("--defaults", help="Ask nothing.")] = False,
    no_check: Annotated[
        bool,
        typer.Option("--no-check", help="Lock the dependencies, but build and start nothing."),
    ] = False,
    skip_tasks: Annotated[
        bool, typer.Option("--skip-tasks", help="Lock and check nothing yet.")
    ] = False,
) -> None:
    """Give an existing application the containers, CI and scripts of the template.

    None of its files is changed. What is found out about it is printed with its reason; Copier asks
    the rest, and the result is locked, built and started before it is said to work.
    """
    from slipway.adopt import adoption  # imports Copier, which takes longer than all the rest

    wanted = adoption.Wanted(
        root=path.resolve(),
        template=template or find_source(),
        vcs_ref=vcs_ref,
        data=data or [],
        answers_file=answers_file,
        defaults=defaults,
        no_check=no_check,
        skip_tasks=skip_tasks,
    )
    try:
        with listening():
            status = adoption.adopt(wanted)
    except adoption.REFUSALS as refusal:
        print(f"Not adopted: {str(refusal).rstrip('.')}.", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        print("Not adopted: interrupted; nothing has been changed.", file=sys.stderr)
        status = 128 + Endings.last
    raise typer.Exit(status)
