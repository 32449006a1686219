"""Reads what an application says about its dependencies, in any of the usual files."""

import ast
import configparser
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from slipway.adopt.requirements import (
    UNHASHED,
    Line,
    UnreadableError,
    names,
    read_requirements,
    read_text,
)


@dataclass(frozen=True)
class Manifest:
    """What the files of an application say."""

    manager: str
    manager_reason: str
    dependencies: Mapping[str, str]  # the name of each one, and the file that lists it
    python: Mapping[str, SpecifierSet]  # the versions that a file allows
    python_pin: tuple[str, str]  # the version that developers use, and the file that says so
    files: tuple[str, ...]  # of requirements for pip, with those that they name
    members: tuple[str, ...]  # folders with packages of its own, which uv installs with it
    unlockable: tuple[str, str]  # what no build could install, and the file that names it


def read_manifest(
    root: Path,
    tracked: Iterable[str],
    requirements: list[str],
    development_requirements: list[str],
    given_manager: str = "",
) -> Manifest | None:
    """Read what an application depends on; None if it does not say so anywhere.

    Of the requirements for production the first file counts, and all of those for development.
    """
    pyproject = read_toml(root / "pyproject.toml")
    pipfile = read_toml(root / "Pipfile")
    poetry = pyproject.get("tool", {}).get("poetry", {})
    project = pyproject.get("project", {})
    uses_pdm = (root / "pdm.lock").exists() or "pdm" in pyproject.get("tool", {})
    present = [file for file in requirements if (root / file).is_file()][:1]
    setup_cfg, setup_py = read_setup_cfg(root / "setup.cfg"), read_setup_py(root / "setup.py")
    setup = {**setup_cfg, **setup_py}
    setup_file = "setup.py" if (root / "setup.py").is_file() else "setup.cfg"
    choices = {
        "poetry.lock": ("poetry", (root / "poetry.lock").exists()),
        "[tool.poetry] of pyproject.toml": ("poetry", bool(poetry)),
        "Pipfile": ("pipenv", bool(pipfile)),
        "uv.lock": ("uv", (root / "uv.lock").exists()),
        "pdm.lock or [tool.pdm] of pyproject.toml": ("pdm", uses_pdm),
        "[tool.uv.workspace] of pyproject.toml": ("uv", "workspace" in uv_of(pyproject)),
        " and ".join(present): ("pip", bool(present)),
        setup_file: ("pip", setup_file == "setup.py" or bool(setup.get("install_requires"))),
        "[project] of pyproject.toml": ("uv", "project" in pyproject),
    }
    chosen = next(((manager, why) for why, (manager, found) in choices.items() if found), None)
    if chosen is None:
        return None
    manager = given_manager or chosen[0]

    listed: dict[str, str] = {}
    files: set[str] = set()
    lines: list[Line] = []
    if manager == "pip":
        for file in present:
            lines += read_requirements(root, file, files)
        for line in lines:
            if not line.is_constraint:
                listed |= dict.fromkeys(names([line.text]), line.file)
        for file in development_requirements:
            if (root / file).is_file():
                lines += read_requirements(root, file, files)

    python: dict[str, str] = {}
    members = list(read_members(root, tracked, pyproject)) if manager == "uv" else []
    for folder in ("", *members):
        file = f"{folder}/pyproject.toml".lstrip("/")
        table = read_toml(root / file).get("project", {})
        listed |= dict.fromkeys(names(table.get("dependencies", [])), file)
        python[file] = table.get("requires-python", "")
    listed |= dict.fromkeys(names_in(poetry.get("dependencies", {})), "pyproject.toml")
    listed |= dict.fromkeys(names_in(pipfile.get("packages", {})), "Pipfile")
    listed |= dict.fromkeys(names(setup.get("install_requires", [])), setup_file)
    python["pyproject.toml"] = project.get("requires-python") or from_poetry(
        poetry.get("dependencies", {}).get("python", "")
    )
    python["Pipfile"] = from_poetry(pipfile.get("requires", {}).get("python_version", ""))
    python["setup.py"] = setup_py.get("python_requires", "")
    python["setup.cfg"] = setup_cfg.get("python_requires", "")
    unlockable = {
        "pip": unhashed(root, lines),
        "uv": (not_for_uv(pyproject, members), "pyproject.toml"),
        "poetry": (in_folder(poetry), "pyproject.toml"),
        "pipenv": (in_folder(pipfile), "Pipfile"),
    }
    return Manifest(
        manager,
        chosen[1],
        listed,
        {file: specifiers(text) for file, text in python.items() if text},
        read_pin(root),
        tuple(sorted(files)),
        tuple(members),
        unlockable.get(manager, ("", "")),
    )


