from guestbook import app


def test_an_entry_is_kept():
    client = app.test_client()
    assert "Ahoy" in client.post("/", json={"text": "Ahoy"}).json
