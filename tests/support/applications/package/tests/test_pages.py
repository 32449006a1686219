import bs4  # of the extra "test"
import pytest
from berths import create_app


@pytest.fixture
def client():
    return create_app({"TESTING": True}).test_client()


def test_berths(client):
    assert client.get("/berths/").json == {"free": 7}


def test_no_page(client):
    assert bs4.BeautifulSoup(client.get("/").text, "html.parser").title.text == "404 Not Found"
