"""The page that measures a text."""

from flask import Blueprint, render_template, request

from .figures import measure

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def index() -> str:
    """Show a form, and the figures about the text that it was sent with."""
    text = request.args.get("text", "")
    return render_template("texts.html", text=text, figures=measure(text) if text else None)
