"""Answers to requests that cannot be served."""

from http import HTTPStatus

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException


def init_app(app: Flask) -> None:
    """Answer errors with JSON."""
    app.register_error_handler(ValidationError, _invalid)
    app.register_error_handler(HTTPException, _failed)


def _invalid(error: ValidationError) -> ResponseReturnValue:
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    return jsonify(detail=problems), HTTPStatus.UNPROCESSABLE_ENTITY


def _failed(error: HTTPException) -> ResponseReturnValue:
    return jsonify(detail=error.description), error.code or HTTPStatus.INTERNAL_SERVER_ERROR
