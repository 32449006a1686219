"""What Jinja has compiled is remembered: Copier has every part of every path compiled anew."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment
from jinja2.ext import Extension


class CompileOnce(Extension):
    """Saves half a second of an update; proposed to Copier: see record 57 of docs/decisions.md."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.compile = cache(environment.compile)  # type: ignore[method-assign, assignment]
