"""What is said about texts."""

from pydantic import BaseModel


class TextFigures(BaseModel):
    """Figures about a text."""

    characters: int
    words: int
    reading_seconds: int
