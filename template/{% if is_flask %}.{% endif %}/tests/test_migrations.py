"""The migrations lead to the tables of the models, and back."""

import flask_migrate
from flask import Flask


def test_the_migrations_match_the_models(app: Flask) -> None:
    with app.app_context():
        flask_migrate.check()


def test_the_migrations_can_be_taken_back(app: Flask) -> None:
    with app.app_context():
        flask_migrate.downgrade(revision="base")
        flask_migrate.upgrade()
