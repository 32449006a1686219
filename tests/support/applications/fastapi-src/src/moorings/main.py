from typing import Annotated

from fastapi import Depends, FastAPI
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from moorings.database import Mooring, get_session


def create_app() -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def depths(session: Annotated[AsyncSession, Depends(get_session)]) -> list[float]:
        return list(await session.scalars(select(Mooring.depth)))

    return app
