"""A preset answers all questions but those of identity, and gives a project as clean as any."""

import re
import shutil
from pathlib import Path

import generated
import programs
import pytest
import questions
import stacks
import yaml
from conftest import Render
from repository import ROOT
from test_rendering import (  # noqa: F401  (these run here for each preset)
    test_every_file_parses,
    test_make_lists_its_targets,
    test_nothing_of_the_template_language_is_left,
    test_what_was_not_chosen_leaves_no_trace,
    test_white_space_is_tidy,
)
from updating import commit, git

PRESETS = {file.stem: file for file in generated.files(ROOT / "presets", "*.yml")}
# Who a project is, and whether to ask for the details; the e-mail only if there is an author.
IDENTITY = {
    "details",
    "project_name",
    "project_slug",
    "package_name",
    "description",
    "author_name",
    "author_email",
    "organization",
    "workspace",
}
COMMAND = re.compile(r"`\.venv/bin/(copier copy --data-file .+?)`")


@pytest.fixture(scope="module", params=PRESETS)
def preset(request: pytest.FixtureRequest) -> questions.Answers:
    """Read each preset in turn."""
    answers: questions.Answers = yaml.safe_load(PRESETS[request.param].read_text("utf-8"))
    return answers


@pytest.fixture(scope="module")
def project(preset: questions.Answers, render: Render) -> Path:
    """Render the project of a preset."""
    return render({"project_name": "Tide Tables", **preset})


@pytest.fixture(scope="module")
def clone(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Release the work tree in a repository of its own."""
    clone = tmp_path_factory.mktemp("clone") / "slipway"
    shutil.copytree(template, clone)
    shutil.copytree(ROOT / "presets", clone / "presets")
    git(clone, "init", "--quiet")
    commit(clone, "Release v99.0.0")
    git(clone, "tag", "v99.0.0")
    return clone


def test_there_is_a_preset_for_each_framework() -> None:
    presets = {name: yaml.safe_load(file.read_text("utf-8")) for name, file in PRESETS.items()}
    frameworks = {name: preset["framework"] for name, preset in presets.items()}

    assert frameworks == {"api": "fastapi", "site": "flask", "tool": "cli", "job": "job"}


def test_a_preset_answers_what_is_asked_and_nothing_else(preset: questions.Answers) -> None:
    assert questions.asked().keys() >= IDENTITY
    assert preset.keys() == questions.keep(preset).keys() - IDENTITY


def test_a_preset_says_why_it_chooses_so() -> None:
    for file in PRESETS.values():
        assert file.read_text("utf-8").startswith("# A "), file


def test_the_command_of_the_readme_makes_a_project(clone: Path, bare_path: str) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    result = run_documented(COMMAND.findall(readme)[0], clone, bare_path)

    answers = generated.read_answers(clone.parent / "tide-tables")
    preset = yaml.safe_load(PRESETS["site"].read_text("utf-8"))
    assert "Tide Tables is ready." in result
    assert "\n  make lock\n  git init --initial-branch main && " in result  # nothing could lock
    assert f"Updates come from {clone}, a folder that only this machine has:" in result
    assert {key: answers[key] for key in preset} == preset
    assert answers["project_slug"] == "tide-tables"
    assert answers["_commit"] == "v99.0.0"


@pytest.mark.parametrize("place", ["--data-file", "--defaults"])
def test_an_answer_on_the_command_line_overrides_the_preset(
    clone: Path, tmp_path: Path, bare_path: str, place: str
) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    command = COMMAND.findall(readme)[0].replace(place, f"--data cache=none {place}")
    run_documented(command.replace("../", f"{tmp_path}/"), clone, bare_path)

    answers = generated.read_answers(tmp_path / "tide-tables")
    assert (answers["cache"], answers["reverse_proxy"]) == ("none", "nginx")


def run_documented(command: str, clone: Path, path: str) -> str:
    """Run a command of the documentation in a clone, where nothing can lock dependencies."""
    script = f"{programs.tool('copier')}{command.removeprefix('copier')}"
    result = stacks.execute("bash", "-c", script, cwd=clone, PATH=path)
    assert result.returncode == 0, result.stdout
    return result.stdout
