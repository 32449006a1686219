"""GitLab's jobs really run: gitlab-ci-local is the runner, docs/pipelines.md names the stand-ins.

Which jobs a pipeline has for a branch, a tag or a merge request is in test_pipeline_rules.py.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import locking
import pipeline_runs
import pytest
import questions
import repository
import stacks
import test_cli
import test_containers
import test_job
import updating
from conftest import Render
from pipeline_runs import Forge

pytestmark = pytest.mark.docker

SERVICE: questions.Answers = {**test_containers.TestFastapiWithUvAndPostgresql.answers}
PROGRAM: questions.Answers = {
    "framework": "cli",
    "license": "mit",
    "database": "none",
    "dependency_updates": "none",
}
# Other managers and databases, with projects that others lock as well
SAMPLES: Mapping[str, tuple[questions.Answers, tuple[str, ...]]] = {
    "Pipenv and MariaDB": (test_job.TestJobWithPipenvAndMariadb.answers, ("test",)),
    "Poetry": (test_cli.TestProgramWithPoetryAndPostgresql.answers, ("lint",)),
    "uv and MySQL": (test_job.TestJobWithUvAndMysql.answers, ("test",)),
}
# The projects' tests run whole in other suites.
FEW_TESTS = {"PYTEST_ADDOPTS": "--no-cov tests/test_migrations.py"}
FAILING_TEST = "def test_fails() -> None:\n    assert not __name__\n"
OPTIONS = """#!/bin/sh
env | grep '^GIT_PUSH_OPTION_[0-9]' | sort >/remotes/options
"""
REMOTE = "https://template-update:the-token@gitlab.example.com/group/harbour.git"
OLD, NEW = "v1.0.0", "v1.1.0"


@pytest.fixture(scope="class")
def forge(caches: str) -> Iterator[Forge]:
    """Start what runs pipelines."""
    with pipeline_runs.forge(caches) as made:
        yield made


def locked(render: Render, answers: questions.Answers) -> Path:
    """Render a project for GitLab and lock it."""
    project = render({**answers, "ci": "gitlab", "project_slug": stacks.own_name()})
    locking.lock(project)
    return project


@pytest.fixture(scope="class")
def service(forge: Forge, render: Render) -> str:
    """Give the project to the forge, and its base images to the engine of jobs."""
    project = locked(render, {**SERVICE, "reverse_proxy": "nginx"})
    pipeline_runs.give_to_engine(forge, project)
    return forge.take(project)


@pytest.fixture(scope="class")
def program(forge: Forge, template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the project to the forge, made from a template of which there is a newer version."""
    clone = repository.copy_template(tmp_path_factory.mktemp("releases"))
    updating.git(clone, "init", "--quiet")
    updating.release(clone, OLD)
    project = updating.copy(
        clone,
        tmp_path_factory.mktemp("program"),
        OLD,
        {**PROGRAM, "ci": "gitlab", "project_slug": stacks.own_name()},
    )
    (clone / "template" / "scripts" / "new.sh").write_text("#!/bin/sh\n", "utf-8")
    updating.release(clone, NEW)
    answers = project / ".copier-answers.yml"
    text = re.sub(r"_src_path: .*", "_src_path: /remotes/template", answers.read_text("utf-8"))
    answers.write_text(text, "utf-8")
    locking.lock(project)
    pipeline_runs.give_to_engine(forge, project)
    pipeline_runs.copy_in(forge, clone, "/remotes/template")
    folder = forge.take(project)
    forge.inside("git", "clone", "--quiet", "--bare", folder, "/remotes/harbour.git")
    forge.inside(
        "git", "-C", "/remotes/harbour.git", "config", "receive.advertisePushOptions", "true"
    )
    hook = "/remotes/harbour.git/hooks/post-receive"
    forge.inside("sh", "-euc", f"cat >{hook} <<'END'\n{OPTIONS}END\nchmod +x {hook}")
    return folder


def all_pass(*jobs: str) -> dict[str, str]:
    """Say that these jobs pass, and no other has run."""
    return dict.fromkeys(jobs, "PASS")


