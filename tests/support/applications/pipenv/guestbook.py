import os
from contextlib import closing
from urllib.parse import unquote, urlsplit

import pymysql
from flask import Flask, request

app = Flask(__name__)


def connect():
    url = urlsplit(os.environ["DATABASE_URL"])
    return closing(
        pymysql.connect(
            host=url.hostname,
            port=url.port or 3306,
            user=url.username,
            password=unquote(url.password or ""),
            database=url.path[1:],
            autocommit=True,
        )
    )


@app.route("/", methods=["GET", "POST"])
def entries():
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS entries (text VARCHAR(200))")
        if request.method == "POST":
            cursor.execute("INSERT INTO entries VALUES (%s)", (request.json["text"],))
        cursor.execute("SELECT text FROM entries")
        return [text for (text,) in cursor.fetchall()]
