"""FastAPI as its documentation shows it: plain functions, and a session of SQLAlchemy for each."""

import os
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import DateTime, String, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

POOL_SIZE = int(os.environ.get("POOL_SIZE", "5"))  # SQLAlchemy's default

engine = create_engine(os.environ["DATABASE_URL"], pool_size=POOL_SIZE)
app = FastAPI()


class Base(DeclarativeBase):
    """The base of all tables."""


class Note(Base):
    """A row of the table that our migration makes."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class NoteInput(BaseModel):
    """A note as a client writes it."""

    title: str = Field(min_length=1, max_length=200)
    body: str = Field(default="", max_length=10_000)


class NoteOutput(NoteInput):
    """A note as it is kept."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    created_at: datetime


class NotePage(BaseModel):
    """A part of all notes."""

    items: list[NoteOutput]
    total: int


def get_session() -> Iterator[Session]:
    """Give a request a session of its own."""
    with Session(engine) as session:
        yield session


SessionDependency = Annotated[Session, Depends(get_session)]


@app.get("/health")
def health() -> dict[str, str]:
    """Say that the process is alive."""
    return {"status": "ok"}


@app.post("/api/notes", status_code=201, response_model=NoteOutput)
def create_note(content: NoteInput, session: SessionDependency) -> Note:
    """Keep a new note."""
    note = Note(**content.model_dump())
    session.add(note)
    session.commit()
    session.refresh(note)
    return note


@app.get("/api/notes", response_model=NotePage)
def list_notes(session: SessionDependency, limit: int = 20, offset: int = 0) -> dict[str, object]:
    """List notes, oldest first."""
    notes = session.scalars(select(Note).order_by(Note.id).limit(limit).offset(offset)).all()
    return {"items": notes, "total": session.scalar(select(func.count()).select_from(Note))}


@app.get("/api/notes/{note_id}", response_model=NoteOutput)
def read_note(note_id: int, session: SessionDependency) -> Note:
    """Read one note."""
    note = session.get(Note, note_id)
    if note is None:
        raise HTTPException(404, "There is no such note")
    return note
