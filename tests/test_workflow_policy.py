"""What a pull request from a fork can reach: no secret, no right to write, no machine of ours.

Pins, credentials that checkouts leave behind and injected templates are left to zizmor, which
test_linting.py runs; here it is shown to see them.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import generated
import programs
import pytest
import questions
import workflow_runs
import yaml
from conftest import Render
from repository import ROOT

from extensions import decisions

Yaml = Mapping[Any, Any]

TRIGGERS = {
    "branch_protection_rule",
    "pull_request",
    "push",
    "release",
    "schedule",
    "workflow_call",
    "workflow_dispatch",
}
BRANCHES = {"main", "master"}
# One of these, joined to the rest of a condition by "and", keeps a job from pull requests.
NO_PULL_REQUEST = re.compile(
    r"github\.event_name (!= 'pull_request'|== '(push|schedule|release|workflow_dispatch)')"
    r"|github\.ref == 'refs/heads/main'"
)
# The login to a registry, with which anybody may have an account, opens public images only; a fork
# does not get it.
SECRET = re.compile(r"\$\{\{[^}]*\bsecrets\b(?!\.(GITHUB_TOKEN|DHI_USERNAME|DHI_TOKEN)\b)")
# Reads the code of a pull request and runs nothing of it.
ANALYSIS = re.compile(r"(actions/checkout|github/codeql-action/(init|analyze))@")

GITLAB_WORDS = {"default", "include", "image", "services", "stages", "variables", "workflow"}
# When no merge request can have started a job of GitLab's
NO_MERGE_REQUEST = re.compile(
    r'\$CI_PIPELINE_SOURCE == "schedule"|\$CI_COMMIT_TAG|\$CI_COMMIT_BRANCH == \$CI_DEFAULT_BRANCH'
)
CREDENTIAL = re.compile(r"\$\{?(\w*(?:TOKEN|PASSWORD|SECRET|KEY))\b")

HARMS = {
    "pull_request_target": ("  pull_request:", "  pull_request_target:"),
    "what other workflows leave": ("  pull_request:", "  workflow_run: {workflows: [CI]}"),
    "rights for all jobs": ("permissions: {}", "permissions: {contents: read}"),
    "a right to write": ("contents: read", "packages: write"),
    "a secret": ("- run: make lint", "- run: make lint\n        env: {A: '${{ secrets.A }}'}"),
    "an environment": ("    name: lint", "    name: lint\n    environment: production"),
    "a machine of ours in a matrix": (
        "runs-on: ubuntu-latest",
        "strategy: {matrix: {runner: [ubuntu-latest, ours]}}\n    runs-on: ${{ matrix.runner }}",
    ),
    "a machine of ours": ("runs-on: ubuntu-latest", "runs-on: [self-hosted]"),
    "artifacts of another run": (
        "- run: make lint",
        "- uses: actions/download-artifact@v8\n        with: {run-id: 1}",
    ),
}
LEFT_TO_ZIZMOR = {
    "unpinned-uses": (r"(actions/checkout)@.+", r"\1@v7"),
    "artipacked": ("persist-credentials: false", "persist-credentials: true"),
    "template-injection": ("- run: make lint", "- run: echo ${{ github.head_ref }}"),
    "dangerous-triggers": ("  pull_request:", "  pull_request_target:"),
    "secrets-inherit": (r"\Z", "  other:\n    uses: a/b/c.yml@main\n    secrets: inherit\n"),
}
# What actions are given that they do not know, or that another step does not give
MISUSES = [
    ("persist-credentials:", "persist-credential:"),
    ("enable-cache: true", "use-cache: true"),
    ("tags: harbour-api:latest", "tag: harbour-api:latest"),
    ("context: .", "context: ${{ steps.build.outputs.path }}"),
]
GITLAB_HARMS = {
    "a credential": ("make lint", "curl --header $DEPLOY_TOKEN example.com"),
    "an environment": ("lint:", "lint:\n  environment: production"),
    "an identity": ("lint:", "lint:\n  id_tokens: {A: {aud: a}}"),
}


@pytest.fixture(scope="module")
def everyone(projects: Mapping[str, Path], render: Render) -> list[Path]:
    """List all combinations, an adopted application on each forge, and the template itself."""
    application: questions.Answers = {"own_files": ["app.py"], "entry_point": "app:app"}
    adopted = [render({**application, "ci": forge}) for forge in ("github", "gitlab")]
    return [*projects.values(), *adopted, ROOT]


@pytest.fixture(scope="module")
def workflow(render: Render) -> str:
    """Read the workflow of the default project, to do harm to it."""
    return (render({}) / ".github" / "workflows" / "ci.yml").read_text("utf-8")


def test_no_workflow_gives_pull_requests_more_than_they_need(everyone: list[Path]) -> None:
    files = [
        file for folder in everyone for file in generated.files(folder, ".github/workflows/*.yml")
    ]

    assert {file.parents[2] for file in files} >= {ROOT, everyone[-3]}
    found = [f"{file}: {problem}" for file in files for problem in problems(generated.parse(file))]
    assert not found, "\n".join(found)


def test_no_pipeline_gives_merge_requests_more_than_they_need(everyone: list[Path]) -> None:
    files = [file for folder in everyone for file in generated.files(folder, ".gitlab-ci.yml")]

    assert files
    found = [
        f"{file}: {problem}" for file in files for problem in gitlab_problems(generated.parse(file))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("harm", HARMS)
def test_every_harm_is_seen(workflow: str, harm: str) -> None:
    harmed = workflow.replace(*HARMS[harm])

    assert harmed != workflow
    assert not list(problems(yaml.safe_load(workflow)))
    assert list(problems(yaml.safe_load(harmed)))


def test_actions_are_given_what_they_document(everyone: list[Path]) -> None:
    found = {
        misuse
        for folder in everyone
        for file in generated.files(folder, ".github/workflows/*.yml")
        for misuse in workflow_runs.misuses(generated.parse(file))
    }

    assert not found
    assert workflow_runs.ACTIONS.keys() >= decisions.read_actions().keys()


@pytest.mark.parametrize(("right", "wrong"), MISUSES)
def test_every_misuse_is_seen(workflow: str, right: str, wrong: str) -> None:
    assert right in workflow
    assert list(workflow_runs.misuses(yaml.safe_load(workflow.replace(right, wrong))))


@pytest.mark.parametrize(
    ("start", "condition", "is_good"),
    [
        ("push: {branches: [main]}", "true", True),
        ("push: {tags: ['v*']}", "true", True),
        ("push: {branches: [main, next]}", "true", False),
        ("push: {paths: [src/**]}", "true", False),
        ("push:", "true", False),
        ("schedule: [{cron: '0 4 * * 1'}]", "true", True),
        ("pull_request:", "true", False),
        ("pull_request:", "github.event_name != 'pull_request'", True),
        ("pull_request:", "github.ref == 'refs/heads/main' && success()", True),
        ("pull_request:", "github.ref == 'refs/heads/main' || success()", False),
    ],
)
def test_a_right_needs_the_main_branch(start: str, condition: str, is_good: bool) -> None:
    workflow = f"""
