from fastapi.testclient import TestClient

from moorings.main import create_app


def test_the_documentation_is_served():
    assert TestClient(create_app()).get("/docs").status_code == 200