class TestService:
    """Everything that the default branch starts, for a service behind a proxy."""

    def test_the_checks_pass(self, forge: Forge, service: str) -> None:
        outcome = forge.run(service, "lint", "test")
        assert outcome.jobs == all_pass("lint", "test"), outcome
        assert re.search(r"\d passed", outcome.log)
        assert not re.search(r" \d+ skipped", outcome.log)

    def test_a_failing_test_and_a_stale_lock_are_refused(self, forge: Forge, service: str) -> None:
        broken = f"{service}-broken"
        forge.inside("cp", "--archive", service, broken)
        writing = f"cat >tests/test_broken.py <<'END'\n{FAILING_TEST}END\ngit add --all"
        forge.inside("sh", "-euc", writing, folder=broken)
        outcome = forge.run(broken, "test", PYTEST_ADDOPTS="--no-cov -k test_fails")
        assert outcome.jobs == {"test": "FAIL"}, outcome
        assert "1 failed" in outcome.log

        older = ("sed", "-i", "s/structlog>=[0-9.]*/structlog<1/", "pyproject.toml")
        forge.inside(*older, folder=broken)
        outcome = forge.run(broken, "lint")
        assert outcome.jobs == {"lint": "FAIL"}, outcome
        assert "needs to be updated" in outcome.log

    def test_the_audit_asks_about_every_package(self, forge: Forge, service: str) -> None:
        outcome = forge.run(service, "audit", OSV_URL=f"http://{forge.address('world')}:8001")
        assert outcome.jobs == all_pass("audit"), outcome
        assert "Found no known vulnerabilities" in outcome.log

    def test_production_runs_beside_the_job(self, forge: Forge, service: str) -> None:
        outcome = forge.run(service, "container")
        assert outcome.jobs == all_pass("container"), outcome
        assert '> {"status":"ok"}' in outcome.log

    def test_the_image_gets_its_tag_after_it_was_scanned_and_signed(
        self, forge: Forge, service: str
    ) -> None:
        name = f"{pipeline_runs.REGISTRY}/group/harbour"
        outcome = forge.run(service, "image-build")
        assert outcome.jobs == all_pass("image-build"), outcome
        assert tags(forge) == ["by-digest"]  # as the stand-in says for none
        built = f"{name}@{digest(forge, 'by-digest')}"
        commands = outcome.calls("docker")
        assert "login --username the-user --password-stdin registry:5000" in commands[0]
        (build,) = (command for command in commands if command.startswith("buildx build"))
        assert "--no-cache" not in build
        assert {"linux/amd64", "attestation-manifest"} <= parts(forge, "by-digest")

        outcome = forge.run(service, "image-scan", VULNERABLE="1")
        assert outcome.jobs == {"image-scan": "FAIL"}, outcome
        outcome = forge.run(service, "image-scan")
        assert outcome.jobs == all_pass("image-scan"), outcome
        known = ", as the-user:the-password, without .trivyignore.yaml"
        assert outcome.calls("trivy") == [
            "image --format template --template @/contrib/gitlab.tpl"
            f" --output gl-container-scanning-report.json {built}{known}",
            f"image --format cyclonedx --output gl-sbom-image.cdx.json {built}{known}",
            f"image --severity HIGH,CRITICAL --ignore-unfixed --exit-code 1 {built}{known}",
        ]

        identity = {"SIGSTORE_ID_TOKEN": "the-identity", "SSL_CERT_FILE": pipeline_runs.CERTIFICATE}
        outcome = forge.run(service, "image-sign", **identity)
        assert outcome.jobs == all_pass("image-sign"), outcome
        assert outcome.calls("cosign") == [f"sign --yes {built}"]
        assert tags(forge) == ["by-digest", "latest"]
        assert f"{name}@{digest(forge, 'latest')}" == built


