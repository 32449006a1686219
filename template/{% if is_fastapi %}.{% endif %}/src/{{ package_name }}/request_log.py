"""A log line and an id for each request."""

import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .logs import request_id

QUIET_PATHS = frozenset({"/health", "/ready"})

logger = structlog.stdlib.get_logger(__name__)


class RequestLogMiddleware:
    """Binds the request id to every log line of a request and returns it to the client."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        client, _ = scope.get("client") or (None, None)
        identifier = request_id(Headers(scope=scope).get("x-request-id"))
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        status = 500
        started = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = identifier
            await send(message)

        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=identifier)
        try:
            await self.app(scope, receive, send_with_id)
        finally:
            log = logger.debug if path in QUIET_PATHS else logger.info
            log(
                "request",
                client=client,
                method=scope["method"],
                path=path,
                status=status,
                duration_ms=round((time.perf_counter() - started) * 1000, 1),
            )
