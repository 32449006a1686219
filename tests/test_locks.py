"""Projects are locked by their manager's own tool, wherever that may run."""

from pathlib import Path

import kit
import pytest
import stacks


@pytest.mark.parametrize("manager", kit.choices()["dependency_manager"])
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
