from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from .database import Ship, engine

app = FastAPI(title="Ships")


class ShipIn(BaseModel):
    name: str


@app.get("/ships")
def list_ships() -> list[str]:
    with Session(engine) as session:
        return list(session.scalars(select(Ship.name).order_by(Ship.id)))


@app.post("/ships", status_code=201)
def add_ship(ship: ShipIn) -> ShipIn:
    with Session(engine) as session:
        session.add(Ship(name=ship.name))
        session.commit()
    return ship
