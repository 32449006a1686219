"""Projects pass their own checks without their images, as on a developer's machine."""

import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

import pytest
import stacks
import suites
from combinations import covering_array
from conftest import Render
from stacks import Stack

pytestmark = pytest.mark.docker

SERVERS = ("postgresql", "mariadb")
# With the other server, tests run in containers: see test_containers.py and test_job.py.
PROGRAMS = {
    "framework": ["cli", "job"],
    "dependency_manager": ["uv"],
    "database": ["none", "sqlite", "postgresql"],
}
SERVICES = {
    "framework": ["fastapi", "flask"],
    "dependency_manager": ["uv"],
    "database": ["none", "sqlite", "mariadb"],
    "cache": ["none", "valkey"],
    "task_queue": ["none", "celery"],
}
# What a manager has to lock is most in one with everything; uv takes seconds where others take
# minutes. Services that use pip run their checks in test_containers.py.
FULL = {"database": "mariadb", "cache": "valkey", "task_queue": "celery"}
OTHERS = [
    {"framework": "fastapi", "dependency_manager": "poetry", **FULL},
    {"framework": "flask", "dependency_manager": "pipenv", **FULL},
    {"framework": "cli", "dependency_manager": "pipenv", "database": "postgresql"},
    {"framework": "job", "dependency_manager": "poetry", "database": "sqlite"},
    {"framework": "job", "dependency_manager": "pip", "database": "none"},
]
ROWS = [*covering_array([SERVICES, PROGRAMS]), *OTHERS]


@pytest.fixture(scope="module")
def projects(engine: None, render: Render) -> list[Future[Path]]:
    """Render a project from each row, and lock them side by side: that means to wait."""
    made = []
    for row, version in zip(ROWS, cycle(("3.13", "3.14")), strict=False):
        slug = f"harbour-{uuid.uuid4().hex[:8]}"
        made.append(render({**row, "python_version": version, "project_slug": slug}))
    pool = ThreadPoolExecutor(max_workers=4)
    last_first = [pool.submit(lock, project) for project in reversed(made)]  # pip is slowest
    return last_first[::-1]


def lock(project: Path) -> Path:
    """Lock a project."""
    stacks.lock(project)
    return project


def name(row: dict[str, str]) -> str:
    """Name a row by what it has, the framework first."""
    keys = ("framework", "dependency_manager", "database", "cache", "task_queue")
    return "-".join(row[key] for key in keys if row.get(key, "none") != "none")


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_the_checks_of_a_project_pass(
    projects: list[Future[Path]], caches: str, row: dict[str, str]
) -> None:
    project = projects[ROWS.index(row)].result()
    # Linters, types and locks of all projects have tests of their own; here some show that make
    # runs them.
    checks = "check" if row["framework"] == "cli" and row["dependency_manager"] != "pip" else "test"
    variables = {**suites.tools(row["dependency_manager"]), "TARGETS": checks}
    if row["database"] not in SERVERS:
        suites.check(project, caches, variables)
        return
    (port,) = stacks.free_ports(1)
    variables["DATABASE_URL"] = f"{row['database']}://app:app@127.0.0.1:{port}/app"
    stack = Stack(project, stacks.DEVELOPMENT, {"DATABASE_PORT": str(port)})
    try:
        stack.compose("up", "--detach", "--wait", "database")
        suites.check(project, caches, variables)
    finally:
        stack.compose("down", "--volumes", "--timeout", "3")
