"""Reads what an application says about its dependencies, in any of the usual files."""

import ast
import configparser
import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name


class UnreadableError(Exception):
    """A file does not follow its format; the text is a sentence for whoever wrote it."""


@dataclass(frozen=True)
class Manifest:
    """What the files of an application say."""

    manager: str
    manager_reason: str
    dependencies: dict[str, str]  # the name of each one, and the file that lists it
    python: dict[str, SpecifierSet]  # the versions that a file allows


def read_manifest(root: Path, requirements: tuple[str, ...]) -> Manifest | None:
    """Read what an application depends on; None if it does not say so anywhere."""
    pyproject = read_toml(root / "pyproject.toml")
    pipfile = read_toml(root / "Pipfile")
    poetry = pyproject.get("tool", {}).get("poetry", {})
    present = [file for file in requirements if (root / file).is_file()][:1]
    has_setup = (root / "setup.py").is_file()
    choices = {
        "poetry.lock": ("poetry", (root / "poetry.lock").exists()),
        "[tool.poetry] of pyproject.toml": ("poetry", bool(poetry)),
        "Pipfile": ("pipenv", bool(pipfile)),
        "uv.lock": ("uv", (root / "uv.lock").exists()),
        " and ".join(present): ("pip", bool(present)),
        "setup.py": ("pip", has_setup),
        "[project] of pyproject.toml": ("uv", "project" in pyproject),
    }
    chosen = next(((manager, why) for why, (manager, found) in choices.items() if found), None)
    if chosen is None:
        return None

    listed: dict[str, str] = {}
    for file in present:
        listed |= dict.fromkeys(names(read_text(root / file).splitlines()), file)
    project = pyproject.get("project", {})
    listed |= dict.fromkeys(names(project.get("dependencies", [])), "pyproject.toml")
    listed |= dict.fromkeys(
        map(canonicalize_name, poetry.get("dependencies", {})), "pyproject.toml"
    )
    listed |= dict.fromkeys(map(canonicalize_name, pipfile.get("packages", {})), "Pipfile")
    setup = {**read_setup_cfg(root / "setup.cfg"), **read_setup_py(root / "setup.py")}
    listed |= dict.fromkeys(names(setup.get("install_requires", [])), "setup.py")
    wanted = {
        "pyproject.toml": project.get("requires-python")
        or from_poetry(poetry.get("dependencies", {}).get("python", "")),
        "Pipfile": from_poetry(pipfile.get("requires", {}).get("python_version", "")),
        "setup.py": setup.get("python_requires", ""),
    }
    return Manifest(
        *chosen, listed, {file: specifiers(text) for file, text in wanted.items() if text}
    )


def read_text(file: Path) -> str:
    """Read a file that may be missing; nothing without it."""
    try:
        return file.read_text("utf-8") if file.is_file() else ""
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{file.name} cannot be read, as it is not UTF-8") from error


def read_toml(file: Path) -> dict[str, Any]:
    """Read a file of TOML."""
    return read_with(tomllib.loads, file)


def read_setup_cfg(file: Path) -> dict[str, Any]:
    """Read the keywords of setup() that setup.cfg gives."""

    def parse(text: str) -> dict[str, Any]:
        parser = configparser.RawConfigParser()
        parser.read_string(text)
        options: dict[str, Any] = dict(parser["options"]) if "options" in parser else {}
        return {**options, "install_requires": options.get("install_requires", "").splitlines()}

    return read_with(parse, file)


def read_setup_py(file: Path) -> dict[str, Any]:
    """Read the keywords of setup() that are written there as they are."""

    def parse(text: str) -> dict[str, Any]:
        keywords = {}
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("setup"):
                for keyword in node.keywords:
                    with suppress(ValueError):  # it is computed
                        keywords[str(keyword.arg)] = ast.literal_eval(keyword.value)
        return keywords

    return read_with(parse, file)


def read_with(parse: Callable[[str], dict[str, Any]], file: Path) -> dict[str, Any]:
    """Read a file that may be missing; nothing without it."""
    try:
        return parse(read_text(file)) if file.is_file() else {}
    except (SyntaxError, ValueError, configparser.Error) as error:
        raise UnreadableError(f"{file.name} cannot be read: {error}".splitlines()[0]) from error


def names(lines: list[str]) -> Iterator[str]:
    """List the names of requirements; what is none, such as an option, is left out."""
    for line in lines:
        try:
            requirement = Requirement(re.sub(r"\s(#|--hash|\\).*", "", line).strip())
        except InvalidRequirement:
            continue
        yield canonicalize_name(requirement.name)


def from_poetry(text: str) -> str:
    """Write the versions that Poetry or Pipenv allows as a specifier."""
    parts = []
    for part in text.replace(" ", "").split(","):
        if version := re.fullmatch(r"\^(\d+)(\.\d+)*", part):
            parts.append(f">={part[1:]},<{int(version[1]) + 1}")
        elif version := re.fullmatch(r"[~=]{0,2}(\d+\.\d+).*", part):
            parts.append(f"=={version[1]}.*")
        elif part not in ("", "*"):
            parts.append(part)
    return ",".join(parts)


def specifiers(text: str) -> SpecifierSet:
    """Read the versions that are allowed; any if that cannot be read."""
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        return SpecifierSet()
