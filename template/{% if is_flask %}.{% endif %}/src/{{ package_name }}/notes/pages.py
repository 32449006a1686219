"""The page that shows the latest notes."""

from flask import Blueprint, render_template
from sqlalchemy import select

from ..database import db
from .models import Note

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def index() -> str:
    """Show the latest notes."""
    notes = db.session.scalars(select(Note).order_by(Note.id.desc()).limit(20)).all()
    return render_template("notes.html", notes=notes)
