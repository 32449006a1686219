"""Checking what clients send against a schema."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import TypeVar

from flask import abort, jsonify, make_response
from pydantic import BaseModel, ValidationError

Schema = TypeVar("Schema", bound=BaseModel)


def parse(schema: type[Schema], data: Mapping[str, object]) -> Schema:
    """Read data by a schema, or answer 422 with what is wrong."""
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        abort(make_response(jsonify(detail=problems), HTTPStatus.UNPROCESSABLE_ENTITY))
