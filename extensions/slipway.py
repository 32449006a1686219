"""The decisions behind a generated repository.

Copier loads this module for each rendering: ``copier.yml`` asks, this module decides, ``template/``
writes. It must stay a single file that reads nothing outside its own template: a sibling module
would stay cached while ``copier update`` renders two versions of the template in one process.
"""

from __future__ import annotations

import json
import keyword
import re
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from copier_template_extensions import ContextHook
from jinja2 import Environment

CATALOGUE = Path(__file__).resolve().parent.parent / "catalogue"
LAYERS = ("base", "production", "testing", "development")

# What the answers below stand for while the earlier questions are still being asked.
UNANSWERED = {
    "framework": "fastapi",
    "dependency_manager": "uv",
    "database": "postgresql",
    "base_image": "slim",
    "python_version": "3.14",
    "license": "proprietary",
}

# SQLAlchemy's dialect and driver, by framework (FastAPI is asynchronous) and database.
DRIVERS = {
    ("fastapi", "postgresql"): "postgresql+psycopg",
    ("flask", "postgresql"): "postgresql+psycopg",
    ("fastapi", "sqlite"): "sqlite+aiosqlite",
    ("flask", "sqlite"): "sqlite+pysqlite",
}

LICENSES = {"proprietary": "LicenseRef-Proprietary", "mit": "MIT", "apache-2.0": "Apache-2.0"}

# What generated projects hold or import besides what the catalogue lists.
RESERVED_PACKAGES = frozenset(
    """
    alembic annotated_types anyio blinker click conftest dotenv greenlet
    h11 itsdangerous jinja2 mako markupsafe migrations packaging pip
    psycopg_binary pydantic pydantic_core scripts src starlette test tests
    typing_extensions typing_inspection werkzeug yaml
    """.split()
)
# Letters that Unicode does not decompose into an ASCII letter and an accent.
ASCII_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th"}
)
BIDIRECTIONAL_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Decisions:
    """What the template files read; every field is one fact about the generated repository."""

    is_fastapi: bool
    is_flask: bool
    uses_uv: bool
    uses_pip: bool
    has_database: bool
    has_server_database: bool
    uses_sqlite: bool
    database_driver: str  # SQLAlchemy's "dialect+driver", "" without a database
    dependencies: Mapping[str, tuple[str, ...]]  # layer -> sorted requirement specifiers
    images: Mapping[str, str]  # role ("python", "uv", …) -> image reference
    actions: Mapping[str, str]  # "owner/name" -> "owner/name@commit # version"
    pre_commit: Mapping[str, str]  # repository URL -> revision
    license_id: str  # SPDX expression


@cache
def read_images() -> Mapping[str, str]:
    """Map each service of the catalogue's Compose file to its image reference."""
    services = yaml.safe_load((CATALOGUE / "compose.yaml").read_text("utf-8"))["services"]
    return {name: service["image"] for name, service in services.items()}


@cache
def read_actions() -> Mapping[str, str]:
    """Map "owner/name" of each action to its pinned reference with the version as a comment."""
    text = (CATALOGUE / "workflows" / "actions.yml").read_text("utf-8")
    pins = re.findall(r"uses: (([\w./-]+)@[0-9a-f]{40} # v[\w.]+)$", text, re.MULTILINE)
    return {name: pin for pin, name in pins}


@cache
def read_pre_commit() -> Mapping[str, str]:
    """Map the URL of each hook repository to its pinned revision."""
    config = yaml.safe_load((CATALOGUE / ".pre-commit-config.yaml").read_text("utf-8"))
    return {repository["repo"]: repository["rev"] for repository in config["repos"]}


@cache
def read_requirements() -> Mapping[str, Mapping[frozenset[str], tuple[str, ...]]]:
    """Map layer -> ingredients -> requirement specifiers.

    A file ``catalogue/requirements/<layer>/<ingredient>+<ingredient>.txt`` counts for a project
    that has all of its ingredients; "common" is in every project.
    """
    return {
        layer: {
            frozenset(file.stem.split("+")): tuple(file.read_text("utf-8").split("\n")[:-1])
            for file in sorted((CATALOGUE / "requirements" / layer).glob("*.txt"))
        }
        for layer in LAYERS
    }


