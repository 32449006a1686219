"""An image is pushed only by who may, and gets its tag after it was scanned and signed."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import generated
import pytest
import questions
import stacks
from conftest import Render

from extensions import decisions

PERMISSIONS = {
    "build": {"contents": "read", "packages": "write"},
    "scan": {"contents": "read", "packages": "read", "security-events": "write"},
    "sign": {"id-token": "write", "packages": "write"},
}
ADOPTED: questions.Answers = {"own_files": ["app.py"], "entry_point": "app:app"}
ON_GITHUB = pytest.mark.parametrize("answers", [{}, ADOPTED], ids=["new", "adopted"])
ON_GITLAB = pytest.mark.parametrize(
    "answers", [{"ci": "gitlab"}, {"ci": "gitlab", **ADOPTED}], ids=["new", "adopted"]
)


def workflow(project: Path, name: str) -> Any:
    """Read a workflow, whose key "on" YAML takes for true."""
    return generated.parse(project / ".github" / "workflows" / f"{name}.yml")


def step(job: Mapping[str, Any], action: str) -> Mapping[str, Any]:
    """Find the settings of the last step that uses an action."""
    steps = [entry for entry in job["steps"] if entry.get("uses", "").startswith(f"{action}@")]
    found: Mapping[str, Any] = steps[-1].get("with", {})
    return found


def options(script: str, name: str) -> str:
    """Join all values of an option in a script."""
    return " ".join(re.findall(rf'--{name} "?([^"\s]+)', script))


def script(job: Mapping[str, Any]) -> str:
    """Join the commands of a job in GitLab."""
    return "\n".join(job["script"])


@ON_GITHUB
def test_on_github_a_pull_request_may_write_nothing(
    render: Render, answers: questions.Answers
) -> None:
    project = render(answers)
    for name, job in workflow(project, "ci")["jobs"].items():
        if job.get("if") != "github.event_name != 'pull_request'":
            assert job["permissions"] == {"contents": "read"}, name


@ON_GITHUB
def test_on_github_only_what_passed_is_pushed(render: Render, answers: questions.Answers) -> None:
    project = render(answers)
    started, jobs = workflow(project, "ci")[True], workflow(project, "ci")["jobs"]
    assert workflow(project, "image")[True] == {"workflow_call": None}
    assert started.keys() == {"push", "pull_request", "schedule", "workflow_call"}
    assert "tags" not in started["push"]
    tag = workflow(project, "tag")
    assert tag[True] == {"push": {"tags": ["v[0-9]*"]}}
    (job,) = tag["jobs"].values()
    assert job["uses"] == "./.github/workflows/ci.yml"
    assert job["permissions"] == jobs["push-image"]["permissions"]
    assert {name for name, job in jobs.items() if "if" in job} == {"push-image"}
    assert set(jobs["push-image"]["needs"]) == jobs.keys() - {"push-image"}
    assert jobs["push-image"]["uses"] == "./.github/workflows/image.yml"


def test_on_github_only_what_passed_is_published(render: Render) -> None:
    jobs = workflow(render({"framework": "cli", "license": "mit"}), "publish")["jobs"]
    assert jobs["test"]["steps"][-1] == {"run": "make check"}
    assert jobs["build"]["needs"] == "test"
    assert jobs["publish"]["needs"] == "build"


def test_on_gitlab_what_is_pushed_waits_for_every_check(render: Render) -> None:
    for answers in ({}, {"framework": "cli"}, ADOPTED):
        pipeline = generated.parse(render({"ci": "gitlab", **answers}) / ".gitlab-ci.yml")
        pushing = {n for n, job in pipeline.items() if "needs" not in job and "deploy" in str(job)}
        assert ".image" in pushing
        jobs = [job for job in pipeline.values() if isinstance(job, dict) and "script" in job]
        # A job without a stage is in "test", which "deploy" follows; "needs" would overtake it.
        assert {job.get("stage", "test") for job in jobs} <= {"build", "test", "deploy"}
        assert "needs" not in pipeline["image-build"]


@pytest.fixture(
    scope="session",
    params=[
        *({"dependency_manager": each} for each in questions.choices()["dependency_manager"]),
        {**ADOPTED, "own_files": ["app.py", "pyproject.toml"]},
    ],
    ids=lambda answers: answers.get("dependency_manager", "adopted"),
)
def tagged(request: pytest.FixtureRequest, render: Render) -> tuple[Path, str, str]:
    """Make a project of version 0.1.0, and find what each forge runs to check a tag."""
    project = render(request.param)
    on_github = [
        entry
        for job in workflow(project, "ci")["jobs"].values()
        for entry in job.get("steps", ())
        if entry.get("if") == "github.ref_type == 'tag'"
    ]
    on_gitlab = generated.parse(render({**request.param, "ci": "gitlab"}) / ".gitlab-ci.yml")[
        "version"
    ]
    assert on_gitlab["rules"] == [{"if": "$CI_COMMIT_TAG"}]
    if request.param.get("own_files"):
        (project / "pyproject.toml").write_text('[project]\nname = "app"\nversion = "0.1.0"\n')
    return project, on_github[0]["run"], script(on_gitlab)


@pytest.mark.parametrize(
    ("tag", "is_version"),
    [("v0.1.0", True), ("0.1.0", True), ("v0.2.0", False), ("v0.1.0rc1", False), ("v", False)],
)
def test_a_tag_is_refused_that_is_not_the_version(
    tagged: tuple[Path, str, str], tag: str, is_version: bool
) -> None:
    project, *commands = tagged
    for command in commands:
        named = {"GITHUB_REF_NAME": tag, "CI_COMMIT_TAG": tag}
        result = stacks.execute("sh", "-euc", command, cwd=project, **named)
        assert (result.returncode == 0) == is_version
        assert is_version or result.stdout.startswith(f"The tag {tag} is not the version 0.1.0 of ")
        assert is_version or result.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("manifest", "is_version"),
    [
        ('[tool.poetry]\nversion = "0.1.0"\n', False),
        ('[project]\ndynamic = ["version"]\n', True),
        ("[tool.ruff]\n", True),
    ],
    ids=["poetry", "computed", "none"],
)
def test_an_adopted_application_is_held_to_the_version_that_it_names(
    render: Render, manifest: str, is_version: bool
) -> None:
    project = render({**ADOPTED, "own_files": ["app.py", "pyproject.toml"]})
    (project / "pyproject.toml").write_text(manifest)
    result = stacks.execute("python3", "scripts/check-version.py", "v0.2.0", cwd=project)
    assert (result.returncode == 0) == is_version, result.stdout


@pytest.mark.parametrize("ci", ["github", "gitlab", "none"])
def test_who_names_no_version_has_no_check(render: Render, ci: str) -> None:
    texts = generated.read_tree(render({"ci": ci, **(ADOPTED if ci != "none" else {})}))
    assert not [path for path, text in texts.items() if "check-version" in path + text]


@ON_GITHUB
def test_on_github_each_job_may_do_its_part_only(
    render: Render, answers: questions.Answers
) -> None:
    project = render(answers)
    image = workflow(project, "image")
    assert image["permissions"] == {}
    assert {name: job["permissions"] for name, job in image["jobs"].items()} == PERMISSIONS
    granted = workflow(project, "ci")["jobs"]["push-image"]["permissions"]
    needed: dict[str, str] = {}
    for permissions in PERMISSIONS.values():
        needed = {
            key: max(needed.get(key, ""), permissions.get(key, "")) for key in needed | permissions
        }
    assert granted == needed


@ON_GITHUB
def test_on_github_the_tag_comes_last(render: Render, answers: questions.Answers) -> None:
    jobs = workflow(render(answers), "image")["jobs"]
    build = step(jobs["build"], "docker/build-push-action")
    assert "push-by-digest=true" in build["outputs"]
    assert "push=true" in build["outputs"].split(",")
    assert "tags" not in build
    assert set(jobs["sign"]["needs"]) == {"build", "scan"}
    sign, tag = (entry["run"] for entry in jobs["sign"]["steps"][-2:])
    assert sign == 'cosign sign --yes "$IMAGE"'
    assert "imagetools create" in tag
    gate = step(jobs["scan"], "aquasecurity/trivy-action")
    assert (gate["severity"], gate["ignore-unfixed"]) == ("HIGH,CRITICAL", "true")
    assert gate["exit-code"] == "1"
    assert {jobs["sign"]["env"]["IMAGE"], gate["image-ref"]} == {"${{ needs.build.outputs.image }}"}


@ON_GITLAB
def test_on_gitlab_a_merge_request_pushes_nothing(
    render: Render, answers: questions.Answers
) -> None:
    pipeline = generated.parse(render(answers) / ".gitlab-ci.yml")
    rules = [rule["if"] for rule in pipeline[".image"]["rules"]]
    assert rules == ["$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH", "$CI_COMMIT_TAG"]
    for name, job in pipeline.items():
        if "CI_REGISTRY" in str(job):
            assert ".image" in job["extends"], name
            assert "rules" not in job, name


@ON_GITLAB
def test_on_gitlab_the_tag_comes_last(render: Render, answers: questions.Answers) -> None:
    pipeline = generated.parse(render(answers) / ".gitlab-ci.yml")
    build, scan, sign = (pipeline[f"image-{name}"] for name in ("build", "scan", "sign"))
    assert "push-by-digest=true" in options(script(build), "output")
    assert "--tag" not in script(build)
    assert scan["needs"] == ["image-build"]
    assert sign["needs"] == ["image-build", "image-scan"]
    assert sign["id_tokens"] == {"SIGSTORE_ID_TOKEN": {"aud": "sigstore"}}
    assert [name for name, job in pipeline.items() if "id_tokens" in job] == ["image-sign"]
    assert sign["script"][0] == 'cosign sign --yes "$CI_REGISTRY_IMAGE@$DIGEST"'
    assert "imagetools create" in sign["script"][-1]
    gate = "--severity HIGH,CRITICAL --ignore-unfixed --exit-code 1"
    assert gate in scan["script"][-1]
    assert scan["artifacts"]["reports"].keys() == {"container_scanning", "cyclonedx"}


def test_the_digest_is_found_in_what_the_builder_tells(render: Render, tmp_path: Path) -> None:
    job = generated.parse(render({"ci": "gitlab"}) / ".gitlab-ci.yml")["image-build"]
    digest = f"sha256:{'5e' * 32}"
    told = {"containerimage.descriptor": {"digest": "other"}, "containerimage.digest": digest}
    (tmp_path / "build.json").write_text(json.dumps(told, indent=2))
    subprocess.run(["sh", "-euc", job["script"][-1]], cwd=tmp_path, check=True)
    assert (tmp_path / "image.env").read_text() == f"DIGEST={digest}\n"


@pytest.mark.parametrize("answers", [{}, ADOPTED], ids=["new", "adopted"])
def test_both_forges_build_the_same_image(render: Render, answers: questions.Answers) -> None:
    """Labels, platforms, attestations and times do not depend on where an image is built."""
    job = workflow(render(answers), "image")["jobs"]["build"]
    on_github = step(job, "docker/build-push-action")
    pipeline = generated.parse(render({"ci": "gitlab", **answers}) / ".gitlab-ci.yml")
    on_gitlab = script(pipeline["image-build"])

    label = r"org\.opencontainers\.image\.(\w+)=\$"
    labels = re.findall(label, on_github["labels"])
    assert set(labels) == {"created", "revision", "source", "version"}
    assert set(re.findall(rf'--label "{label}', on_gitlab)) == set(labels)
    assert on_github["platforms"] == "linux/amd64,linux/arm64"
    assert options(on_gitlab, "platform") == on_github["platforms"]
    assert on_github["provenance"] == "mode=max"
    assert on_github["sbom"] == f"generator={decisions.read_images()['sbom-scanner']}"
    attested = f"type=sbom,{on_github['sbom']} type=provenance,{on_github['provenance']}"
    assert options(on_gitlab, "attest") == attested
    dated = "rewrite-timestamp=true"
    assert dated in on_github["outputs"]
    assert dated in options(on_gitlab, "output")
    (build,) = (entry for entry in job["steps"] if entry.get("id") == "build")
    assert build["env"] == {"SOURCE_DATE_EPOCH": "${{ steps.commit.outputs.epoch }}"}
    assert "SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)\nexport SOURCE_DATE_EPOCH" in on_gitlab


def test_every_week_the_image_is_made_of_nothing_old(render: Render) -> None:
    project = render({})
    image = workflow(project, "image")
    (schedule,) = workflow(project, "ci")[True]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* \d", schedule["cron"])
    build = step(image["jobs"]["build"], "docker/build-push-action")
    assert build["pull"] is True
    assert "github.event_name == 'schedule'" in build["no-cache"]
    commands = script(generated.parse(render({"ci": "gitlab"}) / ".gitlab-ci.yml")["image-build"])
    assert " --pull " in commands
    assert 'test "$CI_PIPELINE_SOURCE" = schedule' in commands
    assert "NO_CACHE=--no-cache" in commands


@pytest.mark.parametrize(
    ("entry", "accepted"),
    [
        ("vulnerabilities: []\n", True),
        ("vulnerabilities:\n  - id: CVE-2026-1\n    expired_at: 2027-01-31\n", True),
        ("vulnerabilities:\n  - id: CVE-2026-1\n    statement: Never\n", False),
        (
            "vulnerabilities:\n- id: CVE-2026-1\n# - id: CVE-2026-2\n#   expired_at: 2027-1-31\n",
            False,
        ),
    ],
)
@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_an_exception_has_an_end(
    render: Render, tmp_path: Path, ci: str, entry: str, accepted: bool
) -> None:
    project = render({"ci": ci})
    if ci == "github":
        steps = workflow(project, "image")["jobs"]["scan"]["steps"]
        (check,) = (entry["run"] for entry in steps if "run" in entry)
    else:
        check = generated.parse(project / ".gitlab-ci.yml")["image-scan"]["script"][0]
    (tmp_path / ".trivyignore.yaml").write_text(entry)
    command = ["sh", "-euc", check]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (result.returncode == 0) == accepted
    assert accepted or result.stdout.startswith("Give each id")


def test_the_list_of_exceptions_begins_empty(render: Render) -> None:
    for answers in ({}, {"ci": "gitlab"}, {"ci": "none"}, ADOPTED):
        assert generated.parse(render(answers) / ".trivyignore.yaml") == {"vulnerabilities": []}


def test_the_document_verifies_the_identity_that_signs(render: Render) -> None:
    text = (render({}) / "docs" / "images.md").read_text("utf-8")
    assert "cosign verify ghcr.io/OWNER/harbour-api:latest" in text
    assert "harbour-api/.github/workflows/image.yml@refs/heads/main" in text
    text = (render({"ci": "gitlab"}) / "docs" / "images.md").read_text("utf-8")
    assert "harbour-api//.gitlab-ci.yml@refs/heads/main" in text


@pytest.mark.parametrize(
    "answers",
    [
        {"ci": "none"},
        {**ADOPTED, "own_files": ["app.py", ".github/workflows/ci.yml"]},
        {**ADOPTED, "own_files": ["app.py", ".github/workflows/image.yml"]},
        {**ADOPTED, "own_files": ["app.py", ".gitlab-ci.yml"], "ci": "gitlab"},
    ],
    ids=["none", "own-ci", "own-image", "own-pipeline"],
)
def test_who_has_no_pipeline_of_the_kit_has_no_part_of_this(
    render: Render, answers: questions.Answers
) -> None:
    texts = generated.read_tree(render(answers))
    assert ".github/workflows/image.yml" not in texts
    del texts[".copier-answers.yml"]
    assert not [path for path, text in texts.items() if "cosign" in text or "image.yml" in text]
