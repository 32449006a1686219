"""The resource /api/texts."""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from .figures import measure
from .schemas import TextInput

blueprint = Blueprint("texts", __name__, url_prefix="/api/texts")


@blueprint.post("/figures")
def text_figures() -> ResponseReturnValue:
    """Measure a text."""
    content = TextInput.model_validate(request.get_json())
    return measure(content.text).model_dump()
