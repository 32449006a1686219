"""What has been compiled or parsed is remembered: most of it is the same in the next project.

Copier makes a new environment for each project, which knows nothing of the one before. Neither
changes a result.
"""

from copy import deepcopy
from functools import cache
from typing import Any

import yaml
from jinja2 import Environment

OPTIONS = ("trim_blocks", "lstrip_blocks", "keep_trailing_newline", "sandboxed", "optimized")


def remember() -> None:
    """Remember both from now on."""
    remember_templates()
    remember_documents()


def remember_documents() -> None:
    """Parse each text of YAML once; in a browser there is no parser in C."""
    load: Any = yaml.load
    parsed = cache(load)

    def load_once(stream: Any, Loader: Any) -> Any:  # noqa: N803  (as PyYAML calls it)
        return deepcopy(parsed(stream, Loader)) if isinstance(stream, str) else load(stream, Loader)

    yaml.load = load_once


def remember_templates() -> None:
    """Let all environments that read alike share what they compile."""
    compile_text: Any = Environment.compile

    @cache
    def compiled(key: tuple[Any, ...], source: str, name: str | None, filename: str | None) -> Any:
        return compile_text(environments[key], source, name, filename)

    environments: dict[tuple[Any, ...], Environment] = {}

    def compile_once(
        environment: Environment,
        source: Any,
        name: str | None = None,
        filename: str | None = None,
        raw: bool = False,
        defer_init: bool = False,
    ) -> Any:
        if raw or defer_init or not isinstance(source, str):
            return compile_text(environment, source, name, filename, raw, defer_init)
        # What tells how a text is read: settings, and the names of filters and tests
        key = (
            *(getattr(environment, option, None) for option in OPTIONS),
            frozenset(environment.filters),
            frozenset(environment.extensions),
        )
        environments.setdefault(key, environment)
        return compiled(key, source, name, filename)

    Environment.compile = compile_once  # type: ignore[assignment, method-assign]
