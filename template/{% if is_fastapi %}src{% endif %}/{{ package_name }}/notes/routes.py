"""The resource /api/notes."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, status
from sqlalchemy import func, select

from ..database import SessionDependency
from .models import Note
from .schemas import NoteInput, NoteOutput, NotePage, Page

router = APIRouter(prefix="/notes", tags=["notes"])


async def get_note(note_id: int, session: SessionDependency) -> Note:
    """Find the note of the path, or answer 404."""
    note = await session.get(Note, note_id)
    if note is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such note")
    return note


NoteDependency = Annotated[Note, Depends(get_note)]


@router.post("", status_code=status.HTTP_201_CREATED, response_model=NoteOutput)
async def create_note(content: NoteInput, session: SessionDependency) -> Note:
    """Keep a new note."""
    note = Note(**content.model_dump())
    session.add(note)
    await session.commit()
    return note


@router.get("")
async def list_notes(page: Annotated[Page, Query()], session: SessionDependency) -> NotePage:
    """List notes, oldest first."""
    total = await session.scalar(select(func.count()).select_from(Note))
    notes = await session.scalars(
        select(Note).order_by(Note.id).limit(page.limit).offset(page.offset)
    )
    return NotePage(
        items=[NoteOutput.model_validate(note) for note in notes],
        total=total or 0,
        **page.model_dump(),
    )


@router.get("/{note_id}", response_model=NoteOutput)
async def read_note(note: NoteDependency) -> Note:
    """Read one note."""
    return note


@router.put("/{note_id}", response_model=NoteOutput)
async def update_note(note: NoteDependency, content: NoteInput, session: SessionDependency) -> Note:
    """Replace the content of a note."""
    note.title = content.title
    note.body = content.body
    await session.commit()
    return note


@router.delete("/{note_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_note(note: NoteDependency, session: SessionDependency) -> None:
    """Forget a note."""
    await session.delete(note)
    await session.commit()
