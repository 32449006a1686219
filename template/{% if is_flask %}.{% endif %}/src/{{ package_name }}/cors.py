"""Pages of other origins, whose scripts may read answers in a browser."""

from flask import Flask, Response, request
from werkzeug.datastructures import HeaderSet

EXPOSED = HeaderSet(["Location", "Retry-After", "X-Request-ID"])
MAX_AGE = 600  # seconds in which a browser does not ask again


def init_app(app: Flask, origins: list[str]) -> None:
    """Tell browsers which origins those are."""

    def add(response: Response) -> Response:
        response.vary.add("Origin")
        if request.origin not in origins and "*" not in origins:
            return response
        response.access_control_allow_origin = request.origin
        response.access_control_expose_headers = EXPOSED
        if method := request.access_control_request_method:
            response.access_control_allow_methods = HeaderSet([method])
            response.access_control_allow_headers = request.access_control_request_headers
            response.access_control_max_age = MAX_AGE
        return response

    if origins:
        app.after_request(add)
