"""An organisation's defaults and its trust are set once, in Copier's settings file."""

import shutil
from collections.abc import Callable
from pathlib import Path

import generated
import pytest
import questions
import stacks
import yaml
from repository import ROOT
from updating import commit, git

DEFAULTS: questions.Answers = {"organization": "Example Ltd", "ci": "gitlab", "license": "mit"}
UNSAFE = "Template uses potentially unsafe feature"

Copier = Callable[..., tuple[int, str]]


@pytest.fixture
def organisation(template: Path, tmp_path: Path) -> Path:
    """Make the folder of an organisation, whose settings speak of the template in it."""
    folder = tmp_path / "example-org"
    shutil.copytree(template, folder / "slipway")
    git(folder / "slipway", "init", "--quiet")
    release(folder / "slipway", "v98.0.0")
    set_once(folder, trust=f"{folder}/", defaults=DEFAULTS)
    return folder


@pytest.fixture
def run_copier(organisation: Path, bare_path: str) -> Copier:
    """Run Copier with the settings of the organisation; return its exit code and what it says."""

    def run(*arguments: str, folder: Path = organisation) -> tuple[int, str]:
        settings = str(organisation / "settings.yml")
        result = stacks.execute(
            "copier", *arguments, cwd=folder, PATH=bare_path, COPIER_SETTINGS_PATH=settings
        )
        return result.returncode, result.stdout

    return run


def test_a_project_is_made_and_updated_by_settings_alone(
    organisation: Path, run_copier: Copier
) -> None:
    template, project = organisation / "slipway", organisation / "project"
    status, said = run_copier("copy", "--defaults", str(template), "project")
    assert status == 0, said
    made = generated.read_answers(project)
    assert {key: made[key] for key in DEFAULTS} == DEFAULTS
    assert made["dependency_updates"] == "renovate"  # follows from the organisation's default

    git(project, "init", "--quiet")
    commit(project, "Start")
    release(template, "v99.0.0")
    set_once(organisation, trust=f"{organisation}/", defaults={"license": "apache-2.0"})
    status, said = run_copier("update", "--defaults", folder=project)
    assert status == 0, said
    assert generated.read_answers(project) == {
        **made,
        "_commit": "v99.0.0",
    }  # answers go before defaults


def test_a_preset_goes_before_the_settings(organisation: Path, run_copier: Copier) -> None:
    preset = str(ROOT / "presets" / "tool.yml")
    template = str(organisation / "slipway")
    status, said = run_copier("copy", "--defaults", "--data-file", preset, template, "project")

    assert status == 0, said
    answers = generated.read_answers(organisation / "project")
    assert (answers["organization"], answers["ci"]) == ("Example Ltd", "github")


def test_a_preset_with_an_unknown_key_is_refused(organisation: Path, run_copier: Copier) -> None:
    preset = organisation / "house.yml"
    preset.write_text("frame_work: flask\n", "utf-8")
    template = str(organisation / "slipway")
    status, said = run_copier("copy", "--defaults", "--data-file", str(preset), template, "project")

    assert status == 1
    assert "No question is called frame_work: did you mean framework?" in said
    assert not (organisation / "project").exists()


@pytest.mark.parametrize("trust", ["{folder}", "{folder}/slip", "{folder}/slipway/"])
def test_a_template_that_is_not_trusted_is_refused(
    organisation: Path, run_copier: Copier, trust: str
) -> None:
    set_once(organisation, trust=trust.format(folder=organisation), defaults=DEFAULTS)
    status, said = run_copier("copy", "--defaults", str(organisation / "slipway"), "project")

    assert status == 4
    assert UNSAFE in said
    assert not (organisation / "project").exists()


def test_an_update_from_a_template_that_is_not_trusted_changes_nothing(
    organisation: Path, run_copier: Copier
) -> None:
    template, project = organisation / "slipway", organisation / "project"
    run_copier("copy", "--defaults", str(template), "project")
    git(project, "init", "--quiet")
    commit(project, "Start")
    release(template, "v99.0.0")
    set_once(organisation, trust="gh:example-org/", defaults=DEFAULTS)
    status, said = run_copier("update", "--defaults", folder=project)

    assert status == 4
    assert UNSAFE in said
    assert git(project, "status", "--porcelain") == ""

    status, said = run_copier("check-update", "--quiet", folder=project)
    assert (status, said) == (2, "")  # this renders nothing, and needs no trust


def release(template: Path, version: str) -> None:
    """Release the template with a line more."""
    editor = template / "template" / ".editorconfig"
    editor.write_text(f"{editor.read_text('utf-8')}\n# {version}\n", "utf-8")
    commit(template, f"Release {version}")
    git(template, "tag", version)


def set_once(folder: Path, trust: str, defaults: questions.Answers) -> None:
    """Write Copier's settings file."""
    settings = yaml.safe_dump({"trust": [trust], "defaults": dict(defaults)})
    (folder / "settings.yml").write_text(settings, "utf-8")