@pytest.mark.thorough
class TestProgram:
    """What a tag and a schedule start for a program."""

    @pytest.mark.thorough
    def test_a_version_is_published(self, forge: Forge, program: str) -> None:
        outcome = forge.run(program, "version", "dist", source="version tag")
        assert outcome.jobs == all_pass("version", "dist"), outcome
        outcome = forge.run(
            program,
            "publish",
            source="version tag",
            UV_PUBLISH_URL="https://index:8002/legacy/",
            SSL_CERT_FILE=pipeline_runs.CERTIFICATE,
            PYPI_ID_TOKEN="the-identity-of-the-job",  # noqa: S106
        )
        assert outcome.jobs == all_pass("publish"), outcome
        files = json.loads(forge.inside("python3", "-c", READ, "https://index:8002/files"))
        assert sorted(re.sub(r"^\w+-0\.1\.0", "", file) for file in files) == [
            "-py3-none-any.whl",
            ".tar.gz",
        ]

    def test_a_tag_that_is_not_the_version_is_refused(self, forge: Forge, program: str) -> None:
        outcome = forge.run(program, "version", source="version tag", CI_COMMIT_TAG="v9.9.9")
        assert outcome.jobs == {"version": "FAIL"}, outcome

    def test_an_update_of_the_template_becomes_a_merge_request(
        self, forge: Forge, program: str
    ) -> None:
        outcome = forge.run(program, "template-update", source="schedule")
        assert outcome.jobs == all_pass("template-update"), outcome
        known = {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "url./remotes/harbour.git.insteadOf",
            "GIT_CONFIG_VALUE_0": REMOTE,
        }
        outcome = forge.run(program, "template-update-request", source="schedule", **known)
        assert outcome.jobs == {"template-update-request": "FAIL"}, outcome
        assert "There is a newer template: set the variable" in outcome.log

        token = {"TEMPLATE_UPDATE_TOKEN": "the-token"}
        outcome = forge.run(program, "template-update-request", source="schedule", **known, **token)
        assert outcome.jobs == all_pass("template-update-request"), outcome
        git = ("git", "-C", "/remotes/harbour.git")
        changed = forge.inside(*git, "diff", "--name-only", "main", "template-update")
        assert "scripts/new.sh" in changed
        options = forge.inside("cat", "/remotes/options")
        assert f"=merge_request.title=Update the template to {NEW}\n" in options
        assert r"## Checks\n\n`make check` passed.\n" in options


@pytest.mark.thorough
class TestSamples:
    """The checks with other managers and databases."""

    @pytest.mark.parametrize("name", SAMPLES)
    def test_the_checks_pass(self, forge: Forge, render: Render, name: str) -> None:
        answers, jobs = SAMPLES[name]
        outcome = forge.run(forge.take(locked(render, answers)), *jobs, **FEW_TESTS)
        assert outcome.jobs == all_pass(*jobs), outcome
        assert bool(re.search(r"\d passed", outcome.log)) == ("test" in jobs)


READ = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())"
MANIFESTS = """
import sys, urllib.request as r
url = "https://registry:5000/v2/group/harbour/manifests/" + sys.argv[1]
accept = {"Accept": "application/vnd.oci.image.index.v1+json"}
answer = r.urlopen(r.Request(url, headers=accept))
print(answer.headers["Docker-Content-Digest"])
print(answer.read().decode())
"""


def manifest(forge: Forge, tag: str) -> tuple[str, Any]:
    """Find the digest of a tag, and what it names."""
    digest, _, text = forge.inside("python3", "-c", MANIFESTS, tag).partition("\n")
    return digest, json.loads(text)


def digest(forge: Forge, tag: str) -> str:
    """Find the digest of a tag in the registry."""
    return manifest(forge, tag)[0]


def parts(forge: Forge, tag: str) -> set[str]:
    """Name the platforms of an image, and what is attached to it."""
    return {
        entry.get("annotations", {}).get("vnd.docker.reference.type")
        or "{os}/{architecture}".format(**entry["platform"])
        for entry in manifest(forge, tag)[1]["manifests"]
    }


def tags(forge: Forge) -> list[str]:
    """List the tags of the image in the registry."""
    url = f"https://{pipeline_runs.REGISTRY}/v2/group/harbour/tags/list"
    found: list[str] = json.loads(forge.inside("python3", "-c", READ, url))["tags"]
    return sorted(found)
