"""The resource /api/texts."""

from fastapi import APIRouter

from .figures import measure
from .schemas import TextFigures, TextInput

router = APIRouter(prefix="/texts", tags=["texts"])


@router.post("/figures")
async def text_figures(content: TextInput) -> TextFigures:
    """Measure a text."""
    return measure(content.text)
