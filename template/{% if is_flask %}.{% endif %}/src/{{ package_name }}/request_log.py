"""A log line and an id for each request."""

import logging
import time

import structlog
from flask import Flask, Response, g, request

from .logs import request_id

QUIET_PATHS = frozenset({"/health", "/ready"})

logger = structlog.stdlib.get_logger(__name__)


def init_app(app: Flask) -> None:
    """Bind the request id to every log line of a request and return it to the client."""
    app.before_request(_begin)
    app.after_request(_end)
    logging.getLogger("werkzeug").addFilter(_is_about_no_request)


def _is_about_no_request(record: logging.LogRecord) -> bool:
    """Leave out the lines of the server of development: there would be two for each request."""
    return '"%s" %s %s' not in str(record.msg)


def _begin() -> None:
    g.request_id = request_id(request.headers.get("X-Request-ID"))
    g.started = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    log = logger.debug if request.path in QUIET_PATHS else logger.info
    log(
        "request",
        client=request.remote_addr,
        method=request.method,
        path=request.path,
        status=response.status_code,
        duration_ms=round((time.perf_counter() - g.started) * 1000, 1),
    )
    return response
