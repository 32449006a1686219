"""Answers to requests that cannot be served."""

from http import HTTPStatus
from typing import Any

from flask import Flask, jsonify
from flask.json.provider import DefaultJSONProvider
from flask.typing import ResponseReturnValue
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException


class JSONProvider(DefaultJSONProvider):
    """Takes JSON that is nested too deeply for broken JSON, which is answered with 400."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read JSON."""
        try:
            return super().loads(s, **kwargs)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def init_app(app: Flask) -> None:
    """Answer errors with JSON."""
    app.json = JSONProvider(app)
    app.register_error_handler(ValidationError, _invalid)
    app.register_error_handler(HTTPException, _failed)


def _invalid(error: ValidationError) -> ResponseReturnValue:
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    return jsonify(detail=problems), HTTPStatus.UNPROCESSABLE_ENTITY


def _failed(error: HTTPException) -> ResponseReturnValue:
    return jsonify(detail=error.description), error.code or HTTPStatus.INTERNAL_SERVER_ERROR
