"""Questions as people see them, in a terminal of 80 columns and 24 lines."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import generated
import pexpect
import pyte
import pytest
import questions

COLUMNS, LINES = 80, 24
CLEAR = "\x15"  # Ctrl+U
DOWN = "\x1b[B"  # the arrow
PATIENCE = 60  # seconds
# Which a name, a program and a workspace have; "workspace" itself comes before "details".
UNASKED = ("author_email", "package_formats", "workspace", "shared_servers")


class Terminal:
    """A terminal in which Copier asks."""

    def __init__(self, template: Path, folder: Path) -> None:
        """Start a copy."""
        self.screen = pyte.Screen(COLUMNS, LINES)
        self.stream = pyte.Stream(self.screen)
        self.process = pexpect.spawn(
            sys.executable,
            ["-m", "copier", "copy", "--trust", "--skip-tasks", str(template), "project"],
            cwd=str(folder),
            env={**os.environ, "TERM": "xterm", "COLUMNS": str(COLUMNS), "LINES": str(LINES)},
            dimensions=(LINES, COLUMNS),
            encoding="utf-8",
            timeout=PATIENCE,
        )

    def shows(self, text: str) -> None:
        """Wait until the screen shows a text, wherever its lines break."""
        wanted = "".join(text.split())
        while wanted not in "".join("".join(self.screen.display).split()):
            try:
                self.stream.feed(self.process.read_nonblocking(4096, timeout=PATIENCE))
            except (pexpect.TIMEOUT, pexpect.EOF):
                pytest.fail("\n".join([f"not shown: {text}", *self.screen.display]))

    def type(self, text: str) -> None:
        """Type something and press Enter."""
        self.process.send(f"{text}\r")


@pytest.fixture
def terminal(template: Path, tmp_path: Path) -> Iterator[Terminal]:
    """Start a copy in a terminal."""
    terminal = Terminal(template, tmp_path)
    yield terminal
    terminal.process.close(force=True)


@pytest.mark.parametrize("framework", questions.choices()["framework"])
def test_a_newcomer_is_asked_nine_questions_at_the_most(
    terminal: Terminal, tmp_path: Path, framework: str
) -> None:
    kept = questions.keep({"framework": framework})
    relevant = [key for key in questions.asked() if key in kept and key not in UNASKED]
    asked = relevant[: relevant.index("details") + 1]
    assert len(asked) <= 9
    for key in asked:
        terminal.shows(questions.asked()[key]["help"])
        steps = questions.choices()[key].index(framework) if key == "framework" else 0
        terminal.type(DOWN * steps)
    terminal.shows("Harbour API is ready")

    assert generated.read_answers(tmp_path / "project")["framework"] == framework


def test_every_question_can_be_answered_by_what_the_screen_says(
    terminal: Terminal, tmp_path: Path
) -> None:
    typed = {
        "project_name": ("7 Seas", "Try Harbour API: ", "My Shop"),
        "project_slug": ("My-Shop", "Try harbour-api: ", "my-shop"),
        "port": ("80", "Try 8000: ", "8080"),
        "os_packages_build": ("git;", "Try libgdal-dev libgeos-dev", "git, libgdal-dev"),
        "os_packages_runtime": ("--yes", "Try libgdal-dev libgeos-dev", ""),
    }
    terminal.shows("Ctrl+U to clear")
    asked = questions.asked()
    for key, question in asked.items():
        if key in UNASKED:
            continue
        terminal.shows(question["help"])
        for label in question.get("choices", ()):
            terminal.shows(label)
        wrong, advice, answer = typed.get(key, ("", "", ""))
        if key == "details":
            terminal.process.send("y")  # which needs no Enter
        elif wrong:
            terminal.type(f"{CLEAR}{wrong}")
            terminal.shows(f"Validation error for question '{key}': {advice}")
            terminal.type(f"{CLEAR}{answer}")
        else:
            terminal.type("")
    terminal.shows("My Shop is ready")

    answers = generated.read_answers(tmp_path / "project")
    assert answers["project_slug"] == "my-shop"
    assert answers["package_name"] == "my_shop"
    assert answers["port"] == 8080
    dockerfile = (tmp_path / "project" / "Dockerfile").read_text("utf-8")
    assert "        git \\\n        libgdal-dev \\\n" in dockerfile
