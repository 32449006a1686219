"""The log has one line for each request, with the server of development as well."""

import logging
from contextlib import closing
from http.client import HTTPConnection
from threading import Thread

import pytest
from flask.testing import FlaskClient
from werkzeug.serving import make_server


def test_a_request_is_one_line_and_a_health_check_none(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server("127.0.0.1", 0, client.application, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    for path in ("/health", "/nowhere?token=s3cret"):
        with closing(HTTPConnection("127.0.0.1", server.port)) as connection:
            connection.request("GET", path)
            connection.getresponse().read()
    server.shutdown()
    server.server_close()
    lines = [line for line in map(logging.LogRecord.getMessage, caplog.records) if "GET" in line]
    assert len(lines) == 1
    assert "/nowhere" in lines[0]
    assert "s3cret" not in lines[0]