def names_in(table: Mapping[str, Any]) -> Iterator[str]:
    """List the names in a table of Poetry or Pipenv, also with each extra."""
    for key, entry in table.items():
        extras = entry.get("extras", []) if isinstance(entry, dict) else []
        name = canonicalize_name(key)
        yield from (name, *(f"{name}[{extra}]" for extra in extras))


def uv_of(pyproject: Mapping[str, Any]) -> dict[str, Any]:
    """Read what a pyproject.toml says to uv."""
    table: dict[str, Any] = pyproject.get("tool", {}).get("uv", {})
    return table


def read_members(root: Path, tracked: Iterable[str], pyproject: Mapping[str, Any]) -> Iterable[str]:
    """List the folders of a workspace's members, and of what depends on a folder beside it."""
    workspace = uv_of(pyproject).get("workspace", {})
    chosen, left_out = (
        {folder.relative_to(root).as_posix() for glob in globs for folder in root.glob(glob)}
        for globs in (workspace.get("members", []), workspace.get("exclude", []))
    )
    folders = {
        path.removesuffix("/pyproject.toml") for path in tracked if "/pyproject.toml" in path
    }
    return sorted(folders & (chosen - left_out | set(paths_of(pyproject))))


def paths_of(pyproject: Mapping[str, Any]) -> Iterator[str]:
    """List the folders and files that uv is to take for dependencies."""
    for entry in uv_of(pyproject).get("sources", {}).values():
        for source in entry if isinstance(entry, list) else [entry]:
            if "path" in source:
                yield normpath(source["path"])


def unhashed(root: Path, lines: list[Line]) -> tuple[str, str]:
    """Find a requirement that pip can take no hash of."""
    found = (
        (line.text, line.file)
        for line in lines
        if UNHASHED.match(line.text) or ("/" in line.text and (root / line.text).is_dir())
    )
    return next(found, ("", ""))


def in_folder(table: Mapping[str, Any]) -> str:
    """Find a dependency that is a folder or file, which images do not have when they install."""
    for key, entry in table.items():
        if isinstance(entry, dict):
            found = f"{key} in {entry['path']}" if "path" in entry else in_folder(entry)
            if found:
                return found
    return ""


def not_for_uv(table: Mapping[str, Any], members: Iterable[str]) -> str:
    """Find what uv could only install where all of the application is."""
    if "dependencies" in table.get("project", {}).get("dynamic", []):
        return "dependencies from elsewhere (dynamic)"
    outside = (path for path in paths_of(table) if path not in members)
    return f"a dependency in {path}" if (path := next(outside, "")) else ""


def read_pin(root: Path) -> tuple[str, str]:
    """Read which version of Python developers use, such as 3.13, and the file that says so."""
    patterns = {
        ".python-version": r"^\s*(?:cpython-)?(3\.\d+)",
        "runtime.txt": r"^\s*python-(3\.\d+)",
        ".tool-versions": r"^\s*python\s+(3\.\d+)",
    }
    for file, pattern in patterns.items():
        if version := re.search(pattern, read_text(root / file), re.MULTILINE):
            return version[1], file
    return "", ""


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
