"""Copying and updating run what docs/trust.md lists, and nothing else."""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest
import stacks
import updating
import yaml
from repository import ROOT
from updating import Renderings

LINE = re.compile(r"\| \[`(\S+\.py)`\]\(\.\./\1\) \| (.+?) \| (.+?) \| .+ \|")
LISTED = LINE.findall((ROOT / "docs" / "trust.md").read_text("utf-8"))
NOT_RUN = "not run"

Starts = Mapping[str, set[str]]  # by the code that starts a program; "" for Copier itself


@pytest.fixture
def programs(bare_path: str, tmp_path: Path) -> str:
    """Build a PATH without what can lock dependencies, but for a stand-in that is written down."""
    (tmp_path / "bin").mkdir()
    uv = tmp_path / "bin" / "uv"
    uv.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/uv.log\n', "utf-8")
    uv.chmod(0o755)
    return f"{uv.parent}:{bare_path}"


def test_the_list_has_all_code_that_copier_is_told_to_run() -> None:
    config = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
    unsafe = [config[f"_{feature}"] for feature in ("jinja_extensions", "tasks", "migrations")]

    assert {code for code, *_ in LISTED} == set(re.findall(r"\w+/\w+\.py", str(unsafe)))
    for entry in (*config["_tasks"], *config["_migrations"]):
        program, script, *_ = entry["command"]
        assert program == "{{ _copier_python }}"
        assert script.startswith("{{ _copier_conf.src_path }}/tasks/")


def test_a_copy_starts_what_is_listed(
    project_of: Renderings, programs: str, tmp_path: Path
) -> None:
    starts = watch(tmp_path, programs, "copy", str(project_of.template), str(tmp_path / "project"))

    check(starts, {code: copied for code, copied, _ in LISTED})
    assert (tmp_path / "uv.log").read_text("utf-8").splitlines()[1:] == ["lock"]


def test_an_update_starts_what_is_listed(
    project_of: Renderings, programs: str, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    updating.start(project_of.template, project, next(iter(updating.releases())), {})

    starts = watch(tmp_path, programs, "update", "--data=cache=valkey", str(project))

    check(starts, {code: updated for code, _, updated in LISTED})
    assert (tmp_path / "uv.log").read_text("utf-8").splitlines()[1:] == ["lock"]


def watch(folder: Path, programs: str, *arguments: str) -> Starts:
    """Run Copier and tell what was started by whom."""
    result = stacks.execute(
        *(sys.executable, "-m", "copier", arguments[0], "--trust", "--defaults", *arguments[1:]),
        cwd=folder,
        PATH=programs,
        PYTHONPATH=str(ROOT / "tests" / "started"),
        WATCHED_CODE=" ".join(code for code, *_ in LISTED),
        WATCHED_LOG=str(folder / "log"),
    )
    assert result.returncode == 0, result.stdout
    starts = defaultdict(set)
    for line in (folder / "log").read_text("utf-8").splitlines():
        code, program, *options = json.loads(line)
        command = " ".join([Path(program).name, *options])
        starts[code].add(re.sub(r"^git -C \S+", "git", command))
    return starts


def check(starts: Starts, listed: Mapping[str, str]) -> None:
    """Compare what was started with the list."""
    python = Path(sys.executable).name
    scripts = {re.sub(rf"^{python} \S*/(tasks/\w+\.py).*", r"\1", start) for start in starts[""]}
    assert {script for script in scripts if not script.startswith(("git ", "uname "))} == {
        code for code, words in listed.items() if words != NOT_RUN and code.startswith("tasks/")
    }
    assert starts.keys() <= {"", *listed}
    for code, words in listed.items():
        allowed = re.findall("`(.+?)`", words)
        unlisted = [c for c in starts.get(code, ()) if not c.startswith(tuple(allowed))]
        assert not unlisted, code
        for command in allowed:
            assert any(start.startswith(command) for start in starts.get(code, ())), code
