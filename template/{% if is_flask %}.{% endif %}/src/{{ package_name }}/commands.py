"""Commands for operators, as in "flask seed"; add yours here."""

import click
from flask import Blueprint

from .notes.seed import seed_notes

blueprint = Blueprint("commands", __name__, cli_group=None)


@blueprint.cli.command()
def seed() -> None:
    """Keep sample notes where there are none."""
    count = seed_notes()
    click.echo(f"Kept {count} sample notes." if count else "Kept nothing: there are notes already.")
