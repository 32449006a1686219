"""The resource /api/notes."""

from http import HTTPStatus

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select

from ..database import db
from .models import Note
from .schemas import NoteInput, NoteOutput, NotePage, Page

blueprint = Blueprint("notes", __name__, url_prefix="/api/notes")


def dump(note: Note) -> dict[str, object]:
    """Turn a note into what a client receives."""
    return NoteOutput.model_validate(note).model_dump(mode="json")


@blueprint.post("")
def create_note() -> ResponseReturnValue:
    """Keep a new note."""
    content = NoteInput.model_validate(request.get_json())
    note = Note(**content.model_dump())
    db.session.add(note)
    db.session.commit()
    return dump(note), HTTPStatus.CREATED


@blueprint.get("")
def list_notes() -> ResponseReturnValue:
    """List notes, oldest first."""
    page = Page.model_validate(request.args)
    total = db.session.scalar(select(func.count()).select_from(Note))
    notes = db.session.scalars(select(Note).order_by(Note.id).limit(page.limit).offset(page.offset))
    return NotePage(
        items=[NoteOutput.model_validate(note) for note in notes],
        total=total or 0,
        **page.model_dump(),
    ).model_dump(mode="json")


@blueprint.get("/<int:note_id>")
def read_note(note_id: int) -> ResponseReturnValue:
    """Read one note."""
    return dump(db.get_or_404(Note, note_id))


@blueprint.put("/<int:note_id>")
def update_note(note_id: int) -> ResponseReturnValue:
    """Replace the content of a note."""
    note = db.get_or_404(Note, note_id)
    content = NoteInput.model_validate(request.get_json())
    note.title = content.title
    note.body = content.body
    db.session.commit()
    return dump(note)


@blueprint.delete("/<int:note_id>")
def delete_note(note_id: int) -> ResponseReturnValue:
    """Forget a note."""
    db.session.delete(db.get_or_404(Note, note_id))
    db.session.commit()
    return "", HTTPStatus.NO_CONTENT
