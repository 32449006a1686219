"""Forms, each with a token that no other site knows."""

from flask_wtf import FlaskForm  # type: ignore[import-untyped]
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Regexp

from .schemas import TEXT, NoteInput

IS_TEXT = Regexp(TEXT, message="Leave out the character with the number 0.")


def tidy(text: str | None) -> str | None:
    """Remove what browsers add: white space around it, and the ends of lines of Windows."""
    return text and text.strip().replace("\r\n", "\n")


class NoteForm(FlaskForm):  # type: ignore[misc]
    """A note as a person writes it, within the limits of NoteInput."""

    title = StringField(
        filters=[tidy],
        validators=[DataRequired("Write a title."), Length(max=200), IS_TEXT],
    )
    body = TextAreaField("Text", filters=[tidy], validators=[Length(max=10_000), IS_TEXT])

    def content(self) -> NoteInput:
        """Turn the form into what the API would receive."""
        return NoteInput(title=self.title.data or "", body=self.body.data or "")


class DeleteForm(FlaskForm):  # type: ignore[misc]
    """A button, and the token."""
