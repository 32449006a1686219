"""What docs/scorecard.md says of files is so."""

import re
from collections.abc import Mapping
from pathlib import Path

import generated
import programs
import pytest
from conftest import Render
from repository import ROOT

from extensions import decisions

TEXT = (ROOT / "docs" / "scorecard.md").read_text("utf-8")
CHECKS = re.findall(r"^\| ([A-Z]\S+) \| (.+) \| (.+) \|$", TEXT, re.MULTILINE)
PATH = re.compile(r"`([^` ]{2,})`")


@pytest.mark.parametrize(("check", "generated", "here"), CHECKS, ids=[row[0] for row in CHECKS])
def test_what_is_named_is_there(render: Render, check: str, generated: str, here: str) -> None:
    project = render({})
    locks = decisions.read_choices()["dependency_manager"]["uv"][
        "locks"
    ]  # written by the last step of a copy

    for folder, text in ((project, generated), (ROOT, here)):
        named = PATH.findall(text)
        assert named or "`" not in text, check
        assert [path for path in named if path not in locks and not (folder / path).exists()] == []


def test_no_file_is_a_binary(projects: Mapping[str, Path]) -> None:
    listed = programs.run("git", "ls-files", "-z", cwd=ROOT).split("\0")[:-1]
    for file in (ROOT / path for path in listed):
        # A picture is no program that somebody would have to trust.
        assert not file.is_file() or file.suffix == ".webp" or is_text(file), file
    for file in (file for project in projects.values() for file in generated.files(project)):
        assert is_text(file), file


def test_the_images_of_the_tools_are_pinned_by_digest() -> None:
    images = re.findall(
        "^FROM (.+?)(?: AS .+)?$", (ROOT / ".ci/Dockerfile").read_text("utf-8"), re.M
    )

    assert images
    assert all(re.search("@sha256:[0-9a-f]{64}$", image) for image in images if image != "scratch")


def test_static_analysis_reads_code_and_workflows(render: Render) -> None:
    for folder in (render({}), ROOT):
        workflow = generated.parse(folder / ".github" / "workflows" / "codeql.yml")
        (job,) = workflow["jobs"].values()
        (languages,) = (s["with"]["languages"] for s in job["steps"] if "/init@" in s["uses"])
        assert languages == "actions, python"
    pipeline = generated.parse(render({"ci": "gitlab"}) / ".gitlab-ci.yml")
    assert {"template": "Jobs/SAST.gitlab-ci.yml"} in pipeline["include"]


def is_text(file: Path) -> bool:
    """Say whether a file can be reviewed by reading it."""
    try:
        return "\0" not in file.read_text("utf-8")
    except UnicodeDecodeError:
        return False
