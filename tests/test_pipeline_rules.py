"""GitLab starts the jobs that the README promises, as GitHub does, and one that fails stops others.

The real jobs run in test_pipeline_jobs.py.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import generated
import gitlab_jobs
import pytest
import questions
from conftest import Render

CHECKS = {"lint", "test", "audit", "container"}
IMAGE = {"image-build", "image-scan", "image-sign"}
UPDATE = {"template-update", "template-update-request"}
ANALYSIS = {"semgrep-sast"}
RELEASE = {"dist", "publish"}
# For each kind of project: what it has of these
KINDS: Mapping[str, questions.Answers] = {
    "service": {"dependency_updates": "none"},
    "program": {"framework": "cli", "license": "mit", "dependency_updates": "none"},
    "job with Renovate": {"framework": "job", "dependency_updates": "renovate"},
    "adopted": {"own_files": ["app.py", "pyproject.toml"], "entry_point": "app:app"},
}
# GitHub's names for the same jobs
SAME = {
    "ci": {"lint": {"lint"}, "test": {"test"}, "image": {"container"}, "push-image": IMAGE},
    "audit": {"audit": {"audit"}},
    "codeql": {"analyze": ANALYSIS},
    "template-update": {"update": {"template-update"}, "propose": {"template-update-request"}},
}
# Who has all jobs between them
WITH_ALL_JOBS = pytest.mark.parametrize("kind", ["program", "adopted"], indirect=True)
EVENTS = {"default branch": "push", "merge request": "pull_request", "schedule": "schedule"}


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Name each kind of project in turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def pipeline(kind: str, render: Render, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a repository with the pipeline of a kind of project."""
    project = render({"ci": "gitlab", **KINDS[kind]})
    return gitlab_jobs.only_pipeline(project, tmp_path_factory.mktemp("pipeline"))


@pytest.fixture(scope="module")
def jobs(pipeline: Path) -> Mapping[str, set[str]]:
    """Map each source of a pipeline to the jobs that it starts."""
    return {source: gitlab_jobs.started(pipeline, source) for source in gitlab_jobs.SOURCES}


def test_every_source_starts_what_the_readme_promises(
    jobs: Mapping[str, set[str]], pipeline: Path
) -> None:
    every = generated.parse(pipeline / ".gitlab-ci.yml").keys()
    checks, update, release = CHECKS & every, UPDATE & every, RELEASE & every
    analysis = ANALYSIS if "include" in every else set()
    version = {"version"} & every
    assert {"test", "container", *IMAGE} <= every
    assert jobs == {
        "merge request": checks | analysis,
        "merge request of a fork": checks | analysis,
        "default branch": checks | analysis | IMAGE,
        "schedule": checks | analysis | IMAGE | update,
        "version tag": checks | version | IMAGE | release,
        "other branch": set(),
        "schedule of another branch": set(),
        "other tag": set(),
    }


def test_both_forges_start_the_same(
    kind: str, jobs: Mapping[str, set[str]], render: Render
) -> None:
    folder = render({"ci": "github", **KINDS[kind]}) / ".github" / "workflows"
    workflows = {file.stem: generated.parse(file) for file in folder.glob("*.yml")}
    for source, event in EVENTS.items():
        found = {
            name
            for workflow in SAME.keys() & workflows.keys()
            for name in started_on_github(workflow, workflows[workflow], event)
        }
        assert found == jobs[source], source
    # What a tag starts once more: GitHub looks the versions up each week, GitLab for a tag, too.
    tags = workflows["tag"][True]["push"]["tags"]
    assert tags == ["v[0-9]*"]
    found = set(started_on_github("ci", workflows["ci"], "workflow_call"))
    checked = {"version"} if "check-version.py" in str(workflows["ci"]) else set()
    published = RELEASE if "publish" in workflows else set()
    assert found | {"audit"} | checked | published == jobs["version tag"] | {"audit"}


def started_on_github(workflow: str, content: Mapping[Any, Any], event: str) -> Iterator[str]:
    """Name GitLab's jobs for what a workflow of GitHub's runs for an event."""
    assert content["jobs"].keys() == SAME[workflow].keys() & content["jobs"].keys()
    if event in content[True]:  # YAML reads the key "on" as true
        for job, names in SAME[workflow].items():
            if job not in content["jobs"]:
                continue
            is_kept = content["jobs"][job].get("if") == "github.event_name != 'pull_request'"
            if not (is_kept and event == "pull_request"):
                yield from names


def test_who_publishes_says_so(render: Render) -> None:
    for ci, framework, license_name in product(
        ("github", "gitlab"), ("cli", "job"), ("mit", "proprietary")
    ):
        project = render({"ci": ci, "framework": framework, "license": license_name})
        text = (project / "docs" / "releases.md").read_text("utf-8")
        publishes = framework == "cli" and license_name == "mit"
        assert publishes == bool(re.search("publishes .*the wheel and the source", text))
        if ci == "github":
            file = project / ".github" / "workflows" / "publish.yml"
            assert publishes == file.exists()
        else:
            assert publishes == ("publish" in generated.parse(project / ".gitlab-ci.yml"))


@WITH_ALL_JOBS
def test_what_fails_stops_what_is_delivered(pipeline: Path, jobs: Mapping[str, set[str]]) -> None:
    delivered = IMAGE | RELEASE
    for source in ("default branch", "schedule", "version tag"):
        assert set(gitlab_jobs.run_hollow(pipeline, source)) == jobs[source]
    for failing in jobs["version tag"] & {*CHECKS, "version", "dist"}:
        ran = gitlab_jobs.run_hollow(pipeline, "version tag", {failing})
        assert ran[failing] == "FAIL"
        assert not ran.keys() & (delivered - {"dist"}), failing


@WITH_ALL_JOBS
def test_a_scan_stops_the_signature_and_the_tag(pipeline: Path) -> None:
    ran = gitlab_jobs.run_hollow(pipeline, "default branch", {"image-scan"})
    assert ran["image-build"] == "PASS"
    assert ran["image-scan"] == "FAIL"
    assert "image-sign" not in ran


@pytest.mark.parametrize("kind", ["program"], indirect=True)
def test_an_update_that_fails_stops_nothing_else(
    pipeline: Path, jobs: Mapping[str, set[str]]
) -> None:
    ran = gitlab_jobs.run_hollow(pipeline, "schedule", {"template-update"})
    assert jobs["schedule"] - ran.keys() == {"template-update-request"}
