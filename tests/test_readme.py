"""The commands of the README do what it says."""

import os
import re
import subprocess

import generated
import programs
import pytest
from repository import ROOT

FIRST, SECOND = re.findall(r"```console\n(.+)\n```", (ROOT / "README.md").read_text("utf-8"))


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_the_first_command_makes_a_project(
    umask: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("fresh")
    with generated.umask(umask):
        programs.run("git", "clone", "--quiet", ROOT, folder / "slipway")
        result = subprocess.run(
            ["bash", "-c", FIRST],
            cwd=folder / "slipway",
            env={**os.environ, "COPIER_SETTINGS_PATH": os.devnull},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    assert result.returncode == 0, result.stderr
    project = folder / "harbour-api"
    written = project / "src" / "harbour_api" / "app.py"
    assert written.stat().st_mode & 0o777 == 0o666 & ~umask
    assert "\n  docker compose up --build\n\nThen open" in result.stderr
    assert (project / "uv.lock").exists() or "make lock" in result.stderr
    assert generated.read_answers(project)["_src_path"] == str(folder / "slipway")


def test_continuous_integration_runs_the_second_command() -> None:
    for file in (".ci/run", ".github/workflows/ci.yml"):
        assert SECOND in (ROOT / file).read_text("utf-8")


def test_the_requirements_name_all_that_the_catalogue_lists() -> None:
    files = ("testing.txt", "tools.txt")
    listed = "".join((ROOT / "requirements" / file).read_text("utf-8") for file in files)
    for file in generated.files(ROOT / "catalogue" / "requirements"):
        assert f"-r ../{file.relative_to(ROOT).as_posix()}\n" in listed
