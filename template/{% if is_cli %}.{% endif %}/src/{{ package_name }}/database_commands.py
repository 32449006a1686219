"""The command that looks after the tables."""

import typer

from .options import LogLevelOption, load
from .revisions import upgrade as upgrade_database

app = typer.Typer(help="Look after the database.", no_args_is_help=True)


@app.command()
def upgrade(context: typer.Context, log_level: LogLevelOption = None) -> None:
    """Bring the tables to the latest revision."""
    revision = upgrade_database(load(context, log_level))
    typer.echo(f"The database is at revision {revision}.", err=True)
