"""Finds out which answers suit an application, and why."""

import re
import runpy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from adopt.dependencies import Manifest, UnreadableError, read_manifest, read_text
from adopt.entry_points import EntryPoint, find_entry_points

ROOT = Path(__file__).resolve().parent.parent
SLIPWAY = runpy.run_path(str(ROOT / "extensions" / "slipway.py"), run_name="slipway")

# What a dependency tells: the framework that stands for its kind of server, …
FRAMEWORKS = {
    **dict.fromkeys(("fastapi", "starlette", "litestar", "quart"), "fastapi"),
    **dict.fromkeys(("flask", "django", "bottle", "falcon", "pyramid"), "flask"),
}
# … the database and SQLAlchemy's name for its driver, …
DRIVERS = {
    "psycopg": ("postgresql", "psycopg"),
    "psycopg2": ("postgresql", "psycopg2"),
    "psycopg2-binary": ("postgresql", "psycopg2"),
    "asyncpg": ("postgresql", "asyncpg"),
    "pymysql": ("mysql", "pymysql"),
    "mysqlclient": ("mysql", "mysqldb"),
    "mysql-connector-python": ("mysql", "mysqlconnector"),
    "aiomysql": ("mysql", "aiomysql"),
    "asyncmy": ("mysql", "asyncmy"),
    "aiosqlite": ("sqlite", "aiosqlite"),
}
SQLALCHEMY = ("sqlalchemy", "flask-sqlalchemy", "sqlmodel")
# … or a cache.
CACHES = ("redis", "valkey", "django-redis")

OTHER_NAMES = {
    "Makefile": ("GNUmakefile", "makefile"),
    "compose.yaml": ("compose.yml", "docker-compose.yml", "docker-compose.yaml"),
}


class NoApplicationError(Exception):
    """There is nothing to adopt; the text says what is missing."""


@dataclass
class Inspection:
    """What was found: answers with reasons, and what is worth knowing."""

    answers: dict[str, Any] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def find(self, key: str, answer: object, reason: str) -> None:
        """Keep an answer."""
        self.answers[key] = answer
        self.reasons[key] = reason


def inspect(root: Path, tracked: Iterable[str], given: Mapping[str, str]) -> Inspection:
    """Look at an application; what the user has said already is not looked for."""
    tracked = list(tracked)
    try:
        manifest = read_manifest(root, SLIPWAY["REQUIREMENTS"])
        if manifest and manifest.manager == "pip":
            refuse_what_cannot_be_locked(root)
    except UnreadableError as error:
        raise NoApplicationError(f"{error}: mend it first") from error
    if manifest is None or not any(path.endswith(".py") for path in tracked):
        missing = "Python module" if manifest else "requirements.txt, pyproject.toml or Pipfile"
        raise NoApplicationError(f"there is no Python application in {root}: it has no {missing}")
    found = Inspection()
    found.find("dependency_manager", manifest.manager, f"there is {manifest.manager_reason}")
    find_start(found, manifest, find_entry_points(root, tracked))
    find_python(found, manifest)
    find_services(found, manifest, given)
    find_own_files(found, root, tracked)
    for key in given.keys() & found.answers.keys():
        del found.answers[key]
    return found


def read_questions() -> dict[str, Any]:
    """Map the key of each question to what copier.yml says about it."""
    entries: dict[str, Any] = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
    return {key: entry for key, entry in entries.items() if not key.startswith("_")}


def refuse_what_cannot_be_locked(root: Path) -> None:
    """Refuse requirements that no hash can be taken of."""
    first = [file for file in SLIPWAY["REQUIREMENTS"] if (root / file).is_file()][:1]
    for file in (*first, *SLIPWAY["DEVELOPMENT_REQUIREMENTS"]):
        text = read_text(root / file)
        if line := re.search(r"^\s*(-e|--editable|\.$|\./|.*\bgit\+).*", text, re.MULTILINE):
            raise NoApplicationError(
                f"{file} names {line[0].strip()}, which cannot be locked with a hash:"
                " remove it (the application itself is found without) or publish it"
            )


