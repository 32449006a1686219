"""The page on which people measure a text."""

from http import HTTPStatus

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from .figures import measure
from .forms import TextForm

blueprint = Blueprint("pages", __name__)


@blueprint.route("/", methods=["GET", "POST"])
def index() -> ResponseReturnValue:
    """Show a form, and the figures about the text that it is sent with."""
    form = TextForm()
    figures = measure(form.text.data or "") if form.validate_on_submit() else None
    page = render_template("texts.html", form=form, figures=figures)
    return page, HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
