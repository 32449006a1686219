import pytest


@pytest.mark.django_db
def test_there_is_no_dock_yet(client):
    answer = client.get("/").json()
    assert answer == {"docks": 0, "settings": "config.settings.test"}
