"""The floor: Starlette and asyncpg by hand, without anything else that a service needs."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

CREATE = "INSERT INTO notes (title, body) VALUES ($1, $2) RETURNING id, title, body, created_at"
LIST = "SELECT id, title, body, created_at FROM notes ORDER BY id LIMIT $1 OFFSET $2"
COUNT = "SELECT count(*) FROM notes"
READ = "SELECT id, title, body, created_at FROM notes WHERE id = $1"


async def leave(_: object) -> None:
    """Leave a connection as it is when it comes back: no statement here changes its settings."""


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Keep connections to the database while the server runs, as many as SQLAlchemy may."""
    url = os.environ["DATABASE_URL"].replace("+psycopg", "")
    async with asyncpg.create_pool(url, min_size=1, max_size=15, reset=leave) as pool:
        app.state.pool = pool
        yield


def dump(row: asyncpg.Record) -> dict[str, object]:
    """Turn a row into what a client receives."""
    return {**row, "created_at": row["created_at"].isoformat()}


async def health(_: Request) -> JSONResponse:
    """Say that the process is alive."""
    return JSONResponse({"status": "ok"})


async def create_note(request: Request) -> JSONResponse:
    """Keep a new note."""
    content = await request.json()
    row = await request.app.state.pool.fetchrow(CREATE, content["title"], content.get("body", ""))
    return JSONResponse(dump(row), 201)


async def list_notes(request: Request) -> JSONResponse:
    """List notes, oldest first."""
    limit = int(request.query_params.get("limit", 20))
    offset = int(request.query_params.get("offset", 0))
    async with request.app.state.pool.acquire() as connection:
        total = await connection.fetchval(COUNT)
        rows = await connection.fetch(LIST, limit, offset)
    return JSONResponse({"items": [dump(row) for row in rows], "total": total})


async def read_note(request: Request) -> JSONResponse:
    """Read one note."""
    row = await request.app.state.pool.fetchrow(READ, request.path_params["note_id"])
    if row is None:
        raise HTTPException(404)
    return JSONResponse(dump(row))


app = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/health", health),
        Route("/api/notes", create_note, methods=["POST"]),
        Route("/api/notes", list_notes),
        Route("/api/notes/{note_id:int}", read_note),
    ],
)
