"""Answers to requests that cannot be served."""

import json

from fastapi import FastAPI, Request, Response, status
from fastapi.exceptions import RequestValidationError, ResponseValidationError


def init_app(app: FastAPI) -> None:
    """Say what is wrong with a request or an answer without repeating it."""

    @app.exception_handler(ResponseValidationError)
    async def broken(_: Request, error: ResponseValidationError) -> Response:
        for problem in error.errors():
            for key in problem.keys() - {"type", "loc", "msg"}:
                del problem[key]
        raise error  # as a fault of the service, which is logged and answered with 500

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        problems = [{key: one[key] for key in ("type", "loc", "msg")} for one in error.errors()]
        # In ASCII: a client may send characters that UTF-8 cannot hold.
        return Response(
            json.dumps({"detail": problems}),
            status.HTTP_422_UNPROCESSABLE_CONTENT,
            media_type="application/json",
        )
