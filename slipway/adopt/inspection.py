"""Finds out which answers suit an application, and why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from slipway.adopt.dependencies import Manifest, read_manifest
from slipway.adopt.django import find_settings
from slipway.adopt.entry_points import EntryPoint, find_entry_points
from slipway.adopt.requirements import UnreadableError
from slipway.source import FILES

# What a dependency tells: the framework that stands for its kind of server, …
FRAMEWORKS = {
    **dict.fromkeys(("fastapi", "starlette", "litestar", "quart"), "fastapi"),
    **dict.fromkeys(("flask", "django", "bottle", "falcon", "pyramid", "dash"), "flask"),
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
CACHES = ("redis", "valkey", "django-redis", "channels-redis")
# What uvicorn speaks WebSocket with.
WEBSOCKETS = ("websockets", "wsproto", "uvicorn[standard]")
# Folders that .dockerignore keeps from images.
HIDDEN = {"docs", "env", "secrets", "test", "tests", "venv"}

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
    adoption = read_catalogue("adoption.yaml")
    names = adoption["requirements"], adoption["development_requirements"]
    try:
        manifest = read_manifest(root, tracked, *names, given.get("dependency_manager", ""))
    except UnreadableError as error:
        raise NoApplicationError(f"{error}: fix it first") from error
    if manifest is None or not any(path.endswith(".py") for path in tracked):
        missing = "Python module" if manifest else "requirements.txt, pyproject.toml or Pipfile"
        raise NoApplicationError(f"there is no Python application in {root}: it has no {missing}")
    refuse_what_cannot_be_locked(manifest)
    found = Inspection()
    found.find("dependency_manager", manifest.manager, f"there is {manifest.manager_reason}")
    others = [f for f in dict.fromkeys(names[0]) if f in tracked and f not in manifest.files]
    if manifest.manager == "pip" and others:
        found.notes.append(f"{', '.join(others)} beside {manifest.manager_reason} is not installed")
    entry_points = find_entry_points(root, tracked, manifest.members)
    if "channels" in manifest.dependencies:  # it needs ASGI, although wsgi.py is there as well
        entry_points.sort(key=lambda each: each.framework != "fastapi")
        if not any(name in manifest.dependencies for name in WEBSOCKETS):
            found.notes.append(
                "uvicorn serves WebSockets only with the package websockets: list it"
            )
    find_start(found, manifest, entry_points)
    if "manage.py" in tracked:
        find_django_settings(found, root, tracked, given)
    find_python(found, manifest, given)
    find_services(found, manifest, given)
    find_own_files(found, root, tracked, manifest)
    for key in given.keys() & found.answers.keys():
        del found.answers[key]
    return found


def read_questions() -> dict[str, Any]:
    """Map the key of each question to what copier.yml says about it."""
    entries: dict[str, Any] = yaml.safe_load((FILES / "copier.yml").read_text("utf-8"))
    return {key: entry for key, entry in entries.items() if not key.startswith("_")}


def read_catalogue(name: str) -> dict[str, Any]:
    """Read what the template decides by."""
    table: dict[str, Any] = yaml.safe_load((FILES / "catalogue" / name).read_text("utf-8"))
    return table


def refuse_what_cannot_be_locked(manifest: Manifest) -> None:
    """Refuse dependencies that an image could not install from a lock with hashes."""
    if manifest.manager == "pdm":
        raise NoApplicationError(
            f"there is {manifest.manager_reason}, and no image has PDM: add"
            " --data dependency_manager=uv, which locks [project] anew"
        )
    dependency, file = manifest.unlockable
    if dependency and manifest.manager == "pip":
        raise NoApplicationError(
            f"{file} names {dependency}, which cannot be locked with a hash:"
            " remove it (the application itself is found without) or publish it"
        )
    if dependency:
        raise NoApplicationError(
            f"{file} takes {dependency}, which images do not have when they install:"
            " remove it (the application itself is found without), list it or publish it"
        )
    for file in manifest.files:
        if file.startswith(".") or HIDDEN & set(file.split("/")[:1]):
            raise NoApplicationError(
                f"{file} is named by other requirements, but no image has its folder: move it"
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


def find_django_settings(
    found: Inspection, root: Path, tracked: list[str], given: Mapping[str, str]
) -> None:
    """Find which settings Django has in each environment, if manage.py has others than a server."""
    entry_point = given.get("entry_point", found.answers.get("entry_point", ""))
    managed, served = find_settings(root, tracked, entry_point)
    differ = bool(managed and served and managed != served)
    if differ:
        found.find("development_settings", managed, "manage.py names them")
        found.find("production_settings", served, "the module that a server loads names them")
    else:
        found.answers |= {"development_settings": "", "production_settings": ""}


def find_python(found: Inspection, manifest: Manifest, given: Mapping[str, str]) -> None:
    """Find the Python that developers use, or else the newest that the application allows."""
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
    pin, file = manifest.python_pin
    if pin in versions:
        found.find("python_version", pin, f"{file} names it")
    elif pin:
        nearest = min(versions, key=lambda version: abs(minor(version) - minor(pin)))
        found.find("python_version", nearest, f"the nearest to {pin}, which {file} names")
        if "python_version" not in given:
            found.notes.append(
                f"No image has the Python {pin} of {file}: see what {nearest} breaks"
            )


def minor(version: str) -> int:
    """Read the second part of a version of Python."""
    return int(version.partition(".")[2])


def find_services(found: Inspection, manifest: Manifest, given: Mapping[str, str]) -> None:
    """Find the database and the cache."""
    listed = manifest.dependencies
    driver = next((name for name in DRIVERS if name in listed), "")
    toolkit = next((name for name in SQLALCHEMY if name in listed), "")
    database, module = DRIVERS.get(driver, ("sqlite" if toolkit else "none", ""))
    why = driver or toolkit
    reason = f"{listed[why]} lists {why}" if why else "no file lists a driver"
    found.find("database", database, reason)
    chosen = read_catalogue("choices.yaml")["database"].get(given.get("database", database))
    if toolkit and module and chosen and database in chosen["database_dialects"]:
        found.find("database_scheme", f"{database}+{module}", f"for {toolkit}")
    if cache := next((name for name in CACHES if name in listed), ""):
        found.find("cache", "valkey", f"{listed[cache]} lists {cache}; its address is REDIS_URL")
    if "celery" in listed:
        found.notes.append("Celery is listed: add its worker to the Compose files")


def find_own_files(found: Inspection, root: Path, tracked: list[str], manifest: Manifest) -> None:
    """List what existed before: whole folders where the template has no file of its own.

    Files by which the template decides are listed apart from their folders.
    """
    tree = FILES / "template-other" / "adopted"
    ours = [path.relative_to(tree) for path in tree.rglob("*")]
    folders = {path.as_posix() for path in ours if (tree / path).is_dir()}
    files = {path.as_posix().removesuffix(".jinja") for path in ours} - folders
    kept = sorted(name for name in files if (root / name).exists())
    own = {shorten(path, folders) for path in tracked if path.isprintable()}
    markers = (name for names in read_catalogue("adoption.yaml").values() for name in names)
    own |= set(markers) & set(tracked) | set(kept) | set(manifest.files)
    for member in manifest.members:
        source = f"{member}/src"
        own |= {f"{member}/pyproject.toml", *([source] if (root / source).is_dir() else [])}
    found.find("own_files", sorted(own), "they existed before")
    found.notes += [
        f"{name} existed before and stays as it is: the template's own is left out" for name in kept
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
    """Cut a path down to the first part that is no folder of the template's."""
    parts = path.split("/")
    prefixes = ("/".join(parts[:length]) for length in range(1, len(parts) + 1))
    return next((prefix for prefix in prefixes if prefix not in folders), path)