def find_start(found: Inspection, manifest: Manifest, entry_points: list[EntryPoint]) -> None:
    """Find the framework and the entry point, unless two are equally likely."""
    best = [each for each in entry_points if each.rank == entry_points[0].rank]
    if len(best) == 1:
        found.find("entry_point", best[0].text, f"{best[0].path} has it")
    elif best:
        found.notes.append(f"Either of these may start it: {', '.join(each.text for each in best)}")
    kinds = {each.framework for each in best if each.framework}
    named = [name for name in FRAMEWORKS if name in manifest.dependencies]
    if len(kinds) == 1:
        found.find("framework", kinds.pop(), f"of what {best[0].path} makes")
    elif named:
        where = manifest.dependencies[named[0]]
        found.find("framework", FRAMEWORKS[named[0]], f"{where} lists {named[0]}")


def find_python(found: Inspection, manifest: Manifest) -> None:
    """Find the newest Python that the application allows."""
    versions = list(read_questions()["python_version"]["choices"].values())
    for file, allowed in manifest.python.items():
        fitting = [version for version in versions if f"{version}.99" in allowed]
        if not fitting:
            raise NoApplicationError(
                f"{file} allows Python {allowed} only, and the images have {', '.join(versions)}:"
                " allow one of them first"
            )
        versions = fitting
        found.find("python_version", versions[0], f"{file} allows {allowed}")


def find_services(found: Inspection, manifest: Manifest, given: Mapping[str, str]) -> None:
    """Find the database and the cache."""
    listed = manifest.dependencies
    driver = next((name for name in DRIVERS if name in listed), "")
    toolkit = next((name for name in SQLALCHEMY if name in listed), "")
    database, module = DRIVERS.get(driver, ("sqlite" if toolkit else "none", ""))
    why = driver or toolkit
    reason = f"{listed[why]} lists {why}" if why else "no file lists a driver"
    found.find("database", database, reason)
    chosen = SLIPWAY["DATABASES"].get(given.get("database", database))
    if toolkit and module and chosen and database in chosen.dialects:
        found.find("database_scheme", f"{database}+{module}", f"for {toolkit}")
    if cache := next((name for name in CACHES if name in listed), ""):
        found.find("cache", "valkey", f"{listed[cache]} lists {cache}; its address is REDIS_URL")
    if "celery" in listed:
        found.notes.append("Celery is listed: add its worker to the Compose files")


def find_own_files(found: Inspection, root: Path, tracked: list[str]) -> None:
    """List what was there before: whole folders where the kit has no file of its own."""
    kit = [path.relative_to(ROOT / "adopted") for path in (ROOT / "adopted").rglob("*")]
    folders = {path.as_posix() for path in kit if (ROOT / "adopted" / path).is_dir()}
    files = {path.as_posix().removesuffix(".jinja") for path in kit} - folders
    kept = sorted(name for name in files if (root / name).exists())
    own = {shorten(path, folders) for path in tracked if path.isprintable()}
    own |= SLIPWAY["OWN_MARKERS"] & set(tracked) | set(kept)
    found.find("own_files", sorted(own), "they were there before")
    found.notes += [
        f"{name} was there before and stays as it is: the kit's own is left out" for name in kept
    ]
    if ".dockerignore" in kept:
        found.notes.append("Let .dockerignore keep .env, .git, secrets and tests out of images")
    found.notes += [
        f"{other} stays, and {name} is new beside it: one of them has to go"
        for name, others in OTHER_NAMES.items()
        for other in others
        if other in tracked and name not in kept
    ]


def shorten(path: str, folders: set[str]) -> str:
    """Cut a path down to the first part that is no folder of the kit's."""
    parts = path.split("/")
    prefixes = ("/".join(parts[:length]) for length in range(1, len(parts) + 1))
    return next((prefix for prefix in prefixes if prefix not in folders), path)
