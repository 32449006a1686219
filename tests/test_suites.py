"""Projects pass their own checks without their images, as on a developer's machine."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import cycle, product
from pathlib import Path

import locking
import project_checks
import pytest
import questions
import stacks
import test_cli
import test_containers
import test_job
import test_proxy
import test_queue
from combinations import Values, all_meetings, covering_array, meetings
from conftest import Render
from stacks import Stack

pytestmark = pytest.mark.docker

SERVERS = ("postgresql", "mysql", "mariadb")
MANAGERS = questions.choices()["dependency_manager"]
PROGRAMS = {
    "framework": ["cli", "job"],
    "dependency_manager": MANAGERS,
    "database": ["none", "sqlite", "postgresql"],
}
SERVICES = {
    "framework": ["fastapi", "flask"],
    "dependency_manager": MANAGERS,
    "database": ["none", "sqlite", "mysql", "mariadb"],
    "cache": ["none", "valkey"],
    "task_queue": ["none", "celery"],
    "telemetry": ["none", "opentelemetry", "prometheus"],
}
KEYS = tuple(SERVICES)
# Stacks whose own tests run in their containers, with managers other than uv: see docs/tested.md.
STACKS = (
    test_cli.TestProgramWithPoetryAndPostgresql.answers,
    test_containers.TestFlaskWithPipAndPostgresql.answers,
    test_job.TestJobWithPip.answers,
    test_job.TestJobWithPipenvAndMariadb.answers,
    test_proxy.ANSWERS,
    test_queue.TestQueue.answers,
)


def name(row: Mapping[str, str]) -> str:
    """Name a row by what it has, the framework first."""
    return "-".join(row[key] for key in KEYS if row.get(key, "none") != "none")


def met_by_managers() -> set[Values]:
    """List what a manager need not meet again: it takes minutes where uv takes seconds.

    Databases and caches bring dependencies of their own, frameworks and queues have met it.
    """
    met = set()
    for answers in STACKS:
        kept = questions.keep(answers)
        met |= meetings({key: str(kept[key]) for key in KEYS if key in kept}, 2)
    needless = {"framework", "task_queue"}
    for pair in all_meetings([SERVICES, PROGRAMS], 2) | met:
        asked = {key for key, _ in pair}
        if "dependency_manager" not in asked:
            met.discard(pair)
        elif asked & needless:
            met.add(pair)
    return met


ROWS = {name(row): row for row in covering_array([SERVICES, PROGRAMS], met=met_by_managers())}
# The last of each manager, but for those that lock for minutes: they would be compared by git.
CHECKED = {row["dependency_manager"]: name for name, row in ROWS.items()}
del CHECKED["pip"], CHECKED["pipenv"]


@pytest.fixture(scope="module")
def projects(engine: None, render: Render, pytestconfig: pytest.Config) -> dict[str, Future[Path]]:
    """Render a project from each row, and lock them ahead of their tests: that means to wait."""
    pool = ThreadPoolExecutor(max_workers=2)
    names = ROWS if pytestconfig.option.thorough else CHECKED.values()
    made = {}
    for name, version in zip(names, cycle(("3.13", "3.14")), strict=False):
        own = {
            "python_version": version,
            "project_name": "Forged Secret of the Tide's Note",
            "project_slug": stacks.own_name(),
        }
        made[name] = pool.submit(lock, render({**ROWS[name], **own}))
    return made


def lock(project: Path) -> Path:
    """Lock a project."""
    locking.lock(project)
    return project


def test_every_manager_meets_every_database_and_cache_here_or_in_a_stack() -> None:
    rows = [*ROWS.values(), *map(questions.keep, STACKS)]
    for key in ("database", "cache"):
        met = {(row["dependency_manager"], row.get(key, "none")) for row in rows}
        assert met >= {*product(MANAGERS, SERVICES[key])}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in CHECKED.values() else [pytest.mark.thorough])
        for name in ROWS
    ],
)
def test_the_checks_of_a_project_pass(
    projects: dict[str, Future[Path]], caches: str, name: str
) -> None:
    project = projects[name].result()
    database = ROWS[name]["database"]
    # Linters, types and locks of all projects have tests of their own; here some show
    # that make runs them.
    checks = "check" if name in CHECKED.values() else "test"
    variables = {**project_checks.tools(ROWS[name]["dependency_manager"]), "TARGETS": checks}
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
