"""Projects pass their own checks without their images, as on a developer's machine."""

import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

import kit
import pytest
import stacks
from combinations import covering_array
from conftest import Render
from stacks import Stack

pytestmark = pytest.mark.docker

MANAGERS = ["uv", "poetry", "pipenv"]
DATABASES = ["none", "sqlite", "postgresql", "mariadb"]
SERVERS = ("postgresql", "mariadb")
PROGRAMS = {"framework": ["cli", "job"], "dependency_manager": MANAGERS, "database": DATABASES}
SERVICES = {
    "framework": ["fastapi", "flask"],
    "dependency_manager": MANAGERS,
    "database": DATABASES,
    "cache": ["none", "valkey"],
    "task_queue": ["none", "celery"],
}
# pip takes minutes to lock: services that use it run their checks in test_containers.py.
PIP = [
    {"framework": framework, "dependency_manager": "pip", "database": database}
    for framework, database in (("cli", "postgresql"), ("job", "none"))
]
ROWS = covering_array([SERVICES, PROGRAMS]) + PIP
SCRIPT = """
pip install --quiet --root-user-action=ignore $TOOLS
git config --global safe.directory '*'
make --silent $TARGETS
"""


@pytest.fixture(scope="module")
def caches(engine: None) -> Iterator[str]:
    """Share what is downloaded between the projects."""
    volume = f"harbour-{uuid.uuid4().hex[:8]}"
    kit.run("docker", "volume", "create", volume)
    yield volume
    kit.run("docker", "volume", "rm", volume)


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


def tools(manager: str) -> dict[str, str]:
    """Say what has to be installed before the project, and what that has to know."""
    pins = kit.load_extension().read_tools()
    variables = {"TOOLS": pins.get(manager, "uv"), "UV_PYTHON_DOWNLOADS": "never"}
    if manager == "poetry" and stacks.poetry_index():
        variables["TOOLS"] += f" {stacks.POETRY_MIRROR}"
        variables["POETRY_PYPI_MIRROR_URL"] = stacks.poetry_index()
    return variables


def name(row: dict[str, str]) -> str:
    """Name a row by what it has, the framework first."""
    keys = ("framework", "dependency_manager", "database", "cache", "task_queue")
    return "-".join(row[key] for key in keys if row.get(key, "none") != "none")


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_the_checks_of_a_project_pass(
    projects: list[Future[Path]], caches: str, row: dict[str, str]
) -> None:
    project = projects[ROWS.index(row)].result()
    # To lock with pip once more takes minutes; test_managers.py does.
    checks = "lint types test" if row["dependency_manager"] == "pip" else "check"
    variables = {**tools(row["dependency_manager"]), "TARGETS": checks}
    if row["database"] not in SERVERS:
        check(project, caches, variables)
        return
    (port,) = stacks.free_ports(1)
    variables["DATABASE_URL"] = f"{row['database']}://app:app@127.0.0.1:{port}/app"
    stack = Stack(project, stacks.DEVELOPMENT, {"DATABASE_PORT": str(port)})
    try:
        stack.compose("up", "--detach", "--wait", "database")
        check(project, caches, variables)
    finally:
        stack.compose("down", "--volumes", "--timeout", "3")


def check(project: Path, caches: str, variables: dict[str, str]) -> None:
    """Run a project's checks with a Python that has none of its dependencies."""
    version = kit.read_answers(project)["python_version"]
    result = stacks.execute(
        "docker",
        *("run", "--rm", "--network=host", f"--volume={caches}:/root/.cache"),
        *(f"--volume={project}:/app", "--workdir=/app"),
        *(f"--env={name}={value}" for name, value in variables.items()),
        *(f"python:{version}-trixie", "bash", "-euc", SCRIPT),
        cwd=project,
    )
    assert result.returncode == 0, result.stdout[-5000:]
    assert " passed" in result.stdout
