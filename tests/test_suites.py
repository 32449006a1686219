"""Projects pass their own checks without their images, as on a developer's machine."""

import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

import locking
import project_checks
import pytest
import questions
import stacks
from combinations import covering_array
from conftest import Render
from stacks import Stack

pytestmark = pytest.mark.docker

SERVERS = ("postgresql", "mysql", "mariadb")
# What is left out here runs in containers: see docs/tested.md.
PROGRAMS = {"framework": ["cli", "job"], "database": ["none", "sqlite", "postgresql"]}
SERVICES = {
    "framework": ["fastapi", "flask"],
    "database": ["none", "sqlite", "mysql", "mariadb"],
    "cache": ["none", "valkey"],
    "task_queue": ["none", "celery"],
}
# uv locks in seconds, the others take minutes: they have projects of every kind.
MANAGERS = {
    "cli-postgresql": "pipenv",
    "cli-sqlite": "poetry",
    "fastapi-mariadb-celery": "poetry",
    "flask-mysql-celery": "pipenv",
    "job": "pip",
}


def name(row: dict[str, str]) -> str:
    """Name a row by what it has, the framework first."""
    keys = ("framework", "database", "cache", "task_queue")
    return "-".join(row[key] for key in keys if row.get(key, "none") != "none")


ROWS = {name(row): row for row in covering_array([SERVICES, PROGRAMS])}


@pytest.fixture(scope="module")
def projects(engine: None, render: Render) -> dict[str, Future[Path]]:
    """Render a project from each row, and lock them ahead of their tests: that means to wait."""
    pool = ThreadPoolExecutor(max_workers=2)
    made = {}
    for (name, row), version in zip(ROWS.items(), cycle(("3.13", "3.14")), strict=False):
        manager = MANAGERS.get(name, "uv")
        slug = f"harbour-{uuid.uuid4().hex[:8]}"
        answers = {"dependency_manager": manager, "python_version": version, "project_slug": slug}
        made[name] = pool.submit(lock, render({**row, **answers}))
    return made


def lock(project: Path) -> Path:
    """Lock a project."""
    locking.lock(project)
    return project


def test_every_manager_has_its_projects() -> None:
    assert MANAGERS.keys() <= ROWS.keys()
    assert {"uv", *MANAGERS.values()} == set(questions.choices()["dependency_manager"])


@pytest.mark.parametrize("name", ROWS)
def test_the_checks_of_a_project_pass(
    projects: dict[str, Future[Path]], caches: str, name: str
) -> None:
    project = projects[name].result()
    database = ROWS[name]["database"]
    # Linters, types and locks of all projects have tests of their own; here some show that make
    # runs them.
    checks = "check" if ROWS[name]["framework"] == "cli" else "test"
    variables = {**project_checks.tools(MANAGERS.get(name, "uv")), "TARGETS": checks}
    if (ROWS[name]["framework"], database) == ("flask", "sqlite"):  # drivers of others leave some
        variables["PYTEST_ADDOPTS"] = project_checks.STRICT
    if database not in SERVERS:
        project_checks.check(project, caches, variables)
        return
    (port,) = stacks.free_ports(1)
    variables["DATABASE_URL"] = f"{database}://app:app@127.0.0.1:{port}/app"
    stack = Stack(project, stacks.DEVELOPMENT, {"DATABASE_PORT": str(port)})
    try:
        stack.compose("up", "--detach", "--wait", "database")
        project_checks.check(project, caches, variables)
    finally:
        stack.compose("down", "--volumes", "--timeout", "3")
