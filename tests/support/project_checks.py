"""A project's own checks, run with a Python that has none of its dependencies."""

from pathlib import Path

import generated
import locking
import stacks

from extensions import decisions

# What is left open fails a test, or the run at its end.
STRICT = "-W error::ResourceWarning -W error::pytest.PytestUnraisableExceptionWarning"

SCRIPT = """
pip install --quiet --root-user-action=ignore $TOOLS
git config --global safe.directory '*'
make --silent $TARGETS
"""


def tools(manager: str) -> dict[str, str]:
    """Say what has to be installed before the project, and what that has to know."""
    pins = decisions.read_tools()
    tools = pins.get(manager, "uv")
    if manager == "poetry" and locking.poetry_index():
        tools += f" {locking.POETRY_MIRROR}"
    once = {"PIP_NO_COMPILE": "1", "UV_PYTHON_DOWNLOADS": "never"}  # what is installed runs once
    return {"TOOLS": tools, **once, **locking.index_settings()}


def check(project: Path, caches: str, variables: dict[str, str]) -> None:
    """Run a project's checks with a Python that has none of its dependencies."""
    version = generated.read_answers(project)["python_version"]
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
