"""Every combination, and the template itself, satisfies the linters of all its languages."""

import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import generated
import gitlab_jobs
import node_tools
import programs
import pytest
from repository import ROOT

Projects = Mapping[str, Path]

YAMLLINT = """
extends: default
rules:
  comments: {min-spaces-from-content: 1}
  document-start: disable
  indentation: {indent-sequences: consistent} # Copier indents none of its answers
  line-length: disable
  truthy: {check-keys: false}
"""
REPOSITORY = [
    "ruff check .",
    "ruff format --check .",
    "mypy",
    "hadolint .ci/Dockerfile",
    "shellcheck .ci/run .ci/cluster",
    "actionlint",
    f"zizmor {' '.join(programs.ZIZMOR)} .github",
    "check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml",
]


DEVELOPMENT = ("--file", "compose.yaml", "--file", "compose.override.yaml")
PRODUCTION = ("--file", "compose.yaml", "--file", "compose.prod.yaml")
PODMAN = ("--file", "compose.podman.yaml")
TAG = re.compile(r": !(override|reset)\b")


def matching(projects: Projects, *patterns: str) -> list[Path]:
    """List the files of all projects that match a pattern."""
    return [file for project in projects.values() for file in generated.files(project, *patterns)]


@pytest.fixture(scope="session")
def compose() -> None:
    """Skip where Docker Compose is missing, which must not happen in CI."""
    try:
        subprocess.run(["docker", "compose", "version"], check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        if os.environ.get("CI") == "true":
            pytest.fail("the Docker CLI with Compose is needed here", pytrace=False)
        pytest.skip("the Docker CLI with Compose is needed here")


@pytest.mark.parametrize("command", [("check",), ("format", "--check")], ids="-".join)
def test_ruff(projects: Projects, command: Iterable[str]) -> None:
    programs.lint("ruff", *command, "--no-cache", "--quiet", targets=projects.values())


def test_mypy(project: Path, pytestconfig: pytest.Config) -> None:
    manifest = generated.parse(project / "pyproject.toml")
    version = manifest["project"]["requires-python"].removeprefix(">=").removesuffix(",<4")
    cache = pytestconfig.cache.mkdir("mypy")
    # With relative paths the cache would take one project's tests for another's.
    targets = [project / path for path in manifest["tool"]["mypy"]["files"]]
    programs.run("mypy", "--python-version", version, "--cache-dir", cache, *targets, cwd=project)


def test_hadolint(projects: Projects) -> None:
    programs.lint("hadolint", targets=matching(projects, "**/Dockerfile*"))


def test_shellcheck(projects: Projects) -> None:
    programs.lint("shellcheck", targets=matching(projects, "**/*.sh"))


def test_actionlint(projects: Projects) -> None:
    programs.lint("actionlint", targets=matching(projects, ".github/workflows/*"))


def test_zizmor(projects: Projects) -> None:
    targets = matching(projects, ".github/dependabot.yml", ".github/workflows/*")
    programs.lint("zizmor", *programs.ZIZMOR, "--no-config", targets=targets)


def test_yamllint(projects: Projects) -> None:
    files = matching(projects, "**/*.yml", "**/*.yaml")
    targets = [
        file for file in files if file.name != ".copier-answers.yml"
    ]  # as Copier lays it out
    programs.lint("yamllint", "--strict", "--config-data", YAMLLINT, targets=targets)


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("vendor.compose-spec", "compose*.yaml"),
        ("vendor.dependabot", ".github/dependabot.yml"),
        ("vendor.github-workflows", ".github/workflows/*"),
        ("vendor.gitlab-ci", ".gitlab-ci.yml"),
        ("vendor.renovate", "renovate.json"),
    ],
)
def test_schema(projects: Projects, schema: str, pattern: str) -> None:
    # No schema knows Compose's own tags.
    targets = [
        file for file in matching(projects, pattern) if not TAG.search(file.read_text("utf-8"))
    ]
    programs.lint("check-jsonschema", "--builtin-schema", schema, targets=targets)


def test_renovate_accepts_its_configuration(projects: Projects) -> None:
    validate = (*node_tools.command("renovate", "renovate-config-validator"), "--strict")
    programs.lint(*validate, "--no-global", targets=matching(projects, "renovate.json"))


@pytest.mark.usefixtures("compose")
@pytest.mark.parametrize(
    "files",
    [(), PRODUCTION, (*DEVELOPMENT, *PODMAN), (*PRODUCTION, *PODMAN)],
    ids=["development", "production", "development in Podman", "production in Podman"],
)
def test_compose_accepts_its_files(project: Path, files: Iterable[str]) -> None:
    programs.run("docker", "compose", *files, "config", "--quiet", cwd=project)


@pytest.mark.parametrize("command", REPOSITORY)
def test_the_template_itself(command: str) -> None:
    programs.run(*command.split(), cwd=ROOT)


def test_the_yaml_of_the_template_itself() -> None:
    folders = ("", "catalogue/**/", ".github/**/")
    targets = generated.files(ROOT, *(f"{folder}*.y*ml" for folder in folders))
    programs.lint("yamllint", "--strict", "--config-data", YAMLLINT, targets=targets)


def test_gitlab_ci_local(projects: Projects, tmp_path: Path) -> None:
    found = {}
    for file in matching(projects, ".gitlab-ci.yml"):
        found[json.dumps(generated.parse(file), sort_keys=True)] = file.parent
    for number, project in enumerate(found.values()):
        folder = gitlab_jobs.only_pipeline(project, tmp_path / str(number))
        assert {"test", "image-sign"} <= gitlab_jobs.started(folder, "default branch")
