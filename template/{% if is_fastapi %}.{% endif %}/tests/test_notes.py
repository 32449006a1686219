"""The resource /api/notes."""

import httpx
import pytest

pytestmark = pytest.mark.anyio


async def test_a_note_can_be_created_read_updated_and_deleted(client: httpx.AsyncClient) -> None:
    created = await client.post("/api/notes", json={"title": "Tide", "body": "High at noon"})
    assert created.status_code == 201
    note = created.json()
    assert note["title"] == "Tide"
    assert note["created_at"].endswith(("Z", "+00:00"))

    path = f"/api/notes/{note['id']}"
    assert (await client.get(path)).json() == note

    updated = await client.put(path, json={"title": "Tide", "body": "High at one"})
    assert updated.json() == {**note, "body": "High at one"}

    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404


async def test_notes_are_listed_in_pages(client: httpx.AsyncClient) -> None:
    for number in range(5):
        await client.post("/api/notes", json={"title": f"Note {number}"})

    page = (await client.get("/api/notes", params={"limit": 2, "offset": 3})).json()

    assert [note["title"] for note in page["items"]] == ["Note 3", "Note 4"]
    assert (page["total"], page["limit"], page["offset"]) == (5, 2, 3)


@pytest.mark.parametrize(
    "content",
    [{}, {"title": " "}, {"title": "x" * 201}, {"title": "Tide", "colour": "blue"}],
)
async def test_a_bad_note_is_refused(client: httpx.AsyncClient, content: dict[str, str]) -> None:
    assert (await client.post("/api/notes", json=content)).status_code == 422


async def test_an_endless_page_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/notes", params={"limit": 1000})).status_code == 422
