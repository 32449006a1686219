"""The resource /api/texts."""

import httpx
import pytest

pytestmark = pytest.mark.anyio


async def test_a_text_is_measured(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/texts/figures", json={"text": "High tide at noon"})

    assert answer.json() == {"characters": 17, "words": 4, "reading_seconds": 1}


async def test_an_empty_text_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/texts/figures", json={"text": ""})).status_code == 422
