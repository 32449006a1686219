"""Flask as its documentation shows it, with Flask-SQLAlchemy."""

import os
from datetime import datetime

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, String, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The base of all tables."""


db = SQLAlchemy(metadata=Base.metadata)
app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
db.init_app(app)


class Note(Base):
    """A row of the table that our migration makes."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    def dump(self) -> dict[str, object]:
        """Turn the note into what a client receives."""
        return {
            "id": self.id,
            "title": self.title,
            "body": self.body,
            "created_at": self.created_at.isoformat(),
        }


@app.get("/health")
def health() -> ResponseReturnValue:
    """Say that the process is alive."""
    return jsonify(status="ok")


@app.post("/api/notes")
def create_note() -> ResponseReturnValue:
    """Keep a new note."""
    content = request.get_json()
    title, body = content.get("title"), content.get("body", "")
    if not isinstance(title, str) or not isinstance(body, str) or not 1 <= len(title) <= 200:
        return jsonify(error="A note has a title of up to 200 characters"), 422
    note = Note(title=title, body=body)
    db.session.add(note)
    db.session.commit()
    return jsonify(note.dump()), 201


@app.get("/api/notes")
def list_notes() -> ResponseReturnValue:
    """List notes, oldest first."""
    limit = request.args.get("limit", 20, type=int)
    offset = request.args.get("offset", 0, type=int)
    notes = db.session.scalars(select(Note).order_by(Note.id).limit(limit).offset(offset))
    total = db.session.scalar(select(func.count()).select_from(Note))
    return jsonify(items=[note.dump() for note in notes], total=total)


@app.get("/api/notes/<int:note_id>")
def read_note(note_id: int) -> ResponseReturnValue:
    """Read one note."""
    return jsonify(db.get_or_404(Note, note_id).dump())
