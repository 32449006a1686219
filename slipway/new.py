"""Makes a project: what "copier copy --trust" does, told where the template is."""

import sys

import typer
import yaml
from plumbum import ProcessExecutionError

from slipway.source import find_source

EXAMPLES = """
Examples:

slipway new harbour-api

slipway new --defaults --data framework=flask --data database=sqlite harbour-api

slipway new --vcs-ref v0.5.0 --data-file house.yml harbour-api
"""


def new(context: typer.Context) -> None:
    """Make a project by "copier copy --trust".

    Each option of "copier copy" does here what it does there: --help-all lists them. The template
    is the clone that the program is run or was installed from, otherwise its public address.
    """
    from copier.__main__ import CopierApp  # type: ignore[attr-defined]

    command = ["copier", "copy", "--trust", find_source(), *context.args]
    try:
        _, status = CopierApp.run(command, exit=False)
    except (OSError, ValueError, ProcessExecutionError, yaml.YAMLError) as error:
        reason = getattr(error, "stderr", "") or str(error)
        sys.exit(f"Copier could not make the project: {' '.join(reason.split())}")
    raise typer.Exit(status)
