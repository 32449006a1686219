"""What is wrong with an answer: each validator of copier.yml, as a filter.

A filter says how to answer in a sentence with an example; it says nothing where all is well.
"""

from __future__ import annotations

import keyword
import re
import sys
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment
from jinja2.ext import Extension

TAKEN_NAMES = Path(__file__).resolve().parent.parent / "catalogue" / "taken_names.yaml"
BIDIRECTIONAL_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# What generated projects hold beside their package.
RESERVED_PACKAGES = frozenset(
    """
    conftest giving_up migrations scripts servers src temporary_database test tests
    """.split()
)


def text_problem(text: str, maximum: int = 200) -> str:
    """Say what is wrong with a line of free text; "" if nothing is."""
    example = "for example: Keeps track of ships and berths"
    if len(text) > maximum:
        return f"Keep it to {maximum} characters, {example}"
    # Control, surrogate and unassigned characters, and ends of lines and paragraphs
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Cn", "Zl", "Zp") for letter in text):
        return f"Write one line without control characters, {example}"
    if BIDIRECTIONAL_CONTROLS.search(text):
        return f"Leave out invisible direction marks, {example}"
    if text != text.strip():
        return f"Leave out spaces at both ends, {example}"
    return ""


def name_problem(name: str) -> str:
    """Say what is wrong with a project's display name; "" if nothing is."""
    if not re.fullmatch(r"[^\W\d_][\w .&'()+-]{0,59}", name) or name != name.strip():
        return (
            "Start with a letter and use up to 60 letters, digits, spaces and .&'()+-_ ,"
            " for example: Harbour API"
        )
    return text_problem(name)


@cache
def read_taken_names() -> Mapping[str, frozenset[str]]:
    """Map "distributions" and "packages" to the names that dependencies have, with underscores."""
    listed = yaml.safe_load(TAKEN_NAMES.read_text("utf-8"))
    return {kind: frozenset(names) for kind, names in listed.items()}


def slug_problem(slug: str) -> str:
    """Say what is wrong with a repository name; "" if nothing is."""
    if len(slug) > 50 or not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", slug):
        return (
            "Use up to 50 lower-case ASCII letters, digits and single hyphens,"
            " starting with a letter, for example: harbour-api"
        )
    if slug.replace("-", "_") in read_taken_names()["distributions"]:
        return f"A dependency is called {slug}; choose another name, for example: {slug}-service"
    return ""


def package_problem(name: str) -> str:
    """Say what is wrong with an import name; "" if nothing is."""
    if len(name) > 50 or not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        return (
            "Use up to 50 lower-case ASCII letters, digits and single underscores,"
            " starting with a letter, for example: harbour_api"
        )
    if (
        keyword.iskeyword(name)
        or keyword.issoftkeyword(name)
        or name.startswith("test_")  # pytest's own modules, which the tests import
        or name in sys.stdlib_module_names.union(RESERVED_PACKAGES, *read_taken_names().values())
    ):
        stem = name.removeprefix("test_")[:42].rstrip("_")
        return (
            f"Python or a dependency already uses the name {name}; choose another one,"
            f" for example: {stem}_service"
        )
    return ""


def email_problem(address: str) -> str:
    """Say what is wrong with an e-mail address; "" if nothing is or there is none."""
    label = "[A-Za-z0-9-]{1,63}"
    pattern = rf"[\w.+-]{{1,64}}@{label}(\.{label})+"
    if address and not re.fullmatch(pattern, address, re.ASCII):
        return "Write an e-mail address or leave it empty, for example: ada@example.com"
    return ""


def port_problem(port: int) -> str:
    """Say what is wrong with a port number; "" if nothing is."""
    if not 1024 <= port <= 65535:
        return "Choose a port that needs no privileges, 1024 to 65535, for example: 8000"
    return ""


def own_files_problem(paths: Any) -> str:
    """Say what is wrong with the list of what an adopted application had; "" if nothing is."""
    if not isinstance(paths, list) or any(
        not isinstance(path, str) or not path or path != path.strip("/\n") or "\n" in path
        for path in paths
    ):
        return "Write a list of paths within the project, for example: [app.py, templates]"
    return ""


def entry_point_problem(entry_point: str) -> str:
    """Say what is wrong with how an adopted application is started; "" if nothing is."""
    module = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"
    program = rf"python (-m {module}|[\w./-]+\.py)( [\w./:=@,+-]+)*"
    if not re.fullmatch(rf"{module}:[A-Za-z_]\w*(\(\))?|{program}", entry_point, re.ASCII):
        return (
            "Name the module with the application or its factory, or the program,"
            " for example: app:app, shop.wsgi:application, shop:create_app() or python main.py"
        )
    return ""


def settings_problem(settings: str) -> str:
    """Say what is wrong with the name of Django's settings; "" if nothing is or there is none."""
    if settings and not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", settings, re.ASCII):
        return "Name a module or leave it empty, for example: config.settings.production"
    return ""


def scheme_problem(scheme: str, dialects: tuple[str, ...]) -> str:
    """Say what is wrong with how the URL of a database is to begin; "" if nothing is."""
    if dialects and not re.fullmatch(rf"({'|'.join(dialects)})(\+[a-z0-9_]+)?", scheme):
        return f"Write a kind of database, and a driver if need be, for example: {dialects[0]}"
    return ""


def packages_problem(packages: Any, base_image: str) -> str:
    """Say what is wrong with a list of a distribution's packages; "" if nothing is.

    Debian: policy 5.6.1, but for a "-" at the end, by which apt-get removes a package. Alpine:
    what abuild accepts.
    """
    is_alpine = base_image == "alpine"
    name = r"[A-Za-z0-9][A-Za-z0-9+._-]*" if is_alpine else r"[a-z0-9][a-z0-9+.-]*[a-z0-9+.]"
    example = "for example: " + (
        "[gdal-dev, geos-dev]" if is_alpine else "[libgdal-dev, libgeos-dev]"
    )
    if not isinstance(packages, list):
        return f"Write a list of package names, or [] for none, {example}"
    for package in packages:
        if not isinstance(package, str) or len(package) > 100 or not re.fullmatch(name, package):
            return f"Write only names of the distribution's packages, {example}"
    if len(set(packages)) < len(packages):
        return f"Name each package once, {example}"
    return ""


class Answers(Extension):
    """Gives the questions these validators."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        for function in (
            name_problem,
            slug_problem,
            package_problem,
            text_problem,
            email_problem,
            port_problem,
            packages_problem,
            own_files_problem,
            entry_point_problem,
            settings_problem,
            scheme_problem,
        ):
            environment.filters[function.__name__] = function
