"""The resource /api/texts."""

from flask.testing import FlaskClient


def test_a_text_is_measured(client: FlaskClient) -> None:
    answer = client.post("/api/texts/figures", json={"text": "High tide at noon"})

    assert answer.json == {"characters": 17, "words": 4, "reading_seconds": 1}


def test_an_empty_text_is_refused(client: FlaskClient) -> None:
    assert client.post("/api/texts/figures", json={"text": ""}).status_code == 422
