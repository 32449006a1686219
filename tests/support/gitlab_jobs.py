"""What GitLab would run of a pipeline: gitlab-ci-local reads it and evaluates its rules.

It needs no engine and runs no job, unless the jobs are hollow: see :func:`run_hollow`.
"""

import json
import os
import re
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import generated
import node_tools
import pytest
import updating
import yaml

# Where gitlab-ci-local keeps what a pipeline includes; a forge serves it from its own templates.
INCLUDES = (
    ".gitlab-ci-local/includes/gitlab.com/gitlab-org/gitlab/-/raw/HEAD/lib/gitlab/ci/templates"
)
# GitLab's own jobs, with the rules of its stable templates.
ANALYSIS = """
sast:
  stage: test
  script: [exit 1]
  rules:
    - when: never

semgrep-sast:
  extends: sast
  allow_failure: true
  script: [echo analyzed]
  rules:
    - if: $AST_ENABLE_MR_PIPELINES == "true" && $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $AST_ENABLE_MR_PIPELINES == "true" && $CI_OPEN_MERGE_REQUESTS
      when: never
    - if: $CI_COMMIT_BRANCH
"""
# What becomes of the rules of the workflow, which gitlab-ci-local does not obey, shows as a job.
WORKFLOW = "the-pipeline-itself"
NO_BRANCH = ("--unset-variable", "CI_COMMIT_BRANCH")
OUTCOMES = re.compile(r"^ (PASS|WARN|FAIL) +(?:\[.+?\] +)?(\S+)", re.MULTILINE)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")

SOURCES: Mapping[str, tuple[str, ...]] = {
    "default branch": (),
    "other branch": ("--variable", "CI_COMMIT_BRANCH=feature"),
    "schedule": ("--variable", "CI_PIPELINE_SOURCE=schedule"),
    "schedule of another branch": (
        *("--variable", "CI_PIPELINE_SOURCE=schedule"),
        *("--variable", "CI_COMMIT_BRANCH=feature"),
    ),
    "version tag": (*NO_BRANCH, "--variable", "CI_COMMIT_TAG=v0.1.0"),
    "other tag": (*NO_BRANCH, "--variable", "CI_COMMIT_TAG=vendor-2026"),
    "merge request": (
        *(*NO_BRANCH, "--variable", "CI_PIPELINE_SOURCE=merge_request_event"),
        *("--variable", "CI_MERGE_REQUEST_IID=7"),
    ),
    "merge request of a fork": (
        *(*NO_BRANCH, "--variable", "CI_PIPELINE_SOURCE=merge_request_event"),
        *("--variable", "CI_MERGE_REQUEST_IID=7"),
        *("--variable", "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH=stranger/fork"),
    ),
}


def prepare(folder: Path) -> Path:
    """Make a repository of a folder, with a default branch on a forge and the forge's own jobs."""
    updating.git(folder, "init", "--quiet", "--initial-branch=main")
    updating.git(folder, "remote", "add", "origin", "https://gitlab.example.com/group/harbour.git")
    (folder / INCLUDES / "Jobs").mkdir(parents=True)
    (folder / INCLUDES / "Jobs" / "SAST.gitlab-ci.yml").write_text(ANALYSIS, "utf-8")
    exclude = folder / ".git" / "info" / "exclude"
    exclude.parent.mkdir(exist_ok=True)
    exclude.write_text("/.gitlab-ci-local/\n/.gitlab-ci-local.yml\n", "utf-8")
    updating.commit(folder, "Start")
    updating.git(folder, "update-ref", "refs/remotes/origin/main", "HEAD")
    updating.git(folder, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    return folder


def only_pipeline(project: Path, folder: Path) -> Path:
    """Make a repository that has nothing but a project's pipeline."""
    folder.mkdir(exist_ok=True)
    (folder / ".gitlab-ci.yml").write_bytes((project / ".gitlab-ci.yml").read_bytes())
    return prepare(folder)


def call(folder: Path, *arguments: str, path: str = "") -> "subprocess.CompletedProcess[str]":
    """Run gitlab-ci-local on this machine, with programs before those in PATH."""
    set_here = ",".join(word.split("=")[0] for word in arguments if "=" in word)
    command = (
        *node_tools.command("gitlab-ci-local"),
        f"--ignore-predefined-vars={set_here}",
        *arguments,
    )
    environment = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def started(folder: Path, source: str) -> set[str]:
    """Name the jobs that a source starts, after the pipeline was compared with GitLab's schema."""
    pipeline = generated.parse(folder / ".gitlab-ci.yml")
    probe = {WORKFLOW: {"script": ["true"], "rules": pipeline["workflow"]["rules"]}}
    (folder / ".gitlab-ci-local.yml").write_text(yaml.safe_dump(probe), "utf-8")
    result = call(folder, "--list-json", *SOURCES[source])
    if result.returncode != 0:
        pytest.fail(f"{source}\n{result.stdout}{result.stderr}", pytrace=False)
    jobs: list[dict[str, Any]] = json.loads(result.stdout)
    running = {job["name"] for job in jobs if job["when"] != "never"}
    return running - {WORKFLOW} if WORKFLOW in running else set()


def run_hollow(folder: Path, source: str, failing: Collection[str] = ()) -> dict[str, str]:
    """Run a pipeline whose jobs do nothing but pass or fail; map each that ran to its outcome."""
    pipeline = generated.parse(folder / ".gitlab-ci.yml")
    jobs = {name: job for name, job in pipeline.items() if "script" in job and name[0] != "."}
    hollow = {
        name: {
            "before_script": [],
            "script": ["exit 1" if name in failing else "true"],
            "after_script": [],
            "artifacts": None,
            "cache": [],
            "services": [],
        }
        for name in jobs
    }
    (folder / ".gitlab-ci-local.yml").write_text(yaml.safe_dump(hollow), "utf-8")
    # Jobs would get the files of the work tree by rsync; these need none.
    programs = folder / ".gitlab-ci-local" / "programs"
    programs.mkdir(exist_ok=True)
    (programs / "rsync").write_text("#!/bin/sh\n", "utf-8")
    (programs / "rsync").chmod(0o755)
    result = call(folder, "--force-shell-executor", *SOURCES[source], path=str(programs))
    printed = COLOURS.sub("", result.stdout + result.stderr)
    assert (result.returncode != 0) == bool(failing), printed
    return {name: outcome for outcome, name in OUTCOMES.findall(printed)}
