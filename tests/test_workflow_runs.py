"""Workflows run: what passes goes on, and what must stop a run stops it.

docs/pipelines.md says what stands in for the forge.
"""

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import generated
import locking
import pytest
import questions
import registries
import repository
import stacks
import updating
import workflow_runs
from adoption import adopt, copy_application
from conftest import Render
from repository import ROOT
from workflow_runs import REPOSITORY, WORKFLOWS, Forge, Outcome

pytestmark = pytest.mark.docker

PYTHON = "3.14"
PULL_REQUEST = "refs/pull/7/merge"
CHECKS = {"lint", "test", "image"}
PUSHING = {"build", "scan", "sign"}  # the jobs of image.yml
# What only has to pass so that the rest goes on; the project's tests run whole in other suites.
FEW_TESTS = {"PYTEST_ADDOPTS": "--no-cov tests/test_migrations.py"}


class Runs:
    """A project on a forge of its own, with a registry."""

    answers: ClassVar[questions.Answers]

    @pytest.fixture(scope="class")
    @classmethod
    def registry(cls, engine: None) -> Iterator[str]:
        with registries.registry() as address:
            yield address

    @pytest.fixture(scope="class")
    @classmethod
    def project(cls, engine: None, render: Render) -> Path:
        project = render({**cls.answers, "project_slug": stacks.own_name()})
        locking.lock(project)
        return project

    @pytest.fixture(scope="class")
    @classmethod
    def forge(
        cls, project: Path, registry: str, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Forge]:
        folder = tmp_path_factory.mktemp("forge")
        with workflow_runs.forge(folder, project, PYTHON, registry) as forge:
            yield forge


@pytest.mark.thorough
class TestPullRequestFromAFork(Runs):
    """FastAPI, uv and MySQL behind nginx."""

    answers: ClassVar[questions.Answers] = {"database": "mysql", "reverse_proxy": "nginx"}

    def test_it_is_checked_and_pushes_nothing(self, forge: Forge, registry: str) -> None:
        outcome = forge.run("ci.yml", "pull_request", ref=PULL_REQUEST)

        assert outcome.jobs.keys() == CHECKS, outcome
        assert outcome.passed == CHECKS, outcome
        assert not outcome.calls("docker/login-action")
        assert registries.tags(registry, REPOSITORY) == []


@pytest.mark.thorough
class TestFailingTest(Runs):
    """A job with pip, which compares its locks by making them again, and has few packages here."""

    answers: ClassVar[questions.Answers] = {
        "framework": "job",
        "dependency_manager": "pip",
        "database": "none",
    }

    def test_it_stops_the_image(self, forge: Forge, registry: str) -> None:
        test = forge.project / "tests" / "test_planted.py"
        test.write_text('"""Fails."""\n\n\ndef test_planted() -> None:\n    assert not "planted"\n')

        outcome = forge.run("ci.yml")

        assert outcome.failures == {"test": ["make test"]}, outcome
        assert re.search(r"1 failed, \d+ passed", outcome.log), outcome
        assert outcome.passed == {"lint", "image"}, outcome
        assert outcome.jobs.keys() == CHECKS
        assert registries.tags(registry, REPOSITORY) == []


@pytest.mark.thorough
class TestVulnerableImage(Runs):
    """A job with Pipenv and MariaDB."""

    answers: ClassVar[questions.Answers] = {
        "framework": "job",
        "dependency_manager": "pipenv",
        "database": "mariadb",
    }

    def test_the_weekly_image_gets_no_tag(self, forge: Forge, registry: str) -> None:
        environment = {**FEW_TESTS, "PLANTED": "a vulnerability"}
        outcome = forge.run("ci.yml", "schedule", environment=environment)

        assert outcome.failures.keys() == {"scan"}, outcome
        # The upload may fail, as here, and the job goes on.
        upload, refusal = outcome.failures["scan"]
        assert upload.startswith('Show it under "Security"')
        assert refusal == "Refuse what is severe and has a fix"
        assert outcome.passed == {*CHECKS, "build"}, outcome
        assert "sign" not in outcome.jobs
        assert not outcome.calls("cosign")
        assert registries.tags(registry, REPOSITORY) == []
        assert [
            call["inputs"]["no-cache"] for call in outcome.calls("docker/build-push-action")
        ] == [
            "false",
            "true",
        ]


class TestTag(Runs):
    """Flask with Poetry, SQLite and a cache."""

    answers: ClassVar[questions.Answers] = {
        "framework": "flask",
        "cache": "redis",
        "dependency_manager": "poetry",
        "database": "sqlite",
    }

    def test_it_tags_the_image_once_that_is_signed(self, forge: Forge, registry: str) -> None:
        outcome = forge.run("tag.yml", ref="refs/tags/v0.1.0", environment=FEW_TESTS)

        assert outcome.passed == outcome.jobs.keys() == CHECKS | PUSHING, outcome
        assert registries.tags(registry, REPOSITORY) == ["0.1.0"]
        assert_signed(outcome, registry, "0.1.0")


