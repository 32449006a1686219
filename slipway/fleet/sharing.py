"""What the updates of several projects share, because each would come to the same.

Renderings are shared by the template, in the folder UPDATE_RENDERINGS: see tasks/rendering.py.
"""

import re
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from weakref import WeakKeyDictionary

from jinja2 import Environment, FileSystemLoader
from jinja2.nodes import Template

COMMIT = re.compile(r"[0-9a-f]{40,64}\n")


def share_compiled() -> None:
    """Let all renderings of one commit of a template share what Jinja compiles in this process.

    What filters make of constants goes into the code, so that it belongs to one commit only.
    """
    compile_anew: Callable[..., CodeType] = Environment.compile
    compiled: dict[tuple[str, str, str | None], CodeType] = {}
    commits: WeakKeyDictionary[Environment, str] = WeakKeyDictionary()

    def compile_once(
        environment: Environment,
        source: str | Template,
        name: str | None = None,
        filename: str | None = None,
        *options: bool,
    ) -> CodeType:
        if environment not in commits:
            commits[environment] = commit_of(environment)
        if not commits[environment] or not isinstance(source, str) or options:
            return compile_anew(environment, source, name, filename, *options)
        text = environment.preprocess(source, name, filename)  # which Copier's "yield" counts on
        key = (commits[environment], text, name)
        if key not in compiled:
            compiled[key] = compile_anew(environment, source, name, filename)
        return compiled[key]

    Environment.compile = compile_once  # type: ignore[assignment, method-assign]


def commit_of(environment: Environment) -> str:
    """Name the commit that Copier has checked out and renders; "" of what is not under git."""
    if not isinstance(environment.loader, FileSystemLoader):
        return ""
    head = Path(environment.loader.searchpath[0], ".git", "HEAD")
    said = head.read_text("utf-8") if head.is_file() else ""
    return said.strip() if COMMIT.fullmatch(said) else ""
