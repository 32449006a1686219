"""The command that looks after the tables."""

from pathlib import Path

import typer
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from .errors import ExitCode, database_errors, fail
from .options import load

PACKAGE = Path(__file__).parent

app = typer.Typer(help="Look after the database.", no_args_is_help=True)


@app.command()
def upgrade(context: typer.Context) -> None:
    """Bring the tables to the latest revision."""
    config = Config()
    config.set_main_option("script_location", str(find_revisions()).replace("%", "%%"))
    config.attributes["settings"] = load(context)
    try:
        with database_errors():
            command.upgrade(config, "head")
    except CommandError as error:
        fail(f"The database cannot be brought to the latest revision: {error}", ExitCode.DATABASE)
    revision = ScriptDirectory.from_config(config).get_current_head()
    typer.echo(f"The database is at revision {revision}.", err=True)


def find_revisions() -> Path:
    """Find the revisions, which a wheel has inside the package and the work tree beside src."""
    inside = PACKAGE / "migrations"
    return inside if inside.is_dir() else PACKAGE.parents[1] / "migrations"