def package_of(requirement: str) -> str:
    """Cut a requirement specifier down to the name of its package."""
    return re.split(r"[\[<>=!~;]", requirement)[0]


@cache
def decide(
    framework: str,
    dependency_manager: str,
    database: str,
    base_image: str,
    python_version: str,
    license: str,
) -> Decisions:
    """Derive every decision from the answers; pure, and remembered for the next file."""
    has_database = database != "none"
    ingredients = {"common", framework, dependency_manager, database, base_image}
    if has_database:
        ingredients.add("database")
    dependencies = {
        layer: tuple(
            sorted(
                (name for part, names in files.items() if part <= ingredients for name in names),
                key=package_of,
            )
        )
        for layer, files in read_requirements().items()
    }
    images = dict(read_images())
    # An answer outside the choices comes this far before Copier refuses it.
    images["python"] = images.get(f"python-{python_version}-{base_image}", "")
    return Decisions(
        is_fastapi=framework == "fastapi",
        is_flask=framework == "flask",
        uses_uv=dependency_manager == "uv",
        uses_pip=dependency_manager == "pip",
        has_database=has_database,
        has_server_database=database == "postgresql",
        uses_sqlite=database == "sqlite",
        database_driver=DRIVERS.get((framework, database), ""),
        dependencies=dependencies,
        images=images,
        actions=read_actions(),
        pre_commit=read_pre_commit(),
        license_id=LICENSES.get(license, ""),
    )


def slugify(text: str) -> str:
    """Turn free text into lower-case ASCII words joined by hyphens; "service" if none are left."""
    letters = unicodedata.normalize("NFKD", text.lower().translate(ASCII_LETTERS))
    ascii_text = letters.encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")
    if not slug:
        return "service"
    return (slug if slug[0].isalpha() else f"service-{slug}")[:50].rstrip("-")


def quoted(text: str) -> str:
    """Write text as a double-quoted literal that YAML, TOML, JSON and Python read alike."""
    return json.dumps(text, ensure_ascii=False)


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
    return ""


def name_problem(name: str) -> str:
    """Say what is wrong with a project's display name; "" if nothing is."""
    if not re.fullmatch(r"[^\W\d_][\w .&'()+-]{0,59}", name) or name != name.strip():
        return (
            "Start with a letter and use up to 60 letters, digits, spaces and .&'()+-_ ,"
            " for example: Harbour API"
        )
    return text_problem(name)


def slug_problem(slug: str) -> str:
    """Say what is wrong with a repository name; "" if nothing is."""
    if len(slug) > 50 or not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", slug):
        return (
            "Use up to 50 lower-case ASCII letters, digits and single hyphens,"
            " starting with a letter, for example: harbour-api"
        )
    return ""


@cache
def taken_packages() -> frozenset[str]:
    """Collect the import names that a generated package would hide or clash with."""
    packages = {
        package_of(requirement).replace("-", "_")
        for files in read_requirements().values()
        for requirements in files.values()
        for requirement in requirements
    }
    return sys.stdlib_module_names | RESERVED_PACKAGES | packages


def package_problem(name: str) -> str:
    """Say what is wrong with an import name; "" if nothing is."""
    if len(name) > 50 or not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        return (
            "Use up to 50 lower-case ASCII letters, digits and single underscores,"
            " starting with a letter, for example: harbour_api"
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in taken_packages():
        return (
            f"Python or a dependency already uses the name {name}; choose another one,"
            f" for example: {name[:42]}_service"
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


class Slipway(ContextHook):
    """Gives the template its decisions and filters."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        # Copier compiles every part of every path anew: 500 strings, most of them alike.
        environment.compile = cache(environment.compile)  # type: ignore[assignment, method-assign]
        for function in (
            slugify,
            quoted,
            text_problem,
            name_problem,
            slug_problem,
            package_problem,
            email_problem,
            port_problem,
        ):
            environment.filters[function.__name__] = function

    def hook(self, context: dict[str, Any]) -> None:
        """Add the decisions to the context of a template; called for each string Copier renders."""
        answers = {key: context.get(key, default) for key, default in UNANSWERED.items()}
        context.update(vars(decide(**answers)))