@pytest.mark.thorough
class TestProgram(Runs):
    """A program with uv and PostgreSQL."""

    answers: ClassVar[questions.Answers] = {"framework": "cli", "license": "mit"}

    def test_what_is_released_is_published(self, forge: Forge) -> None:
        outcome = forge.run("publish.yml", "release", ref="refs/tags/v0.1.0")

        assert outcome.passed == outcome.jobs.keys() == {"test", "build", "publish"}, outcome
        slug = forge.environment["SLUG"].replace("-", "_")
        assert (outcome.records / "published").read_text("utf-8").split() == [
            f"{slug}-0.1.0-py3-none-any.whl",
            f"{slug}-0.1.0.tar.gz",
        ]

    def test_a_stale_lock_stops_everything(self, forge: Forge, registry: str) -> None:
        manifest = forge.project / "pyproject.toml"
        text = manifest.read_text("utf-8")
        stale = text.replace("dependencies = [", 'dependencies = [\n    "humanize",', 1)
        manifest.write_text(stale, "utf-8")

        outcome = forge.run("ci.yml")

        assert outcome.failures == {
            "lint": ["make lint"],
            "test": ["make test"],
            "image": ["docker/build-push-action"],
        }, outcome
        assert outcome.log.count("uv.lock` needs to be updated") >= 3, outcome
        assert outcome.jobs.keys() == CHECKS
        assert registries.tags(registry, REPOSITORY) == []


