"""Figures about a text, out of the cache if it has them."""

import functools
import hashlib

from ..cache import Cache
from ..settings import load_settings
from . import figures
from .schemas import TextFigures

CACHE_SECONDS = 24 * 60 * 60


@functools.cache
def connect() -> Cache:
    """Prepare connections to the cache, once."""
    return Cache(str(load_settings().cache_url))


def measure(text: str) -> TextFigures:
    """Measure a text, unless the cache knows it."""
    key = f"figures:{hashlib.sha256(text.encode()).hexdigest()}"
    if known := connect().get(key):
        return TextFigures.model_validate(known)
    measured = figures.measure(text)
    connect().add(key, measured.model_dump(), CACHE_SECONDS)
    return measured
