"""The resource /api/notes."""

import pytest
from flask.testing import FlaskClient


def test_a_note_can_be_created_read_updated_and_deleted(client: FlaskClient) -> None:
    created = client.post("/api/notes", json={"title": "Tide", "body": "High at noon"})
    assert created.status_code == 201
    note = created.json
    assert note is not None
    assert note["title"] == "Tide"
    assert note["created_at"].endswith(("Z", "+00:00"))

    path = f"/api/notes/{note['id']}"
    assert client.get(path).json == note

    updated = client.put(path, json={"title": "Tide", "body": "High at one"})
    assert updated.json == {**note, "body": "High at one"}

    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_notes_are_listed_in_pages(client: FlaskClient) -> None:
    for number in range(5):
        client.post("/api/notes", json={"title": f"Note {number}"})

    page = client.get("/api/notes", query_string={"limit": 2, "offset": 3}).json

    assert page is not None
    assert [note["title"] for note in page["items"]] == ["Note 3", "Note 4"]
    assert (page["total"], page["limit"], page["offset"]) == (5, 2, 3)


@pytest.mark.parametrize(
    "content",
    [[], {}, {"title": " "}, {"title": "x" * 201}, {"title": "Tide", "colour": "blue"}],
)
def test_a_bad_note_is_refused(client: FlaskClient, content: object) -> None:
    assert client.post("/api/notes", json=content).status_code == 422


def test_an_endless_page_is_refused(client: FlaskClient) -> None:
    assert client.get("/api/notes", query_string={"limit": 1000}).status_code == 422
