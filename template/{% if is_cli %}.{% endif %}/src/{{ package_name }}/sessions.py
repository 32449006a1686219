"""A session for a command."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from .database import create_engine, create_sessions
from .errors import database_errors
from .settings import Settings


@contextmanager
def open_session(settings: Settings) -> Iterator[Session]:
    """Work in one transaction, and close the connection."""
    engine = create_engine(settings.sqlalchemy_url)
    try:
        with database_errors(), create_sessions(engine).begin() as session:
            yield session
    finally:
        engine.dispose()
