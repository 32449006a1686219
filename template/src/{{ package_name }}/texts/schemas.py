"""What clients send and receive."""

from pydantic import BaseModel, ConfigDict, Field


class TextInput(BaseModel):
    """A text as a client sends it."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=100_000)


class TextFigures(BaseModel):
    """Figures about a text."""

    characters: int
    words: int
    reading_seconds: int
