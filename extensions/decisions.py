"""The decisions behind a generated repository.

Copier loads this module for each rendering: ``copier.yml`` asks, this module decides, ``template/``
writes. It must stay a single file: a sibling module would stay cached while ``copier update``
renders two versions of the template in one process.
"""

from __future__ import annotations

import ipaddress
import json
import keyword
import os
import re
import shlex
import subprocess
import sys
import unicodedata
import zlib
from collections.abc import Mapping
from contextvars import copy_context
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import jinja2
import yaml
from copier.errors import UserMessageError
from copier_template_extensions import ContextHook
from jinja2 import Environment
from jinja2.runtime import Context
from pathspec import GitIgnoreSpec

TEMPLATE = Path(__file__).resolve().parent.parent
CATALOGUE = TEMPLATE / "catalogue"
LAYERS = ("base", "production", "testing", "development")

# What the answers below stand for while the earlier questions are still being asked.
UNANSWERED: Mapping[str, Any] = {
    "project_slug": "",
    "framework": "fastapi",
    "dependency_manager": "uv",
    "database": "postgresql",
    "base_image": "slim",
    "python_version": "3.14",
    "cache": "none",
    "task_queue": "none",
    "reverse_proxy": "none",
    "license": "proprietary",
    "os_packages_build": (),
    "os_packages_runtime": (),
    "own_files": (),
    "entry_point": "",
    "database_scheme": "",
}
LISTS = ("os_packages_build", "os_packages_runtime", "own_files")
# Answers to questions that another answer can take away, and bring back.
RETURNING = ("python_version", "author_email", "database_scheme")
UNSET = object()  # unlike any answer


@dataclass(frozen=True)
class Framework:
    """What follows from a framework."""

    title: str
    service: str  # the Compose service, and the first word of the entry point
    is_web: bool = False
    is_asynchronous: bool = False


@dataclass(frozen=True)
class Manager:
    """What follows from a dependency manager."""

    title: str
    manifests: tuple[str, ...]  # where people write what they want
    locks: tuple[str, ...]  # what the manager writes; the last holds what development needs
    needs: str  # what must be installed where there are no containers
    upgrade: str = ""  # of its lock command; "" if that always takes the newest versions
    ecosystem: str = "pip"  # Dependabot's


@dataclass(frozen=True)
class Database:
    """What follows from a database; drivers are SQLAlchemy's "dialect+driver"."""

    title: str
    driver: str = ""
    asynchronous_driver: str = ""
    dialects: tuple[str, ...] = ()  # with which a URL may begin, the preferred one first
    port: int = 0  # of a server
    protocol: str = ""  # what databases of one kind share
    admin_variable: str = ""  # in which the image of a server expects the administrator's password
    program: str = ""  # that the image of a server runs
    connect_arguments: str = '{"connect_timeout": 5}'  # a literal for SQLAlchemy


@dataclass(frozen=True)
class Base:
    """What follows from a base image; packages by the stage of the image that needs them."""

    package_manager: str
    interactive_shell: str = "bash"
    python_version: str = ""  # of the distribution; "" where it is an answer
    installer_packages: tuple[str, ...] = ()  # for a manager that is a Python program
    build_packages: tuple[str, ...] = ()
    runtime_packages: tuple[str, ...] = ()
    developer_packages: tuple[str, ...] = ()
    missing_packages: tuple[str, ...] = ()  # what a dependency most often needs beyond these


FRAMEWORKS = {
    "fastapi": Framework("FastAPI", "web", is_web=True, is_asynchronous=True),
    "flask": Framework("Flask", "web", is_web=True),
    "cli": Framework("Typer", "cli"),
    "job": Framework("APScheduler", "job"),
}
MANAGERS = {
    "uv": Manager("uv", ("pyproject.toml",), ("uv.lock",), "uv", "--upgrade", "uv"),
    "pip": Manager(
        "pip-tools",
        tuple(f"requirements/{layer}.in" for layer in LAYERS),
        tuple(f"requirements/{layer}.txt" for layer in LAYERS),
        "Python {python_version}",
        "--upgrade",
    ),
    "poetry": Manager(
        "Poetry",
        ("pyproject.toml",),
        ("poetry.lock",),
        "Poetry and Python {python_version}",
        "--regenerate",
    ),
    "pipenv": Manager(
        "Pipenv", ("Pipfile",), ("Pipfile.lock",), "Pipenv and Python {python_version}"
    ),
}
# Times are kept without their zone: let the server's own clock write UTC, too.
MYSQL_ARGUMENTS = """{"connect_timeout": 5, "init_command": "SET time_zone = '+00:00'"}"""
DATABASES = {
    "postgresql": Database(
        "PostgreSQL",
        "postgresql+psycopg",
        "postgresql+psycopg",
        ("postgresql", "postgres"),
        5432,
        "postgresql",
        "POSTGRES_PASSWORD",
        "postgres",
    ),
    "mysql": Database(
        "MySQL",
        "mysql+pymysql",
        "mysql+aiomysql",
        ("mysql",),
        3306,
        "mysql-protocol",
        "MYSQL_ROOT_PASSWORD",
        "mysqld",
        MYSQL_ARGUMENTS,
    ),
    "mariadb": Database(
        "MariaDB",
        "mariadb+pymysql",
        "mariadb+aiomysql",
        ("mariadb", "mysql"),
        3306,
        "mysql-protocol",
        "MARIADB_ROOT_PASSWORD",
        "mariadbd",
        MYSQL_ARGUMENTS,
    ),
    "sqlite": Database(
        "SQLite", "sqlite+pysqlite", "sqlite+aiosqlite", ("sqlite",), protocol="sqlite"
    ),
    "none": Database(""),
}
BASES = {
    "slim": Base("apt", developer_packages=("git",), missing_packages=("git", "build-essential")),
    "full": Base("apt", missing_packages=("libgdal-dev",)),
    "alpine": Base(
        "apk",
        interactive_shell="sh",
        # VS Code's server needs libstdc++; BusyBox's setpriv cannot change the user.
        developer_packages=("git", "libstdc++", "setpriv"),
        missing_packages=("git", "build-base"),
    ),
    "distro": Base(
        "apt",
        python_version="3.13",
        installer_packages=("python3-pip", "python3-venv"),
        build_packages=("ca-certificates", "python3"),
        runtime_packages=("ca-certificates", "python3"),
        developer_packages=("git",),
        missing_packages=("git", "build-essential", "python3-dev"),
    ),
}
CACHES = {"none": "", "valkey": "Valkey", "redis": "Redis"}
UPDATES = {"github": "dependabot", "gitlab": "renovate", "none": "none"}  # what fits a forge
LICENSES = {"proprietary": "LicenseRef-Proprietary", "mit": "MIT", "apache-2.0": "Apache-2.0"}

