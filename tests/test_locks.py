"""Projects are locked by their manager's own tool, wherever that may run."""

import uuid
from pathlib import Path

import kit
import pytest
import stacks
from conftest import Render

VIRTUAL_ENVIRONMENT = """
pip install --quiet --root-user-action=ignore uv && git config --global safe.directory '*' \
&& make --silent lint types lock-check test
"""


@pytest.mark.parametrize("manager", ["uv", "pip"])
def test_a_copy_succeeds_where_nothing_can_lock(
    template: Path, tmp_path: Path, bare_path: str, manager: str
) -> None:
    result = stacks.execute(
        "copier",
        *("copy", "--defaults", "--trust", f"--data=dependency_manager={manager}"),
        *(str(template), "project"),
        cwd=tmp_path,
        PATH=bare_path,
    )
    assert result.returncode == 0, result.stdout
    assert (tmp_path / "project" / "README.md").exists()
    assert "Run this in the project: make lock" in result.stdout


@pytest.mark.docker
@pytest.mark.parametrize(
    "answers",
    [
        {"database": "sqlite"},
        {"framework": "flask", "database": "none", "python_version": "3.13"},
        {"framework": "flask", "database": "postgresql", "base_image": "full"},
    ],
    ids=lambda answers: "-".join(answers.values()),
)
def test_the_checks_of_a_project_pass_in_a_virtual_environment(
    engine: None, render: Render, answers: dict[str, str]
) -> None:
    project = render({**answers, "project_slug": f"harbour-{uuid.uuid4().hex[:8]}"})
    stacks.lock(project)
    locked = (project / "uv.lock").read_text("utf-8")
    stacks.lock(project)
    assert (project / "uv.lock").read_text("utf-8") == locked, "a second lock changed it"

    (database,) = stacks.free_ports(1)
    stack = stacks.Stack(project, stacks.DEVELOPMENT, {"DATABASE_PORT": str(database)})
    setting = f"DATABASE_URL=postgresql://app:app@127.0.0.1:{database}/app"
    has_server = answers["database"] == "postgresql"
    if has_server:
        stack.compose("up", "--detach", "--wait", "database")
    version = kit.read_answers(project)["python_version"]
    run = ("run", "--rm", "--network=host", f"--volume={project}:/app", "--workdir=/app")
    variables = ("--env", setting, "--env", "UV_PYTHON_DOWNLOADS=never") if has_server else ()
    result = stacks.execute(
        "docker",
        *run,
        *variables,
        f"python:{version}-trixie",
        "bash",
        "-euc",
        VIRTUAL_ENVIRONMENT,
        cwd=project,
    )
    if has_server:
        stack.compose("down", "--volumes")
    assert result.returncode == 0, result.stdout
    assert " passed" in result.stdout
