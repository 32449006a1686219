from currents import describe
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def today() -> str:
    return describe(3)
