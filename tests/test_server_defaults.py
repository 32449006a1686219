"""What a database fills in can be read by asynchronous code, with or without RETURNING."""

import asyncio
import importlib.util
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import Render
from sqlalchemy import URL, func
from sqlalchemy.orm import Mapped, mapped_column

MODULE = "generated_database"


@pytest.fixture(scope="module")
def database(render: Render) -> Iterator[Any]:
    """Import the module of a generated service that has its models' base."""
    file = render({"database": "sqlite"}) / "src" / "harbour_api" / "database.py"
    spec = importlib.util.spec_from_file_location(MODULE, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module  # where SQLAlchemy looks up annotations
    spec.loader.exec_module(module)
    yield module
    del sys.modules[MODULE]


@pytest.fixture(scope="module")
def ship(database: Any) -> Any:
    """Map a table whose times are the database's."""

    class Ship(database.Base):  # type: ignore[misc]
        __tablename__ = "ships"

        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]
        created_at: Mapped[datetime] = mapped_column(server_default=func.now())
        updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())

    return Ship


@pytest.mark.parametrize("returning", [True, False], ids=["returning", "as MySQL"])
def test_what_the_database_fills_in_is_there_after_a_commit(
    database: Any, ship: Any, tmp_path: Path, returning: bool
) -> None:
    async def keep_and_change() -> list[datetime]:
        engine = database.create_engine(URL.create("sqlite+aiosqlite", database=f"{tmp_path}/db"))
        engine.dialect.insert_returning = engine.dialect.update_returning = returning
        async with engine.begin() as connection:
            await connection.run_sync(database.Base.metadata.create_all)
        async with database.create_sessions(engine)() as session:
            kept = ship(name="Ebb")
            session.add(kept)
            await session.commit()
            times = [kept.created_at, kept.updated_at]
            kept.name = "Flood"
            await session.commit()
            times.append(kept.updated_at)
        await engine.dispose()
        return times

    assert all(asyncio.run(keep_and_change()))