on:
  {start}
permissions: {{}}
jobs:
  push:
    if: {condition}
    runs-on: ubuntu-latest
    permissions: {{packages: write}}
    steps: []
"""
    assert is_good == (not list(problems(yaml.safe_load(workflow))))


@pytest.mark.parametrize("finding", LEFT_TO_ZIZMOR)
def test_what_is_left_to_zizmor_is_seen(workflow: str, finding: str, tmp_path: Path) -> None:
    file = tmp_path / ".github" / "workflows" / "ci.yml"
    file.parent.mkdir(parents=True)
    file.write_text(re.sub(*LEFT_TO_ZIZMOR[finding], workflow), "utf-8")

    with pytest.raises(pytest.fail.Exception, match=rf"\[{finding}\]"):
        programs.run("zizmor", *programs.ZIZMOR, "--no-config", file)


@pytest.mark.parametrize("harm", GITLAB_HARMS)
def test_every_harm_to_a_pipeline_is_seen(render: Render, harm: str) -> None:
    before = (render({"ci": "gitlab"}) / ".gitlab-ci.yml").read_text("utf-8")
    after = before.replace(*GITLAB_HARMS[harm], 1)

    assert before != after
    assert not list(gitlab_problems(yaml.safe_load(before)))
    assert list(gitlab_problems(yaml.safe_load(after)))


def problems(workflow: Yaml) -> Iterator[str]:
    """Name what is against the policy in a workflow of GitHub's."""
    # YAML reads the key "on" as true.
    triggers = workflow[True]
    if not isinstance(triggers, dict):
        triggers = dict.fromkeys([triggers] if isinstance(triggers, str) else triggers)
    if strange := triggers.keys() - TRIGGERS:
        yield f"starts for {', '.join(sorted(strange))}"
    if workflow.get("permissions") != {}:
        yield "gives permissions to all jobs"
    push = triggers.get("push") or {}
    branches = set(push.get("branches", ()))
    is_ours = branches <= BRANCHES and (branches or push.keys() == {"tags"})
    for name, job in workflow["jobs"].items():
        rights = list(privileges(job))
        if "pull_request" in triggers and not is_guarded(job):
            yield from (f"{name} lets pull requests have {right}" for right in rights)
        elif rights and "push" in triggers and not is_ours:
            yield f"{name} lets every branch have {rights[0]}"
        for step in job.get("steps", ()):
            if is_foreign_artifact(step):
                yield f"{name} uses artifacts of another run"


