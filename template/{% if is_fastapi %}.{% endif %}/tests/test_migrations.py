"""The migrations lead to the tables of the models, and back."""

from alembic import command
from alembic.config import Config


def test_the_migrations_match_the_models(database: Config) -> None:
    command.check(database)


def test_the_migrations_can_be_taken_back(database: Config) -> None:
    command.downgrade(database, "base")
    command.upgrade(database, "head")
