"""What Copier works out again and again is remembered: most of it is the same each time.

Copier makes a new environment for each project, which knows nothing of the one before, and puts
the answers together anew for each file and each part of a path, although none changes while files
are written. What is remembered changes no result.
"""

import sys
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from copier._jinja_ext import get_yield_context
from copier._main import Worker
from copier._types import LazyDict
from copier._user_data import DEFAULT_DATA, AnswersMap
from copier_template_extensions import TemplateExtensionLoader
from jinja2 import Environment

OPTIONS = ("trim_blocks", "lstrip_blocks", "keep_trailing_newline", "sandboxed", "optimized")


def remember() -> None:
    """Remember all of it from now on."""
    remember_templates()
    remember_documents()
    remember_extensions()
    combine_answers()
    remember_context()


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


def remember_extensions() -> None:
    """Run each module of a release's extensions once; what it remembers depends on answers only."""
    load: Any = TemplateExtensionLoader._import_template_module
    modules: dict[tuple[Path, ...], ModuleType] = {}

    def load_once(self: Any, relative_path: str | Path) -> ModuleType:
        places = tuple(Path(folder, relative_path) for folder in self.environment.loader.searchpath)
        module = modules.get(places) or load(self, relative_path)
        modules[places] = sys.modules[module.__name__] = module
        return module

    TemplateExtensionLoader._import_template_module = load_once  # type: ignore[method-assign]


def combine_answers() -> None:
    """Combine answers as Copier's ChainMap does, and in its order, but in a tenth of the time."""

    def combined(self: AnswersMap) -> Mapping[str, Any]:
        external = {"_external_data": self.external}
        sources = (self.user_defaults, self.last, self.metadata, self.init, self.user)
        found = {**DEFAULT_DATA, **external}
        for source in sources:
            found.update(source)
        return found

    AnswersMap.combined = property(combined)  # type: ignore[assignment, method-assign]


def remember_context() -> None:
    """While files are written, make the context once, and render equal parts of paths once."""
    write_files, make_context = Worker._render_template, Worker._render_context
    render_text: Any = Worker._render_string
    find_answers_file: Any = Worker.answers_relpath
    context: dict[str, Any] = {}  # of the project that is being written
    texts: dict[str, str] = {}
    answers_file: list[Path] = []

    def write_with_one_context(self: Worker) -> None:
        answers_file.append(find_answers_file.fget(self))
        context.update(make_context(self))
        try:
            write_files(self)
        finally:
            for known in (context, texts, answers_file):
                known.clear()

    def take_context(self: Worker) -> Any:
        if not context:
            return make_context(self)
        # A copy for each file, as Copier makes it: what is in it could be overwritten
        return {**context, "_copier_conf": LazyDict(context["_copier_conf"]._pending)}

    def render_once(self: Worker, string: str, extra_context: Any = None) -> str:
        if not context or extra_context:
            return str(render_text(self, string, extra_context))
        if string in texts:
            return texts[string]
        rendered: str = render_text(self, string)
        if get_yield_context(self.jinja_env).yield_name is None:  # else it is more than one path
            texts[string] = rendered
        return rendered

    def take_answers_file(self: Worker) -> Path:
        return answers_file[0] if answers_file else Path(find_answers_file.fget(self))

    Worker._render_template = write_with_one_context  # type: ignore[method-assign]
    Worker._render_context = take_context  # type: ignore[method-assign]
    Worker._render_string = render_once  # type: ignore[method-assign]
    Worker.answers_relpath = property(take_answers_file)  # type: ignore[assignment, method-assign]
