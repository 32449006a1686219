"""Forms, each with a token that no other site knows."""

from flask_wtf import FlaskForm  # type: ignore[import-untyped]
from wtforms import TextAreaField
from wtforms.validators import DataRequired, Length


class TextForm(FlaskForm):  # type: ignore[misc]
    """A text to measure."""

    text = TextAreaField(validators=[DataRequired("Write a text."), Length(max=100_000)])
