"""Makes, adopts and updates services that come from the template Slipway."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from slipway import explore, new
from slipway.adopt import command
from slipway.fleet import commands
from slipway.source import find_version

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", pretty_exceptions_enable=False)


def show_version(is_wanted: bool) -> None:
    """Print the version and end."""
    if is_wanted:
        print(f"slipway {find_version()}")
        raise typer.Exit


@app.callback(help=__doc__)
def start(
    version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Read what comes before a command."""


app.command(
    epilog=new.EXAMPLES,
    options_metavar="[OPTIONS OF COPIER] DIRECTORY",
    no_args_is_help=True,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(new.new)
app.command(epilog=command.EXAMPLES)(command.adopt)
app.command(epilog=explore.EXAMPLES)(explore.explore)
app.add_typer(commands.app, name="fleet")


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; say in one sentence what is wrong with its arguments."""
    try:
        return app(words, prog_name="slipway", standalone_mode=False) or 0
    except typer.TyperException as error:
        context: typer.Context | None = getattr(error, "ctx", None)
        more = f"; {context.command_path} --help tells more" if context else ""
        if sentence := error.format_message().rstrip("."):  # none where help is shown instead
            print(f"{sentence}{more}.", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
