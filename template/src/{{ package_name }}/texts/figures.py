"""Figures about a text."""

import math

from .schemas import TextFigures

WORDS_PER_MINUTE = 240


def measure(text: str) -> TextFigures:
    """Count characters and words, and estimate the time that reading takes in seconds."""
    words = len(text.split())
    return TextFigures(
        characters=len(text),
        words=words,
        reading_seconds=math.ceil(words * 60 / WORDS_PER_MINUTE),
    )
