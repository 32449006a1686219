from fastapi.testclient import TestClient
from ships.database import Base, engine
from ships.main import app


def test_a_ship_is_listed():
    Base.metadata.create_all(engine)
    client = TestClient(app)
    assert client.post("/ships", json={"name": "Gorch Fock"}).status_code == 201
    assert "Gorch Fock" in client.get("/ships").json()
