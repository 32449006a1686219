from flask import Flask

app = Flask(__name__)


@app.get("/")
def level():
    return {"metres": 2.4}
