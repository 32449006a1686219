"""Projects are locked by their manager's own tool, wherever that may run."""

import sys
from pathlib import Path

import pytest
import questions
import stacks
from conftest import Render

# A program that notes its arguments; as Python, it claims to be built for some platform.
PROGRAM = """#!/bin/sh
if [ "$1" = -c ]; then
  exec {python} -c 'import sys, sysconfig
sysconfig.get_config_var = lambda _: "{abi}"
exec(sys.argv[1])' "$2"
fi
case $1 in *version) exit ;; esac
echo "$(basename "$0") $*" >>{log}
exit 1
"""


@pytest.mark.parametrize("manager", questions.choices()["dependency_manager"])
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


@pytest.mark.parametrize("base", ["slim", "alpine"])
@pytest.mark.parametrize("manager", ["pip", "pipenv"])
@pytest.mark.parametrize(
    ("abi", "fitting"),
    [
        ("cpython-314-x86_64-linux-gnu", "slim"),
        ("cpython-314-aarch64-linux-musl", "alpine"),
        ("cpython-314-darwin", ""),
        ("", ""),
    ],
)
def test_a_lock_of_one_platform_is_for_that_of_the_images(
    render: Render, tmp_path: Path, bare_path: str, base: str, manager: str, abi: str, fitting: str
) -> None:
    project = render({"dependency_manager": manager, "base_image": base})
    log = tmp_path / "log"
    for name in ("docker", "pipenv", "python3.14"):
        program = tmp_path / name
        program.write_text(PROGRAM.format(python=sys.executable, abi=abi, log=log), "utf-8")
        program.chmod(0o755)
    path = f"{tmp_path}:{bare_path}"

    result = stacks.execute("sh", "scripts/lock.sh", cwd=project, PATH=path)
    here = "python3.14 -m venv " if manager == "pip" else "pipenv lock"
    assert log.read_text("utf-8").startswith(here if base == fitting else "docker build "), result
    if base != fitting:
        (tmp_path / "docker").unlink()
        result = stacks.execute("sh", "scripts/lock.sh", cwd=project, PATH=path)
        assert "Locking needs Docker or Podman, or " in result.stdout
        assert "Python 3.14 on Linux" in result.stdout
