"""Each preset is rendered into a repository of its own, with a commit for each release."""

import shutil
import sys
from pathlib import Path

import generated
import pytest
import stacks
import updating
import yaml
from repository import ROOT
from updating import NEWEST, Renderings, git

NEXT = "v99.1.0"
PRESETS = sorted(file.stem for file in (ROOT / "presets").glob("*.yml"))


@pytest.fixture
def releases(project_of: Renderings, tmp_path: Path) -> Path:
    """Release the template twice."""
    clone = tmp_path / "template"
    shutil.copytree(project_of.template, clone)
    page = clone / "template" / "SECURITY.md.jinja"
    page.write_text(f"{page.read_text('utf-8')}\nA sentence of the next release.\n", "utf-8")
    updating.release(clone, NEXT)
    return clone


def test_a_repository_shows_what_each_release_changed(
    releases: Path, tmp_path: Path, bare_path: str
) -> None:
    for preset in PRESETS:
        git(tmp_path, "init", "--quiet", "--bare", f"example-{preset}")
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\nname = Ada\nemail = ada@example.com\n", "utf-8")

    for version in (NEWEST, NEXT, NEXT):
        result = stacks.execute(
            *(sys.executable, "-m", "tools.examples", f"{tmp_path}/example-", version),
            *("--source", str(releases)),
            cwd=ROOT,
            PATH=bare_path,
            HOME=str(home),
        )
        assert result.returncode == 0, result.stdout

    for preset in PRESETS:
        project = tmp_path / preset
        git(tmp_path, "clone", "--quiet", "--branch=main", f"example-{preset}", preset)
        assert (
            git(project, "log", "--format=%s %D").splitlines()[0].startswith(f"Take Slipway {NEXT}")
        )
        assert git(project, "tag").split() == [NEWEST, NEXT]
        assert git(project, "branch", "--show-current").strip() == "main"
        changed = git(project, "diff", "--name-only", NEWEST, NEXT).split()
        assert changed == [".copier-answers.yml", "SECURITY.md"]
        answers = yaml.safe_load((ROOT / "presets" / f"{preset}.yml").read_text("utf-8"))
        assert answers.items() <= generated.read_answers(project).items()


def test_the_workflow_may_write_to_a_repository_for_each_preset() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "examples.yml").read_text("utf-8"))
    (token,) = (
        step["with"]
        for step in workflow["jobs"]["publish"]["steps"]
        if "with" in step and "owner" in step["with"]
    )
    assert token["repositories"].split(",") == [f"example-{preset}" for preset in PRESETS]