# What an adopted application may bring, and what follows from it: how its database is migrated, …
MIGRATIONS = {
    "alembic.ini": "alembic upgrade head",
    "migrations/alembic.ini": "flask --app '{entry_point}' db upgrade",
    "manage.py": "python manage.py migrate --no-input",
}
# … which requirements its service has (of the first file), and its developers (of all).
REQUIREMENTS_OF = (
    "requirements-{}.txt",
    "requirements_{}.txt",
    "{}-requirements.txt",
    "requirements/{}.txt",
)
REQUIREMENTS = (
    "requirements/production.txt",
    "requirements/prod.txt",
    "requirements.txt",
    "requirements/base.txt",
    *(
        pattern.format(name)
        for name in ("production", "prod", "base", "common", "main", "requirements")
        for pattern in REQUIREMENTS_OF
    ),
)
DEVELOPMENT_REQUIREMENTS = tuple(
    pattern.format(name)
    for name in ("dev", "development", "test", "tests", "testing", "local", "ci")
    for pattern in REQUIREMENTS_OF
)
OWN_MARKERS = frozenset((*MIGRATIONS, *REQUIREMENTS, *DEVELOPMENT_REQUIREMENTS))

# What generated projects hold beside their package.
RESERVED_PACKAGES = frozenset(
    """
    conftest giving_up migrations scripts servers src temporary_database test tests
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
    is_cli: bool
    is_job: bool
    is_web: bool
    framework_title: str
    service: str  # the Compose service of the application: "web", "cli" or "job"
    services: tuple[str, ...]  # parts of Compose's, by environment, in the order of the files
    development_services: tuple[str, ...]
    production_services: tuple[str, ...]
    pulled_services: tuple[str, ...]  # of the services, those whose image is not built here
    needs: Mapping[str, str]  # what Compose starts before the application, and until when it waits
    optional_services: tuple[str, ...]  # of these, those without which the application answers
    networks: tuple[str, ...]  # in production, if there is more than the usual one
    lasting_services: tuple[str, ...]  # the application's that run until they are stopped
    volumes: tuple[str, ...]
    data_path: str  # where containers have the volume "data"
    uses_uv: bool
    uses_pip: bool
    uses_poetry: bool
    uses_pipenv: bool
    manager_title: str
    manager_needs: str
    manifests: tuple[str, ...]
    locks: tuple[str, ...]
    production_lock: str
    upgrade_option: str
    ecosystem: str
    tools: Mapping[str, str]  # name -> requirement specifier
    has_database: bool
    has_server_database: bool
    uses_postgresql: bool
    uses_mysql_protocol: bool
    uses_sqlite: bool
    database_title: str
    database_protocol: str
    database_port: int
    database_dialects: tuple[str, ...]
    database_example: str  # a URL
    database_admin_variable: str
    database_program: str
    connect_arguments: str
    database_driver: str  # SQLAlchemy's "dialect+driver", "" without a database
    worker_driver: str  # the same for synchronous code beside an asynchronous framework
    keeps_time_zones: bool
    dumps_production: bool  # the Makefile can; an image that is the program runs no other command
    has_notes: bool  # the sample domain is notes; it is texts otherwise
    keeps_files: bool  # in a volume of its own
    job_lock: str  # what keeps runs of a job apart: "file" or the database's protocol
    environment: Mapping[str, str]  # what Compose tells each process of the application
    test_environment: Mapping[str, str]  # what tests are told that run outside of containers
    has_cache: bool
    cache_title: str
    has_task_queue: bool
    uses_redis: bool  # the protocol, which Valkey speaks too
    broker: str  # "valkey" or "redis", as the cache is
    broker_title: str
    keeps_connections: bool  # to a database or cache, which an application closes at its end
    has_proxy: bool
    uses_proxy_fix: bool  # the server does not do it
    proxy_subnet: str  # between the proxy and the service, unless PROXY_SUBNET says otherwise
    is_alpine: bool
    is_distro: bool
    python_version: str
    interactive_shell: str
    package_manager: str  # "apt" or "apk"
    os_packages: tuple[str, ...]  # that the answers name
    os_packages_example: tuple[str, ...]  # an answer that adds to that for builds
    tool_packages: tuple[str, ...]  # of the distribution, by the stage that needs them
    build_packages: tuple[str, ...]
    runtime_packages: tuple[str, ...]
    development_packages: tuple[str, ...]
    developer_packages: tuple[str, ...]  # for who works in a container; no installer sees them
    inspect_packages: tuple[str, ...]
    inspect_tools: tuple[str, ...]  # requirement specifiers
    image_files: tuple[str, ...]  # at the top of the repository, which run with the application
    build_context: tuple[str, ...]  # what an image may need
    needs_system_site_packages: bool
    vendors_wheels: bool  # unless the production image needs packages of the distribution as well
    dependencies: Mapping[str, tuple[str, ...]]  # layer -> sorted requirement specifiers
    lists_dependencies: bool  # pyproject.toml does, not a file of the manager
    build_backend: str  # the requirement of what builds a package that others install
    images: Mapping[str, str]  # role ("python", "uv", …) -> image reference or stage
    actions: Mapping[str, str]  # "owner/name" -> "owner/name@commit # version"
    pre_commit: Mapping[str, str]  # repository URL -> revision
    license_id: str  # SPDX expression
    is_adopted: bool  # it was an application before it met the template
    own_patterns: tuple[str, ...]  # for .gitignore and its like: what it had, and keeps
    package_file: str  # by which setuptools builds the application, "" if it does not
    own_requirements: tuple[str, ...]
    own_development_requirements: tuple[str, ...]
    own_requirement_folders: tuple[str, ...]  # what those files name may be there, too
    own_packages: tuple[str, ...]  # folders that have a pyproject.toml of their own
    python_path: str  # in images, which do not install the application
    migrate_command: str  # "" if it has no migrations
    runs_program: bool  # that listens by itself, without a server of the kit's
    server: str  # what serves the application in production, "" if it does so itself
    application: str  # "module:name" for the server; that of a function if it is a factory
    is_factory: bool
    python_arguments: str  # after "python", with which the application starts by itself
    pip_tools: str  # the requirement specifier
    locks_by_script: bool  # unless scripts/lock.sh is the application's own
    compiled_locks: str  # the folder with what pip-tools compiles, "" if nothing


def read_yaml(file: Path) -> Any:
    """Read a YAML file, by the parser in C where there is one: it takes a tenth of the time."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(file.read_text("utf-8"), loader)  # noqa: S506  (both are safe)


@cache
def read_images() -> Mapping[str, str]:
    """Map each service of the catalogue's Compose file to its image reference."""
    services = read_yaml(CATALOGUE / "compose.yaml")["services"]
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
    config = read_yaml(CATALOGUE / ".pre-commit-config.yaml")
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


@cache
def read_tools() -> Mapping[str, str]:
    """Map each tool that pip installs, such as a manager, to its pinned requirement specifier."""
    files = sorted((CATALOGUE / "requirements" / "tool").glob("*.txt"))
    return {file.stem: file.read_text("utf-8").strip() for file in files}


def package_of(requirement: str) -> str:
    """Cut a requirement specifier down to the name of its package."""
    return re.split(r"[\[<>=!~;]", requirement)[0]


def place_of(requirement: str) -> str:
    """Name the package by which a requirement is sorted: at the end of a list users add theirs."""
    package = package_of(requirement)
    return {"tzdata": "apscheduler"}.get(package, package)


def unique(*groups: tuple[str, ...]) -> tuple[str, ...]:
    """Join groups of names, each name once."""
    return tuple(dict.fromkeys(name for group in groups for name in group))


def chosen(facts: Mapping[str, bool]) -> tuple[str, ...]:
    """List what is true, in order."""
    return tuple(name for name, fact in facts.items() if fact)


def own_folders(own_files: tuple[str, ...], suffix: str) -> tuple[str, ...]:
    """List the folders of an adopted application that matter for a file with this suffix."""
    files = (path for path in own_files if path.endswith(suffix) and "/" in path)
    return unique(
        tuple(
            path.rpartition("/")[0]
            for path in files
            if any(path.startswith(f"{folder}/") for folder in own_files)
        )
    )


def subnet_of(project_slug: str) -> str:
    """Choose a private network that no other project on a machine is likely to have.

    It is one of the 131,072 with 62 addresses in 10.128.0.0/9, where Docker chooses none itself.
    """
    number = zlib.crc32(project_slug.encode()) % 2**17
    first = int(ipaddress.IPv4Address("10.128.0.0")) + number * 2**6
    return str(ipaddress.IPv4Network((first, 26)))


@cache
def decide(
    project_slug: str,
    framework: str,
    dependency_manager: str,
    database: str,
    base_image: str,
    python_version: str,
    cache: str,
    task_queue: str,
    reverse_proxy: str,
    license: str,
    os_packages_build: tuple[str, ...],
    os_packages_runtime: tuple[str, ...],
    own_files: tuple[str, ...],
    entry_point: str,
    database_scheme: str,
) -> Decisions:
    """Derive every decision from the answers; pure, and remembered for the next file."""
    # An answer outside the choices comes this far before Copier refuses it.
    kind = FRAMEWORKS.get(framework, FRAMEWORKS["fastapi"])
    manager = MANAGERS.get(dependency_manager, MANAGERS["uv"])
    data = DATABASES.get(database, DATABASES["none"])
    base = BASES.get(base_image, BASES["slim"])
    # A question that is not asked may have an answer all the same.
    python_version = base.python_version or python_version
    cache = "none" if framework == "cli" else cache
    has_database = bool(data.driver)
    has_server_database = bool(data.port)
    uses_sqlite = has_database and not has_server_database
    has_cache = cache != "none"
    is_adopted = bool(own_files)
    has_task_queue = task_queue == "celery" and kind.is_web and not is_adopted
    has_proxy = reverse_proxy == "nginx" and kind.is_web and not is_adopted
    broker = cache if has_cache and cache in CACHES else "valkey"

    # A command-line program finds the files of its user in /data.
    data_path = f"/var/lib/{project_slug}" if framework == "cli" else "/data"
    driver = data.asynchronous_driver if kind.is_asynchronous else data.driver
    if is_adopted and has_database:
        driver = database_scheme or data.dialects[0]
    runs_program = is_adopted and entry_point.startswith("python ")
    own_requirements = tuple(file for file in REQUIREMENTS if file in own_files)[:1]
    # Where there are requirements, setup.cfg is often there for linters only.
    package_files = ("setup.py",) if own_requirements else ("setup.py", "setup.cfg")
    own_packages = own_folders(own_files, "/pyproject.toml")
    environment = {}
    test_environment = {}
    example = ""
    if has_server_database:
        environment["DATABASE_URL"] = f"{driver}://app@database:{data.port}/app"
        example = f"{data.dialects[0]}://app@localhost:{data.port}/app"
        test_environment["DATABASE_URL"] = example.replace("app@", "app:app@")
    elif has_database:
        environment["DATABASE_URL"] = f"{driver}:///{data_path}/app.db"
        example = f"{data.dialects[0]}:///{data_path}/app.db"
    if has_cache:
        environment["REDIS_URL" if is_adopted else "CACHE_URL"] = "redis://cache:6379/0"
        test_environment["CACHE_URL"] = "redis://localhost:6379/0"
    if has_task_queue:
        environment["BROKER_URL"] = "redis://broker:6379/0"
        test_environment["BROKER_URL"] = "redis://localhost:6380/0"
    migrate_command = next(
        (
            command.format(entry_point=entry_point)
            for file, command in MIGRATIONS.items()
            if file in own_files and has_database
        ),
        "",
    )
    needs = {}
    if migrate_command or (has_database and not is_adopted):
        needs["migrate"] = "service_completed_successfully"
    elif has_server_database:
        needs["database"] = "service_healthy"
    for name in chosen({"cache": has_cache, "broker": has_task_queue}):
        needs[name] = "service_healthy"
    services = chosen(
        {
            "adopted" if is_adopted else kind.service: True,
            "adopted-migrate": bool(migrate_command),
            "scheduler": framework == "job",
            "worker": has_task_queue,
            "beat": has_task_queue,
            "migrate": has_database and not is_adopted,
            "database": has_server_database,
            "cache": has_cache,
            "broker": has_task_queue,
        }
    )
    tools = chosen({"adminer": has_server_database, "flower": has_task_queue})
    networks = chosen(
        {"backend": has_server_database or has_cache or has_task_queue, "proxy": has_proxy}
    )

    ingredients = {"common", framework, dependency_manager, database, base_image, data.protocol}
    ingredients.update(
        chosen(
            {
                "web": kind.is_web,
                "program": not kind.is_web,
                "database": has_database,
                "cache": has_cache,
                "celery": has_task_queue,
                "nginx": has_proxy,
            }
        )
    )
    dependencies = {
        layer: tuple(
            sorted(
                (name for part, names in files.items() if part <= ingredients for name in names),
                key=place_of,
            )
        )
        for layer, files in read_requirements().items()
    }
    image_files = chosen(
        {
            "alembic.ini": has_database and framework in ("fastapi", "job"),
            "pyproject.toml": framework == "cli",
            "gunicorn.conf.py": framework == "flask",
        }
    )
    compiled_locks = (
        "containers" if is_adopted else "requirements" if dependency_manager == "pip" else ""
    )
    has_tool_stage = dependency_manager in read_tools()
    installer_packages = unique(
        base.build_packages, () if dependency_manager == "uv" else base.installer_packages
    )
    build_packages = unique(() if has_tool_stage else installer_packages, os_packages_build)
    runtime_packages = unique(base.runtime_packages, os_packages_runtime)
    images = dict(read_images())
    images["python"] = images.get(f"python-{python_version}-{base_image}", "")
    images["build"] = dependency_manager if has_tool_stage else images["python"]
    checks = "uv" if dependency_manager == "uv" else "full"
    images["checks"] = images.get(f"python-{python_version}-{checks}", "")
    images["database"] = images.get(database, "")
    images["cache"] = images.get(cache, "")
    images["broker"] = images[broker]
    return Decisions(
        is_fastapi=framework == "fastapi",
        is_flask=framework == "flask",
        is_cli=framework == "cli",
        is_job=framework == "job",
        is_web=kind.is_web,
        framework_title=kind.title,
        service=kind.service,
        services=services,
        development_services=(*services, *tools),
        production_services=(*services, *chosen({"proxy": has_proxy})),
        pulled_services=chosen(
            {"database": has_server_database, "cache": has_cache, "broker": has_task_queue}
        ),
        needs=needs,
        optional_services=chosen({"cache": has_cache and not is_adopted, "broker": has_task_queue}),
        lasting_services=chosen(
            {
                "web": kind.is_web,
                "scheduler": framework == "job",
                "worker": has_task_queue,
                "beat": has_task_queue,
            }
        ),
        networks=("default", *networks) if networks else (),
        volumes=chosen(
            {
                "database": has_server_database,
                "data": uses_sqlite or framework == "job",
                "broker": has_task_queue,
            }
        ),
        data_path=data_path,
        uses_uv=dependency_manager == "uv",
        uses_pip=dependency_manager == "pip",
        uses_poetry=dependency_manager == "poetry",
        uses_pipenv=dependency_manager == "pipenv",
        manager_title=manager.title,
        manager_needs=manager.needs.format(python_version=python_version),
        manifests=manager.manifests,
        locks=manager.locks,
        production_lock=next(
            (lock for lock in manager.locks if "production" in lock), manager.locks[0]
        ),
        upgrade_option=manager.upgrade,
        ecosystem=manager.ecosystem,
        tools=read_tools(),
        has_database=has_database,
        has_server_database=has_server_database,
        uses_postgresql=database == "postgresql",
        uses_mysql_protocol=data.protocol == "mysql-protocol",
        uses_sqlite=uses_sqlite,
        database_title=data.title,
        database_protocol=data.protocol,
        database_port=data.port,
        database_dialects=data.dialects,
        database_example=example,
        database_admin_variable=data.admin_variable,
        database_program=data.program,
        connect_arguments=data.connect_arguments,
        database_driver=driver,
        worker_driver=data.driver,
        keeps_time_zones=database == "postgresql",
        dumps_production=has_server_database or (uses_sqlite and framework != "cli"),
        has_notes=has_database and kind.is_web,
        keeps_files=uses_sqlite or (framework == "job" and not has_server_database),
        job_lock=data.protocol if has_server_database else "file",
        environment=environment,
        test_environment=test_environment,
        has_cache=has_cache,
        cache_title=CACHES.get(cache, ""),
        has_task_queue=has_task_queue,
        uses_redis=has_cache or has_task_queue,
        broker=broker,
        broker_title=CACHES[broker],
        keeps_connections=has_database or has_cache,
        has_proxy=has_proxy,
        uses_proxy_fix=has_proxy and framework == "flask",
        proxy_subnet=subnet_of(project_slug),
        is_alpine=base_image == "alpine",
        is_distro=base_image == "distro",
        python_version=python_version,
        interactive_shell=base.interactive_shell,
        package_manager=base.package_manager,
        os_packages=unique(os_packages_build, os_packages_runtime),
        os_packages_example=unique(os_packages_build, base.missing_packages),
        tool_packages=installer_packages if has_tool_stage else (),
        build_packages=build_packages,
        runtime_packages=runtime_packages,
        development_packages=unique(build_packages, runtime_packages),
        developer_packages=base.developer_packages,
        inspect_packages=() if has_tool_stage else installer_packages,
        inspect_tools=tuple(
            read_tools()[name]
            for name in ("cyclonedx-bom", "pip-audit", "pip-licenses", "pipdeptree")
            if name != "pip-audit" or dependency_manager != "uv" or compiled_locks
        ),
        image_files=image_files,
        build_context=unique(
            ("requirements/",)
            if dependency_manager == "pip"
            else (*manager.manifests, *manager.locks),
            image_files,
            chosen({"migrations/": has_database, "ca-certificates/": True, "libs/": True}),
            chosen({"nginx/": has_proxy, "scripts/": True, "src/": True}),
        ),
        needs_system_site_packages=base_image == "distro"
        and any(name.startswith("python3-") for name in os_packages_runtime),
        vendors_wheels=not runtime_packages and not is_adopted,
        dependencies=dependencies,
        lists_dependencies="pyproject.toml" in manager.manifests,
        build_backend=next(
            (name for name in dependencies["development"] if package_of(name) == "hatchling"), ""
        ),
        images=images,
        actions=read_actions(),
        pre_commit=read_pre_commit(),
        license_id=LICENSES.get(license, ""),
        is_adopted=is_adopted,
        own_patterns=tuple("/" + re.sub(r"([\\*?\[ ])", r"\\\1", path) for path in own_files),
        package_file=next((file for file in package_files if file in own_files), ""),
        own_requirements=own_requirements,
        own_development_requirements=tuple(
            file for file in DEVELOPMENT_REQUIREMENTS if file in own_files
        ),
        own_requirement_folders=unique(
            chosen({"requirements": "requirements" in own_files}), own_folders(own_files, ".txt")
        ),
        own_packages=own_packages,
        python_path=":".join(
            (
                "/app",
                "/app/src",
                *(
                    f"/app/{folder}/src" if f"{folder}/src" in own_files else f"/app/{folder}"
                    for folder in own_packages
                ),
            )
        ),
        migrate_command=migrate_command,
        runs_program=runs_program,
        server="" if runs_program else "uvicorn" if kind.is_asynchronous else "gunicorn",
        application=entry_point.removesuffix("()"),
        is_factory=entry_point.endswith("()"),
        python_arguments=entry_point.removeprefix("python "),
        locks_by_script="scripts/lock.sh" not in own_files,
        compiled_locks=compiled_locks,
        pip_tools=read_requirements()["development"][frozenset({"pip"})][0],
    )


def slugify(text: str) -> str:
    """Turn free text into lower-case ASCII words joined by hyphens; "service" if none are left."""
    letters = unicodedata.normalize("NFKD", text.lower().translate(ASCII_LETTERS))
    ascii_text = letters.encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")
    if not slug:
        return "service"
    return (slug if slug[0].isalpha() else f"service-{slug}")[:50].rstrip("-")


def usual_updates(ci: str) -> str:
    """Name who usually proposes updates where the tests are run."""
    return UPDATES.get(ci, "none")


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


def pipfile_entry(requirement: str) -> str:
    """Write a requirement specifier as Pipenv's Pipfile has it."""
    parsed = re.fullmatch(r"([\w.-]+)(?:\[([\w,-]+)\])?([<>=!~].*)", requirement)
    if not parsed:
        raise ValueError(f"{requirement} is more than a name, extras and versions")
    name, extras, version = parsed.groups()
    if extras:
        return f'{name} = {{version = "{version}", extras = {json.dumps(extras.split(","))}}}'
    return f'{name} = "{version}"'


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
    listed = read_yaml(CATALOGUE / "taken_names.yaml")
    wanted = (
        package_of(requirement).replace("-", "_")
        for files in read_requirements().values()
        for requirements in files.values()
        for requirement in requirements
    )
    return {
        "distributions": frozenset((*listed["distributions"], *wanted)),
        "packages": frozenset(listed["packages"]),
    }


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


@cache
def read_questions() -> Mapping[str, Mapping[str, Any]]:
    """Map the key of each question that may be asked to what copier.yml says about it."""
    entries = read_yaml(TEMPLATE / "copier.yml")
    return {
        key: entry
        for key, entry in entries.items()
        if not key.startswith("_") and isinstance(entry, dict) and entry.get("when") is not False
    }


def previous_answers(conf: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read the answers that the project has been made with; none if it is yet to be made.

    Copier's _external_data would do the same, but warns where there is no file, and is forbidden
    where the way to the project leads over a symbolic link.
    """
    file = Path(conf["dst_path"], conf["answers_file"])
    answers: Mapping[str, Any] = read_yaml(file) if file.is_file() else {}
    return answers


def is_update() -> bool:
    """Say whether Copier updates a project, as it tells paths and tasks, but no question."""
    return any(
        key.name == "_operation" and copy_context()[key] == "update" for key in copy_context()
    )


def is_comparison(conf: Mapping[str, Any]) -> bool:
    """Say whether this rendering is one of the two that an update compares, in empty folders."""
    return is_update() and not previous_answers(conf)


@jinja2.pass_context
def unless_kept(context: Context, problem: str, key: str, *grounds: str) -> str:
    """Pass over a problem with what the project has answered: only new answers are refused.

    It counts as a new one where the answers that are its grounds have changed.
    """
    conf = context["_copier_conf"]
    if not problem or is_comparison(conf):
        return ""
    previous = previous_answers(conf)
    is_kept = all(previous.get(name, UNSET) == context[name] for name in (key, *grounds))
    return "" if is_kept else problem


@jinja2.pass_context
def unless_outdated(context: Context, updates: str) -> str:
    """Refuse the answer that came with another ci: Copier then takes the default for this one."""
    conf = context["_copier_conf"]
    previous = previous_answers(conf)
    ci = previous.get("ci", context["ci"])
    is_given = "dependency_updates" in conf["data"]
    if is_given or ci == context["ci"] or updates != previous.get("dependency_updates"):
        return ""
    return f"This came with ci: {ci}" if updates == usual_updates(ci) else ""


def read_answer(question: Mapping[str, Any], answer: Any) -> Any:
    """Read an answer as the type of its question; raise what to write instead if it is none.

    A fork may ask in forms that no question here has: those are left to Copier.
    """
    kind, listed = question.get("type", ""), question.get("choices", ())
    choices = listed.values() if isinstance(listed, dict) else listed
    has_choices = bool(listed) and all(isinstance(choice, str) for choice in choices)
    is_scalar = isinstance(answer, str | int | float) and not isinstance(answer, bool)
    if question.get("multiselect") or (listed and (isinstance(listed, str) or not has_choices)):
        return answer
    wanted = ""
    if has_choices and str(answer) not in choices:
        wanted = f"Choose one of {', '.join(choices)}"
    elif kind == "int" and not (is_scalar and re.fullmatch(r"-?\d+", str(answer))):
        wanted = "Write a whole number"
    elif kind == "str" and not is_scalar:
        wanted = "Write a text"
    elif kind == "bool" and not (is_scalar or isinstance(answer, bool)):
        wanted = "Write true or false"
    if wanted:
        raise ValueError(f"{wanted}, not {json.dumps(answer, default=str)[:80]}")
    if kind == "yaml" and isinstance(answer, str):
        try:
            return yaml.safe_load(answer)
        except yaml.YAMLError:
            raise ValueError(f"Write YAML, not {json.dumps(answer)[:80]}") from None
    return {"str": str, "int": int}[kind](answer) if kind in ("str", "int") else answer


@jinja2.pass_context
def refuse_answers(context: Context, conf: Mapping[str, Any]) -> str:
    """End with a sentence where Copier would end with a traceback, at an answer that it was given.

    What is typed comes later, and Copier repeats such a question: what depends on it is left out.
    """
    file, previous = conf["answers_file"], previous_answers(conf)
    if previous and not ("framework" in previous and {"package_name", "own_files"} & {*previous}):
        raise UserMessageError(
            f"{file} has the answers to another template:"
            " choose a file for these, for example: --answers-file .copier-answers.slipway.yml"
        )
    if previous and is_update():
        refuse_update(conf)
    given = (
        (f" in {file}" if is_comparison(conf) else "", conf["data"]),
        (f" in {file}", previous),
        (" by default", conf["user_defaults"]),
    )
    usual = conf["settings"].defaults
    known = {**context.get_all(), "UNSET": jinja2.StrictUndefined()}

    def render(text: Any) -> Any:
        is_text = isinstance(text, str)
        return context.environment.from_string(text).render(known) if is_text else text

    for key, question in read_questions().items():
        place = "" if key not in usual else " in Copier's settings file"
        found = [(place, answers[key]) for place, answers in given if key in answers]
        if not (found or place or conf["defaults"]):
            continue
        try:
            if found:
                place, answer = found[0]
            else:
                answer = render(usual.get(key, question.get("default", "{{ UNSET }}")))
            known[key] = read_answer(question, answer)
            is_new = key in conf["data"] or (
                key not in previous and render(question.get("when", "True")) == "True"
            )
            if problem := render(question.get("validator", "")).strip() if is_new else "":
                raise ValueError(problem)
        except jinja2.UndefinedError:
            continue
        except ValueError as error:
            raise UserMessageError(f"The answer to {key}{place}: {error}") from None
    return ""


def tracked_files(project: Path) -> set[str] | None:
    """List the files of a project that git could give back; None if it is not under git."""
    command = ["git", "-C", str(project), "ls-files", "-z"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return set(result.stdout.split("\0")[:-1]) if result.returncode == 0 else None


def untracked_files(project: Path, tree: Path, package_name: str) -> list[str]:
    """List the files of the tree that the project has, and that git could not give back."""
    names = (file.relative_to(tree).as_posix() for file in tree.rglob("*"))
    paths = {
        str(PurePosixPath(re.sub(r"{%.*?%}", "", name).removesuffix(".jinja"))).replace(
            "{{ package_name }}", package_name
        )
        for name in names
    }
    tracked = tracked_files(project)
    untracked = sorted(paths - tracked) if tracked is not None else []
    return [path for path in untracked if (project / path).is_file()]


def refuse_update(conf: Mapping[str, Any]) -> str:
    """End with a sentence if the answers file is none that an update can start from."""
    file = str(conf["answers_file"])
    tracked = tracked_files(Path(conf["dst_path"]))
    problem = ""
    if tracked is not None and file not in tracked:
        problem = f"git does not track {file}, from which an update starts: run"
        problem += f" git add --force {file}, and commit it"
    for key, answer in previous_answers(conf).items():
        if answer is None or isinstance(answer, dict):
            problem = f"{file} is damaged, as it has no answer to {key}: take the right one back"
            problem += " from git's history, and commit it"
    if problem:
        raise UserMessageError(problem)
    return ""


def refuse_changes(conf: Mapping[str, Any], package_name: str, framework: str) -> str:
    """End with a sentence that says what to do if an update would harm the project there is."""
    project, previous = Path(conf["dst_path"]), previous_answers(conf)
    package, program = previous.get("package_name"), previous.get("framework")
    tree = TEMPLATE / ("template-adopted" if "own_files" in previous else "template")
    problem = ""
    if previous and program != framework:
        problem = (
            f"A project cannot change its framework from {program} to {framework}:"
            " make a new project and move your code there"
        )
    elif package and package != package_name:
        problem = (
            f"An update cannot rename the package from {package} to {package_name}:"
            f" run git mv src/{package} src/{package_name}, write package_name: {package_name}"
            f" in {conf['answers_file']}, commit, and update then"
        )
    elif package and (project / "src").is_dir() and not (project / "src" / package_name).is_dir():
        problem = (
            f"{conf['answers_file']} says package_name: {package_name}, but there is no"
            f" src/{package_name}: correct the file, or rename the folder with git mv, and commit"
        )
    elif previous and is_update() and (untracked := untracked_files(project, tree, package_name)):
        problem = (
            f"git does not track {', '.join(untracked)}, and could not give back what is written"
            " over: run make update, which leaves such files alone, or move them away"
        )
    if problem:
        raise UserMessageError(problem)
    return ""


def written_files(context: Context, conf: Mapping[str, Any]) -> Mapping[str, Path]:
    """Map each file that a copy with these answers writes to its source."""
    environment, known = context.environment, {**context.get_all(), "_copier_operation": "copy"}
    manifest = environment.get_template("manifest.jinja").render(known)
    left_out = GitIgnoreSpec.from_lines([*manifest.splitlines(), *conf["exclude"]])
    tree = TEMPLATE / ("template-adopted" if context["is_adopted"] else "template")
    found = {}
    for source in (file for file in sorted(tree.rglob("*")) if file.is_file()):
        parts = source.relative_to(tree).as_posix().removesuffix(".jinja").split("/")
        rendered = [environment.from_string(part).render(known) for part in parts]
        path = str(PurePosixPath(*rendered))
        if all(rendered) and not left_out.match_file(path):
            found[path] = source
    return found


def is_like(context: Context, file: Path, source: Path) -> bool:
    """Say whether Copier would find a file of the project as it wants to write it."""
    if (
        file.is_symlink()
        or not file.is_file()
        or (file.stat().st_mode ^ source.stat().st_mode) & 0o111
    ):
        return False
    if source.suffix != ".jinja":
        return file.read_bytes() == source.read_bytes()
    template = context.environment.get_template(source.relative_to(TEMPLATE).as_posix())
    return file.read_bytes() == template.render(context.get_all()).encode()


@jinja2.pass_context
def refuse_overwriting(context: Context, conf: Mapping[str, Any]) -> str:
    """End with a sentence if Copier would stop half-way, to ask nobody what to write over."""
    project = Path(conf["dst_path"])
    has_terminal = sys.stdin is not None and sys.stdin.isatty()
    if conf["overwrite"] or has_terminal or not project.is_dir():
        return ""
    skipped = GitIgnoreSpec.from_lines([*conf["skip_if_exists"], f"/{conf['answers_file']}"])
    others = [
        path
        for path, source in written_files(context, conf).items()
        if os.path.lexists(project / path)
        and not skipped.match_file(path)
        and not is_like(context, project / path, source)
    ]
    if others:
        raise UserMessageError(
            f"{', '.join(others)} would be written over: add --overwrite if they may be, or keep"
            f" them as they are by {' '.join(f'--skip {path}' for path in others)}"
        )
    return ""


def recorded(answers: Mapping[str, Any], conf: Mapping[str, Any]) -> Mapping[str, Any]:
    """Complete what Copier remembers: answers that may return, and the way to a template."""
    previous = previous_answers(conf)
    source = Path(answers.get("_src_path", "/"))
    is_relative = not source.is_absolute() and source.exists()
    return {
        **answers,
        **({"_src_path": str(source.resolve())} if is_relative else {}),
        **{key: previous[key] for key in RETURNING if key in previous and key not in answers},
    }


@jinja2.pass_context
def consequences(context: Context, conf: Mapping[str, Any]) -> list[str]:
    """Say what else follows from the answers that an update changed."""

    def committed(file: str) -> str:
        command = ["git", "-C", conf["dst_path"], "show", f"HEAD:./{file}"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    before = yaml.safe_load(committed(conf["answers_file"])) or {}
    was, base, ci = before.get("base_image"), context["base_image"], context["ci"]
    leaves_alpine_or_enters_it = was != base and "alpine" in (was, base)
    foreign = [
        key
        for key in ("os_packages_build", "os_packages_runtime")
        if before.get(key) == context[key]
        for name in context[key]
        if leaves_alpine_or_enters_it or (was == "distro" != base and name.startswith("python3-"))
    ]
    said = []
    if foreign:
        said.append(
            f"In {' and '.join(dict.fromkeys(foreign))} are still the names of packages for"
            f" base_image: {was}. Give those for {base}, for example:"
            f" {update_command(conf)} --vcs-ref :current: --data '{foreign[0]}=[…]'"
        )
    file = Path(conf["dst_path"], "compose.prod.yaml")
    production = file.read_text("utf-8") if file.is_file() else ""
    if "${WEB_PORT:" in committed(file.name) and "${PRODUCTION_PORT:" in production:
        said.append(
            f"Production listens on port {context['production_port']} now, so that development can"
            " run beside it. Where it is deployed, give PRODUCTION_PORT what WEB_PORT was, or"
            f" PRODUCTION_PORT={context['port']} where that was not set."
        )
    if before.get("ci") != ci and before.get("dependency_updates") != context["dependency_updates"]:
        said.append(f"With ci: {ci}, dependency_updates is {context['dependency_updates']}.")
    return said


def update_command(conf: Mapping[str, Any]) -> str:
    """Write the command by which Copier updates the project."""
    file = str(conf["answers_file"])
    option = "" if file == ".copier-answers.yml" else f" --answers-file {shlex.quote(file)}"
    return f"copier update --trust{option}"


@dataclass(frozen=True)
class Constant:
    """A template without tags, as half of Copier's strings are: Jinja would compile it, too."""

    text: str

    def render(self, *_: Any, **__: Any) -> str:
        """Return the text."""
        return self.text


def compile_once(environment: Environment) -> None:
    """Let an environment remember what it compiles, for all environments with the same syntax.

    Copier compiles every part of every path anew, and makes an environment for each rendering, of
    which an update has three. It executes this module anew as well, so Jinja's keeps the memory.
    """
    memory: dict[tuple[object, ...], Any] = vars(jinja2).setdefault("_compiled_for_slipway", {})
    compile_anew, make_template = environment.compile, environment.from_string

    def remember(*source_and_names: Any) -> Any:
        key = (environment.lexer, *source_and_names)  # Jinja has one lexer for each syntax
        if key not in memory:
            memory[key] = compile_anew(*source_and_names)
        return memory[key]

    def from_string(source: str) -> Any:
        return make_template(source) if "{" in source else Constant(source)

    environment.compile = remember  # type: ignore[assignment, method-assign]
    environment.from_string = from_string  # type: ignore[assignment, method-assign]


class Slipway(ContextHook):
    """Gives the template its decisions and filters."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        compile_once(environment)
        environment.optimized = False  # takes longer than it saves in a template that is used once
        for function in (
            slugify,
            usual_updates,
            quoted,
            literal,
            markdown,
            rich,
            pipfile_entry,
            text_problem,
            name_problem,
            slug_problem,
            package_problem,
            email_problem,
            packages_problem,
            port_problem,
            unless_kept,
            unless_outdated,
            refuse_answers,
            refuse_update,
            refuse_changes,
            refuse_overwriting,
            recorded,
            consequences,
            update_command,
            own_files_problem,
            entry_point_problem,
            settings_problem,
            scheme_problem,
        ):
            environment.filters[function.__name__] = function

    def hook(self, context: dict[str, Any]) -> None:
        """Add the decisions to the context of a template; called for each string Copier renders."""
        answers: dict[str, Any] = {}
        for key, default in UNANSWERED.items():
            answer = context.get(key, default)  # which may be anything before it is refused
            if key in LISTS:
                names = answer if isinstance(answer, list) else ()
                answers[key] = tuple(name for name in names if isinstance(name, str))
            else:
                answers[key] = answer if isinstance(answer, str) else default
        context.update(vars(decide(**answers)))