@pytest.mark.thorough
class TestAdopted(Runs):
    """An application with a layout of its own."""

    @pytest.fixture(scope="class")
    @classmethod
    def project(
        cls, engine: None, template: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> Path:
        project = copy_application("page", tmp_path_factory.mktemp("adopted"))
        adopt(template, project, f"--data=project_slug={stacks.own_name()}", "--data=ci=github")
        locking.lock_anew(project)
        return project

    def test_what_passed_becomes_the_newest_image(self, forge: Forge, registry: str) -> None:
        outcome = forge.run("ci.yml")

        assert outcome.passed == outcome.jobs.keys() == {"test", "image"} | PUSHING, outcome
        assert registries.tags(registry, REPOSITORY) == ["latest"]
        assert_signed(outcome, registry, "latest")


class TestTemplateUpdate:
    """A newer version of the template, in the job that runs it and in the one that may push."""

    @pytest.fixture(scope="class")
    @classmethod
    def releases(
        cls, engine: None, template: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> Path:
        """Release the template twice: the second time with one more script."""
        clone = repository.copy_template(tmp_path_factory.mktemp("releases"))
        updating.git(clone, "init", "--quiet")
        (clone / "CHANGELOG.md").write_text("# Changelog\n\n## [1.0.0] - 2026-11-20\n", "utf-8")
        updating.commit(clone, "Release v1.0.0")
        updating.git(clone, "tag", "v1.0.0")
        (clone / "template" / "scripts" / "new.sh").write_text("#!/bin/sh\n", "utf-8")
        updating.commit(clone, "Release v1.1.0")
        updating.git(clone, "tag", "v1.1.0")
        return clone

    def test_it_arrives_as_a_pull_request(
        self, releases: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        answers = {"framework": "cli", "database": "none", "project_slug": stacks.own_name()}
        project = updating.copy(releases, tmp_path_factory.mktemp("old"), "v1.0.0", answers)
        locking.lock(project)
        folder = tmp_path_factory.mktemp("forge")

        with workflow_runs.forge(folder, project, PYTHON, seen=[releases]) as forge:
            secrets = {"TEMPLATE_UPDATE_TOKEN": "a-token-of-its-own"}
            outcome = forge.run("template-update.yml", "workflow_dispatch", secrets=secrets)

            assert outcome.passed == outcome.jobs.keys() == {"update", "propose"}, outcome
            changes = updating.git(forge.origin, "diff", "--name-only", "main", "template-update")
            assert changes.split() == [".copier-answers.yml", "scripts/new.sh"]
            asked = [call["arguments"] for call in outcome.calls("gh")]
            assert [words[:2] for words in asked] == [
                ["auth", "setup-git"],
                ["pr", "list"],
                ["pr", "create"],
            ]
            description = (outcome.records / "template-update.md").read_text("utf-8")
            assert "`make check` passed." in description


# What stands in for the template's tests, which would be these.
OWN_TEST = """
import pytest


@pytest.mark.docker
def test_in_containers():
    assert True


def test_without_containers():
    assert True
"""
OPTIONS = """
def pytest_addoption(parser):
    parser.addoption("--thorough", action="store_true")
"""
OWN_FILES: Mapping[str, str] = {
    "requirements/testing.txt": "pytest\n",
    "tests/test_small.py": OWN_TEST,
    "tests/conftest.py": OPTIONS,
    "pytest.ini": "[pytest]\nmarkers = docker: needs a Docker Engine\ntestpaths = tests\n",
    "tools/taken_names.py": "",  # it would resolve every requirement
    ".ci/Dockerfile": "FROM scratch\nCOPY Dockerfile /actionlint\n",  # the image has no stand-in
    "docs/changes/1.added.md": "Something.\n",
}
OWN_PARTS = (
    ".github/workflows",
    "CHANGELOG.md",
    "catalogue/requirements/tool",
    "docs/changes/README.md",
    "pyproject.toml",
    "requirements/copier.txt",
    "requirements/releasing.txt",
    "tools/release.py",
)


class TestTemplatesOwn:
    """The workflows of the template itself, with one short test in place of all."""

    @pytest.fixture(scope="class")
    @classmethod
    def forge(cls, engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forge]:
        project = tmp_path_factory.mktemp("template")
        for part in OWN_PARTS:
            source, target = ROOT / part, project / part
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, target)
        for path, text in OWN_FILES.items():
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_text(text, "utf-8")
        (project / ".copier-answers.yml").write_text(
            f"project_slug: {stacks.own_name()}\n", "utf-8"
        )
        for file in generated.files(project, f"{WORKFLOWS}/*.yml"):
            text = file.read_text("utf-8").replace('version: "3.11"', f'version: "{PYTHON}"')
            # The jobs of a matrix would begin with one workspace.
            file.write_text(text.replace("strategy:", "strategy:\n      max-parallel: 1"), "utf-8")
        with workflow_runs.forge(tmp_path_factory.mktemp("forge"), project, PYTHON) as forge:
            yield forge

    def test_a_release_is_tagged_signed_and_published(self, forge: Forge) -> None:
        outcome = forge.run(
            "release.yml", "workflow_dispatch", payload={"inputs": {"version": "98.0.0"}}
        )

        # The last one would publish examples, if there were a GitHub App that may.
        expected = {"check", "names", "part", "test", "sbom", "release", "publish"}
        assert outcome.passed == outcome.jobs.keys() == expected, outcome
        assert updating.git(forge.origin, "tag") == "v98.0.0\n"
        subject = updating.git(forge.origin, "log", "-1", "--format=%s", "main").strip()
        assert subject == "Release v98.0.0"
        (create,) = [
            call["arguments"]
            for call in outcome.calls("gh")
            if call["arguments"][:2] == ["release", "create"]
        ]
        assert [Path(name).name for name in create if "/dist/" in name] == [
            "slipway-98.0.0.tar",
            "slipway-98.0.0.tar.sigstore.json",
            "slipway.cdx.json",
            "slipway.cdx.json.sigstore.json",
        ]
        assert "- Something." in (outcome.records / "notes.md").read_text("utf-8")

    def test_a_failing_test_stops_the_release(self, forge: Forge) -> None:
        test = forge.project / "tests" / "test_small.py"
        test.write_text(OWN_TEST.replace("True", "False", 1), "utf-8")

        pushed = {"head_commit": {"message": "Release v99.0.0"}}
        outcome = forge.run("release.yml", "push", payload=pushed)

        assert outcome.failures["part"] == ["Run the tests"], outcome
        assert outcome.failures["test"] == ["Need every part"], outcome
        assert outcome.jobs.keys() == {"check", "names", "part", "test"}
        assert "v99.0.0" not in updating.git(forge.origin, "tag")

    def test_without_a_token_there_is_no_report_on_a_fleet(self, forge: Forge) -> None:
        outcome = forge.run("fleet.yml", "schedule")

        assert outcome.passed == outcome.jobs.keys() == {"list"}, outcome
        assert not outcome.calls("gh")

    def test_a_version_that_is_not_newer_stops_it_at_once(self, forge: Forge) -> None:
        outcome = forge.run(
            "release.yml", "workflow_dispatch", payload={"inputs": {"version": "0.0.1"}}
        )

        assert outcome.failures == {"check": ["Check that the version can be released"]}, outcome
        assert outcome.jobs.keys() == {"check"}


def assert_signed(outcome: Outcome, registry: str, tag: str) -> None:
    """Check that what has the tag was scanned and then signed, and says what it was made from."""
    image = f"{registry}/{REPOSITORY}@{registries.digest(registry, REPOSITORY, tag)}"
    assert [call["inputs"]["image-ref"] for call in outcome.calls("aquasecurity/trivy-action")] == [
        image,
        image,
    ]
    assert [call["arguments"] for call in outcome.calls("cosign")] == [["sign", "--yes", image]]
