"""Updates of a fleet that share their work come to what each of them comes to alone."""

import shutil
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import copier
import generated
import pytest
import questions
import updating
from repository import ROOT
from updating import git

from slipway.fleet.sharing import share_compiled
from slipway.fleet.survey import read_answers, try_update
from slipway.fleet.template import Template

sys.path.insert(0, str(ROOT / "tasks"))

import rendering

OLDEST = "v0.1.0"
FLASK = {"framework": "flask", "dependency_manager": "pip", "database": "sqlite"}
PROJECTS: Mapping[str, tuple[str, questions.Answers]] = {
    "first": (OLDEST, {}),
    "conflicting": (OLDEST, {}),
    "other-name": (OLDEST, {"project_name": "Berths"}),
    "other-answers": (OLDEST, FLASK),
    "other-version": ("v0.2.0", {}),
}
NEWS = "\n[*.md]\nmax_line_length = off\n"
ANOTHER = ".copier-answers.slipway.yml"
EXTENSION = """
from jinja2.ext import Extension


class Version(Extension):
    def __init__(self, environment):
        super().__init__(environment)
        environment.filters["version"] = lambda text: text + "{}"
"""
COPIER_YML = """
_subdirectory: template
_jinja_extensions: [copier_template_extensions.TemplateExtensionLoader, "extension.py:Version"]
name: {type: str, default: harbour}
"""
YIELDS = "{% yield part from ['a', 'b'] %}{{ part }}{% endyield %}.txt.jinja"

Updated = tuple[list[str], Mapping[str, bytes], str]


class Fleet(NamedTuple):
    """A template with releases, and projects that are behind."""

    template: Template
    projects: Mapping[str, Path]

    def update(self, folder: Path, begin: Callable[[], None] | None) -> Mapping[str, Updated]:
        """Update copies of all projects in one process: conflicts, files and git's index."""
        results = {}
        with ProcessPoolExecutor(1, get_context("spawn"), begin) as process:
            for name, project in self.projects.items():
                clone = shutil.copytree(project, folder / name)
                found, answers = read_answers(clone, self.template)
                update = process.submit(try_update, clone, found, answers, self.template)
                conflicts = update.result()
                files = {
                    file.relative_to(clone).as_posix(): file.read_bytes()
                    for file in generated.files(clone)
                    if ".git" not in file.relative_to(clone).parts
                }
                results[name] = (conflicts, files, git(clone, "ls-files", "--stage"))
        return results


@pytest.fixture(scope="module")
def fleet(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """Make projects of equal and of different versions and answers, some edited."""
    folder = tmp_path_factory.mktemp("fleet")
    releases = updating.clone_with_releases(template, folder / "releases")
    with (releases / "template" / ".editorconfig").open("a", encoding="utf-8") as file:
        file.write(NEWS)
    updating.release(releases)
    projects = {}
    for name, (version, answers) in PROJECTS.items():
        project = projects[name] = updating.copy(releases, folder / name, version, answers)
        if name == "conflicting":
            with (project / ".editorconfig").open("a", encoding="utf-8") as settings:
                settings.write("\n[*.txt]\nmax_line_length = 80\n")
    moved = projects["other-file"] = shutil.copytree(projects["first"], folder / "other-file")
    (moved / ".copier-answers.yml").rename(moved / ANOTHER)
    for project in projects.values():
        git(project, "init", "--quiet")
        updating.commit(project, "Start")
    return Fleet(Template.fetch(str(releases), folder / "mirror.git"), projects)


def test_what_is_shared_changes_no_update(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH")  # which lets tests share what is compiled as well
    alone = fleet.update(tmp_path / "alone", None)
    renderings = tmp_path / "renderings"
    renderings.mkdir()
    monkeypatch.setenv("UPDATE_RENDERINGS", str(renderings))
    assert fleet.update(tmp_path / "together", share_compiled) == alone
    assert {name: conflicts for name, (conflicts, *_) in alone.items() if conflicts} == {
        "conflicting": [".editorconfig"]
    }


def test_equal_projects_share_a_rendering(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is added to the rendering for the first project reaches the second one."""
    renderings = tmp_path / "renderings"
    renderings.mkdir()
    monkeypatch.setenv("UPDATE_RENDERINGS", str(renderings))
    first, second = (
        fleet._replace(projects={n: fleet.projects[n]}) for n in ("first", "conflicting")
    )
    assert "added.txt" not in first.update(tmp_path, share_compiled)["first"][1]
    for file in renderings.glob("*/.editorconfig"):
        if NEWS in file.read_text("utf-8"):
            file.with_name("added.txt").touch()
    assert "added.txt" in second.update(tmp_path, share_compiled)["conflicting"][1]


def test_a_folder_that_is_full_gets_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared, own = tmp_path / "shared", tmp_path / "own"
    shared.mkdir()
    own.mkdir()
    monkeypatch.setenv("UPDATE_RENDERINGS", str(shared))
    monkeypatch.setattr(rendering, "MOST", 1)
    monkeypatch.setattr(rendering, "render", lambda *_: None)
    version = rendering.Version(ROOT, "HEAD", own)
    first, second = (version.render({"project_name": name}, ANOTHER) for name in ("one", "two"))
    assert (first.parent, second.parent) == (shared, own)
    assert version.render({"project_name": "one"}, ANOTHER) == first


def render(template: Path, folder: Path) -> list[Mapping[str, str]]:
    """Render both versions of a template, twice and in turn."""
    results: list[Mapping[str, str]] = []
    for turn in range(2):
        for version in ("v1", "v2"):
            project = folder / f"{version}-{turn}"
            copier.run_copy(
                str(template), project, vcs_ref=version, defaults=True, quiet=True, unsafe=True
            )
            results.append({file.name: file.read_text("utf-8") for file in project.iterdir()})
    return results


def test_versions_do_not_share_what_is_compiled(tmp_path: Path) -> None:
    """Jinja applies filters to constants when it compiles, so equal texts are not equal code."""
    template = tmp_path / "template"
    (template / "template").mkdir(parents=True)
    git(template, "init", "--quiet")
    (template / "copier.yml").write_text(COPIER_YML, "utf-8")
    (template / "template" / "version.txt.jinja").write_text("{{ 'This is v' | version }}")
    (template / "template" / YIELDS).write_text("{{ part }}")
    for number in ("1", "2"):
        (template / "extension.py").write_text(EXTENSION.format(number), "utf-8")
        updating.commit(template, f"Release v{number}")
        git(template, "tag", f"v{number}")
    with ProcessPoolExecutor(1, get_context("spawn"), share_compiled) as process:
        rendered = process.submit(render, template, tmp_path / "projects").result()
    assert rendered == 2 * [
        {"version.txt": f"This is v{number}", "a.txt": "a", "b.txt": "b"} for number in ("1", "2")
    ]