def privileges(job: Yaml) -> Iterator[str]:
    """Name what a job has that code of a stranger must not."""
    written = {name for name, right in job.get("permissions", {}).items() if right != "read"}
    if written == {"security-events"} and all(
        ANALYSIS.match(step.get("uses", "")) for step in job["steps"]
    ):
        written = set()
    yield from (f"a token that may write {name}" for name in sorted(written))
    if "environment" in job:
        yield "an environment"
    if "secrets" in job or SECRET.search(str(job)):
        yield "a secret"
    if "uses" not in job and not all(runner.startswith("ubuntu-") for runner in runners(job)):
        yield "a machine that is not GitHub's"


def runners(job: Yaml) -> list[str]:
    """List the runners of a job, also if a matrix names them."""
    label = str(job["runs-on"])
    found = re.fullmatch(r"\$\{\{ *matrix\.([\w-]+) *\}\}", label)
    if not found:
        return [label]
    matrix, key = job["strategy"]["matrix"], found.group(1)
    rows = [{key: value} for value in matrix.get(key, ())] + matrix.get("include", [])
    return [str(row[key]) for row in rows if key in row]


def is_guarded(job: Yaml) -> bool:
    """Say whether the condition of a job keeps it from pull requests."""
    condition = re.sub(r"^\$\{\{|\}\}$", "", str(job.get("if", ""))).strip()
    return any(NO_PULL_REQUEST.fullmatch(part.strip()) for part in condition.split("&&"))


def is_foreign_artifact(step: Yaml) -> bool:
    """Say whether a step uses what another run has left, perhaps that of a pull request."""
    downloads = "download-artifact" in step.get("uses", "")
    elsewhere = {"run-id", "github-token", "repository"} & step.get("with", {}).keys()
    return bool(downloads and elsewhere) or "gh run download" in step.get("run", "")


def gitlab_problems(pipeline: Yaml) -> Iterator[str]:
    """Name the jobs of GitLab's that have a credential although a merge request can start them."""
    for name, job in pipeline.items():
        if name in GITLAB_WORDS or name.startswith("."):
            continue
        known = (
            pipeline.get("variables", {}).keys() | inherit(pipeline, job, "variables", {}).keys()
        )
        script = str([job.get(part) for part in ("before_script", "script", "after_script")])
        credentials = set(CREDENTIAL.findall(script)) - known
        rights = [*(key for key in ("environment", "id_tokens", "secrets") if key in job)]
        rules = inherit(pipeline, job, "rules", [])
        is_safe = rules and all(
            rule.get("when") == "never" or is_without_merge_requests(rule.get("if", ""))
            for rule in rules
        )
        if (rights or credentials) and not is_safe:
            yield f"{name} lets merge requests have {[*rights, *sorted(credentials)]}"


def inherit(pipeline: Yaml, job: Yaml, key: str, default: Any) -> Any:
    """Look a key up in a job, or in those that it extends, of which the last counts most."""
    if key in job:
        return job[key]
    parents = job.get("extends", [])
    for parent in [parents] if isinstance(parents, str) else parents:
        default = inherit(pipeline, pipeline.get(parent, {}), key, default)
    return default


def is_without_merge_requests(condition: str) -> bool:
    """Say whether a rule keeps a job from merge requests."""
    return "||" not in condition and any(
        NO_MERGE_REQUEST.fullmatch(part.strip()) for part in condition.split("&&")
    )
