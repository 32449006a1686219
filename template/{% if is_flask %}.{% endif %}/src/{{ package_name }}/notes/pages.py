"""The pages on which people list and write notes."""

from datetime import UTC, datetime
from http import HTTPStatus

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ..database import db
from . import store
from .forms import DeleteForm, NoteForm
from .models import Note
from .schemas import MAX_INTEGER

PAGE_SIZE = 10
NOTE = f"/notes/<int(max={MAX_INTEGER}):note_id>"

blueprint = Blueprint("pages", __name__)


@blueprint.app_template_filter()
def in_words(time: datetime) -> str:
    """Write a time for people, in UTC, since nobody knows where they are."""
    utc = time.astimezone(UTC) if time.tzinfo else time  # some databases keep no time zone
    return f"{utc.day} {utc:%B %Y, %H:%M} UTC"


@blueprint.get("/")
def index() -> str:
    """List notes in pages, the latest first."""
    number = request.args.get("page", 1, int)
    if number * PAGE_SIZE > MAX_INTEGER:
        abort(HTTPStatus.NOT_FOUND)
    # Beyond the last one it answers with 404.
    page = db.paginate(store.newest_first(), page=number, per_page=PAGE_SIZE)
    return render_template("notes.html", page=page)


@blueprint.route("/notes/new", methods=["GET", "POST"])
def create() -> ResponseReturnValue:
    """Show an empty form, and keep the note that it is sent with."""
    form = NoteForm()
    if not form.validate_on_submit():
        return _show(form)
    store.create_note(form.content())
    flash("The note is kept.")
    return redirect(url_for(".index"))


@blueprint.route(f"{NOTE}/edit", methods=["GET", "POST"])
def edit(note_id: int) -> ResponseReturnValue:
    """Show a note in a form, and change it to what the form is sent with."""
    note = db.get_or_404(Note, note_id)
    form = NoteForm(obj=note)
    if not form.validate_on_submit():
        return _show(form, note)
    store.update_note(note, form.content())
    flash("The note is changed.")
    return redirect(url_for(".index"))


@blueprint.post(f"{NOTE}/delete")
def delete(note_id: int) -> ResponseReturnValue:
    """Forget a note."""
    note = db.get_or_404(Note, note_id)
    if not DeleteForm(prefix="delete").validate_on_submit():
        abort(HTTPStatus.BAD_REQUEST, "The page was open for too long: load it again")
    store.delete_note(note)
    flash("The note is deleted.")
    return redirect(url_for(".index"))


def _show(form: NoteForm, note: Note | None = None) -> ResponseReturnValue:
    """Show the form, with what is wrong where it was sent."""
    delete_form = DeleteForm(prefix="delete", formdata=None)
    page = render_template("note.html", form=form, note=note, delete_form=delete_form)
    return page, HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
