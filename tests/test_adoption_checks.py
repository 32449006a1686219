"""An adoption changes nothing until it is complete, and says what it has not checked."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import generated
import pytest
import stacks
import updating
from adoption import adopt, copy_application, write_application
from repository import ROOT

from slipway.adopt.staging import Stage

INTERRUPTED = "Not adopted: interrupted; nothing has been changed."
SLOW_DOCKER = """#!/bin/sh
case $1 in
build)
  echo started >"$STARTED"
  trap 'echo ended >"$STARTED"; exit 1' TERM
  while :; do sleep 0.1; done
  ;;
esac
"""


@contextmanager
def programs(folder: Path, **scripts: str) -> Iterator[str]:
    """Put programs before the others of this machine."""
    folder.mkdir()
    for name, text in scripts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    yield f"{folder}:{os.environ['PATH']}"


def command(project: Path, template: Path, *options: str) -> list[str]:
    """Write the command that adopts an application."""
    return [
        sys.executable,
        "-m",
        "slipway",
        "adopt",
        str(project),
        f"--template={template}",
        *options,
    ]


def untouched(project: Path) -> bool:
    """Say whether nothing was added to an application or changed in it."""
    return updating.git(project, "status", "--porcelain", "--ignored") == ""


# Interrupted


@pytest.mark.parametrize(
    ("request_to_end", "status"), [("ctrl-c", 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_an_interruption_at_a_question_leaves_what_was_written_meanwhile(
    template: Path, tmp_path: Path, request_to_end: str | signal.Signals, status: int
) -> None:
    project = copy_application("page", tmp_path)
    terminal, inner = pty.openpty()
    with subprocess.Popen(
        command(project, template), cwd=ROOT, stdin=inner, stdout=inner, stderr=inner
    ) as process:
        os.close(inner)
        printed = read_until(terminal, "What is the project called?")
        (project / "notes.txt").write_text("mine\n")
        if isinstance(request_to_end, signal.Signals):
            process.send_signal(request_to_end)
        else:
            os.write(terminal, b"\x03")
        printed += read_until(terminal, "")
        assert process.wait(30) == status
    os.close(terminal)
    *_, line = printed.strip().splitlines()
    assert line.strip().endswith(INTERRUPTED)
    assert "Traceback" not in printed
    assert updating.git(project, "status", "--porcelain", "--ignored") == "?? notes.txt\n"
    assert (project / "notes.txt").read_text() == "mine\n"


def read_until(terminal: int, text: str) -> str:
    """Read what a program prints until there is this text, or the program ends."""
    printed = ""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (text and text in printed):
        if select.select([terminal], [], [], 1)[0]:
            try:
                printed += os.read(terminal, 4096).decode()
            except OSError:  # the other end is closed
                break
    return printed


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_while_locking_ends_that_and_changes_nothing(
    template: Path, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    project = copy_application("page", tmp_path)
    started = tmp_path / "started"
    with programs(tmp_path / "bin", docker=SLOW_DOCKER) as path:
        process = subprocess.Popen(
            command(project, template, "--defaults"),
            cwd=ROOT,
            env={**os.environ, "PATH": path, "STARTED": str(started)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        stacks.eventually(started.exists)
        (project / "notes.txt").write_text("mine\n")
        process.send_signal(number)
        printed, _ = process.communicate(timeout=60)
    assert process.returncode == status
    assert printed.splitlines()[-1] == INTERRUPTED
    assert started.read_text() == "ended\n"
    assert updating.git(project, "status", "--porcelain", "--ignored") == "?? notes.txt\n"


# Written whole


def test_what_was_written_meanwhile_stays(tmp_path: Path) -> None:
    stage = prepare(tmp_path)
    (stage.root / "Dockerfile").write_text("mine\n")
    (stage.root / "uv.lock").write_text("mine\n")
    assert stage.bring_over() == ["Dockerfile", "uv.lock"]
    assert (stage.root / "Dockerfile").read_text() == "mine\n"
    assert (stage.root / "uv.lock").read_text() == "mine\n"
    assert (stage.root / "scripts" / "lock.sh").read_text() == "of the template\n"


def test_a_lock_is_renewed(tmp_path: Path) -> None:
    stage = prepare(tmp_path)
    assert stage.bring_over() == []
    assert (stage.root / "uv.lock").read_text() == "new\n"


def test_what_cannot_be_written_whole_is_taken_back(tmp_path: Path) -> None:
    stage = prepare(tmp_path)
    (stage.root / "zone").write_text("a file where a folder is needed\n")
    with pytest.raises(OSError, match="zone"):
        stage.bring_over()
    assert generated.read_tree(stage.root) == {
        "app.py": "",
        "uv.lock": "old\n",
        "zone": "a file where a folder is needed\n",
    }
    assert not (stage.root / "scripts").exists()


def prepare(folder: Path) -> Stage:
    """Prepare a small adoption."""
    texts = {"Dockerfile": "", "scripts/lock.sh": "of the template\n", "zone/file": ""}
    for path, text in {"root/app.py": "", "root/uv.lock": "old\n"}.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    for path, text in texts.items():
        (folder / "rendered" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "rendered" / path).write_text(text)
    stage = Stage(folder / "root", folder / "stage", frozenset({"app.py", "uv.lock"}))
    stage.copy_application()
    stage.add(folder / "rendered")
    (stage.folder / "uv.lock").write_text("new\n")
    stage.add_locks()
    return stage


# Not checked


def test_without_an_engine_it_says_that_nothing_was_checked(template: Path, tmp_path: Path) -> None:
    project = copy_application("page", tmp_path)
    with programs(tmp_path / "bin", docker="#!/bin/sh\nexit 1\n") as path:
        words = command(project, template, "--defaults")
        result = stacks.execute(*words, cwd=ROOT, PATH=path)
    assert result.returncode == 0, result.stdout
    sentence = "Nothing is locked or checked, as no Docker Engine with Compose answers: start one"
    assert sentence in result.stdout
    assert "Adopted" not in result.stdout
    assert (project / "Dockerfile").exists()


def test_what_was_not_asked_for_is_not_called_checked(template: Path, tmp_path: Path) -> None:
    printed = adopt(template, copy_application("page", tmp_path))
    assert "Nothing is locked or checked: run make lock" in printed
    assert "Adopted" not in printed


# Beside another template


def test_the_answers_of_another_template_stay(template: Path, tmp_path: Path) -> None:
    theirs = "_src_path: https://example.com/other\nlanguage: en\n"
    files = {"requirements.txt": "flask\n", "app.py": "app = Flask(1)\n"}
    project = write_application(tmp_path / "shop", {**files, ".copier-answers.yml": theirs})
    printed = adopt(template, project)
    assert "Note: The answers are in .copier-answers.slipway.yml" in printed
    assert (project / ".copier-answers.yml").read_text() == theirs
    mine = (project / ".copier-answers.slipway.yml").read_text()
    assert "entry_point: app:app" in mine
    assert 'change answers with "copier update --trust --answers-file' in mine
    new = updating.git(project, "ls-files", "--others", "--exclude-standard").splitlines()
    for path in new:  # what names the answers means these
        text = (project / path).read_text()
        if path != ".copier-answers.slipway.yml":
            assert ".copier-answers.yml" not in text, path
    assert ".copier-answers.slipway.yml" in (project / "scripts/update-template.sh").read_text()


@pytest.mark.parametrize("name", [".copier-answers.yml", ".copier-answers.slipway.yml"])
@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ("own_files: [app.py]\nentry_point: app:app\n", "it is adopted already"),
        (
            "framework: flask\ndependency_manager: uv\npackage_name: shop\n",
            "it is a project of this template",
        ),
    ],
)
def test_a_project_of_this_template_is_refused(
    template: Path, tmp_path: Path, name: str, answers: str, sentence: str
) -> None:
    files = {"requirements.txt": "flask\n", "app.py": "app = Flask(1)\n"}
    project = write_application(tmp_path / "shop", {**files, name: answers})
    result = stacks.execute(*command(project, template, "--defaults"), cwd=ROOT)
    assert result.returncode == 1
    assert f"Not adopted: {sentence}, as {name} says: run make update in it." in result.stdout
    assert untouched(project)


def test_another_answers_file_can_be_named(template: Path, tmp_path: Path) -> None:
    files = {"requirements.txt": "flask\n", "app.py": "app = Flask(1)\n"}
    others = dict.fromkeys((".copier-answers.yml", ".copier-answers.slipway.yml"), "[]\n")
    project = write_application(tmp_path / "shop", {**files, **others})
    result = stacks.execute(*command(project, template, "--defaults"), cwd=ROOT)
    assert result.returncode == 1
    assert "for example --answers-file .copier-answers.containers.yml." in result.stdout
    adopt(template, project, "--answers-file=.copier-answers.containers.yml")
    assert "own_files" in (project / ".copier-answers.containers.yml").read_text()
