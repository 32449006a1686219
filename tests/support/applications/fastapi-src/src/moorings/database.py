import os
from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(os.environ["DATABASE_URL"])
sessions = async_sessionmaker(engine)


class Base(DeclarativeBase):
    pass


class Mooring(Base):
    __tablename__ = "moorings"

    id: Mapped[int] = mapped_column(primary_key=True)
    depth: Mapped[float]


async def get_session() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session
