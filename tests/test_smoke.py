"""A user makes a project of each framework, is refused a wrong answer, and updates.

The pattern for the tests of a fork: pytest-copie copies and updates, in a line each.
"""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import generated
import plumbum
import pytest
import questions
import repository
import updating
from pytest_copie.plugin import Copie, Result
from updating import commit, git

Copy = Callable[..., Result]


@pytest.fixture
def copy(copie: Copie, template: Path, bare_path: str) -> Iterator[Copy]:
    """Copy the template where nothing can lock."""

    def copy(template: Path = template, **answers: Any) -> Result:
        return copie.copy(answers, template)

    with plumbum.local.env(PATH=bare_path):
        yield copy


@pytest.mark.parametrize("framework", questions.choices()["framework"])
def test_each_framework_makes_a_project(
    framework: str, copy: Copy, capfd: pytest.CaptureFixture[str]
) -> None:
    result = copy(framework=framework, project_name="Tide Tables")

    assert (result.exit_code, result.exception) == (0, None)
    assert result.project_dir
    assert "make lock" in capfd.readouterr().err
    assert generated.read_answers(result.project_dir)["framework"] == framework
    assert "# Tide Tables\n" in (result.project_dir / "README.md").read_text("utf-8")
    modules = list((result.project_dir / "src" / "tide_tables").rglob("*.py"))
    assert modules
    for module in modules:
        ast.parse(module.read_text("utf-8"))


def test_an_answer_that_is_no_choice_is_refused(copy: Copy) -> None:
    result = copy(database="oracle")
    assert result.exit_code == -1
    assert "oracle" in str(result.exception)
    assert result.project_dir is None


def test_a_misspelt_question_is_refused(copy: Copy) -> None:
    result = copy(databse="sqlite")
    assert result.exit_code == -1
    assert str(result.exception) == "No question is called databse: did you mean database?"
    assert result.project_dir is None


def test_an_update_brings_what_is_new_and_keeps_what_was_edited(
    copy: Copy, copie: Copie, tmp_path: Path
) -> None:
    template = repository.copy_template(tmp_path / "template")
    git(template, "init", "--quiet")
    updating.release(template, "v1.0.0")
    result = copy(template, database="none")
    assert result.project_dir
    with (result.project_dir / "README.md").open("a", encoding="utf-8") as readme:
        readme.write("\n## Tides\n")
    git(result.project_dir, "init", "--quiet")
    commit(result.project_dir, "Start")
    with (template / "template" / ".editorconfig").open("a", encoding="utf-8") as file:
        file.write("\n[*.md]\nmax_line_length = off\n")
    updating.release(template, "v1.1.0")

    updated = copie.update(result, vcs_ref="v1.1.0")

    assert (updated.exit_code, updated.exception) == (0, None)
    assert generated.read_answers(result.project_dir)["_commit"] == "v1.1.0"
    assert updating.conflicts_in(result.project_dir) == []
    assert "[*.md]\n" in (result.project_dir / ".editorconfig").read_text("utf-8")
    assert (result.project_dir / "README.md").read_text("utf-8").endswith("\n## Tides\n")
