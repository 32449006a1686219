"""Filters that write text so that it means itself, in whatever language the file is."""

from __future__ import annotations

import json
import re
import shlex
import unicodedata

from jinja2 import Environment
from jinja2.ext import Extension
from packaging.requirements import Requirement

# Letters that Unicode does not decompose into an ASCII letter and an accent.
ASCII_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th"}
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


def literal(text: str) -> str:
    """Write text as the Python literal that the formatter of generated projects prefers."""
    if text.count('"') <= text.count("'"):
        return quoted(text)
    inner = quoted(text)[1:-1].replace('\\"', '"').replace("'", "\\'")
    return f"'{inner}'"


def markdown(text: str) -> str:
    """Escape what Markdown would read as markup in a line of text."""
    text = re.sub(r"[\\`*\[<~]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)", r"\\\g<0>", text)
    return re.sub(r"^(\d+(?=[.)](?: |$))|(?=[#>+-]))", r"\1\\", text)


def rich(text: str) -> str:
    """Escape what Rich would read as markup in the help of a command line."""
    return re.sub(r"(\\*)(\[[a-z#/@][^[]*?])", r"\1\1\\\2", text)


def shell_word(text: object) -> str:
    """Write text, such as a path, as one word of a shell."""
    return shlex.quote(str(text))


def pipfile_entry(requirement: str) -> str:
    """Write a requirement specifier as Pipenv's Pipfile has it."""
    parsed = Requirement(requirement)
    if parsed.url or parsed.marker or not parsed.specifier:
        raise ValueError(f"{requirement} is more than a name, extras and versions")
    version = ",".join(sorted(map(str, parsed.specifier), reverse=True))  # the lowest one first
    if parsed.extras:
        extras = json.dumps(sorted(parsed.extras))
        return f'{parsed.name} = {{version = "{version}", extras = {extras}}}'
    return f'{parsed.name} = "{version}"'


class Filters(Extension):
    """Gives the template these filters."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        for function in (slugify, quoted, literal, markdown, rich, shell_word, pipfile_entry):
            environment.filters[function.__name__] = function
