"""The description of the interface: "make openapi" writes it to openapi.json."""

import inspect
import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI, routing
from pydantic.json_schema import models_json_schema

from .errors import MEDIA_TYPE, InvalidRequest, Problem

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
OPENAPI_OWN = ("HTTPValidationError", "ValidationError")  # what FastAPI says of its own errors


def version() -> str:
    """Read the version of the project."""
    return str(tomllib.loads(PROJECT.read_text("utf-8"))["project"]["version"])


def operation_id(route: routing.APIRoute) -> str:
    """Name an operation after its function, so that it is called the same in every client."""
    return route.name


def init_app(app: FastAPI) -> None:
    """Describe the errors of all operations, and the tags by the modules of their routes."""
    generate = app.openapi

    @cache
    def describe() -> dict[str, Any]:
        document = generate()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name in OPENAPI_OWN:
            schemas.pop(name, None)
        _, problems = models_json_schema(
            [(Problem, "serialization"), (InvalidRequest, "serialization")],
            ref_template="#/components/schemas/{model}",
        )
        schemas.update(problems["$defs"])
        for path in document["paths"].values():
            for operation in path.values():
                _describe_errors(operation["responses"])
        document["tags"] = _tags(app)
        return document

    app.openapi = describe  # type: ignore[method-assign]


def _describe_errors(answers: dict[str, Any]) -> None:
    for status, answer in answers.items():
        if OPENAPI_OWN[0] in str(answer):
            answers[status] = _answer("The request is not valid", InvalidRequest)
        elif status >= "4" and "content" not in answer:
            answers[status] = _answer(answer["description"], Problem)
    answers.setdefault("default", _answer("Any other error", Problem))


def _tags(app: FastAPI) -> list[dict[str, str]]:
    described: dict[str, str] = {}
    for route in routing.iter_route_contexts(app.routes):
        for tag in getattr(route, "tags", ()):
            if words := inspect.getdoc(inspect.getmodule(route.endpoint)):
                described.setdefault(str(tag), words)
    return [{"name": name, "description": words} for name, words in described.items()]


def _answer(description: str, model: type[Problem]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


if __name__ == "__main__":
    from .app import create_app

    text = json.dumps(create_app().openapi(), indent=2)
    PROJECT.with_name("openapi.json").write_text(f"{text}\n", "utf-8")
