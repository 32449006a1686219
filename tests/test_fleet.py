"""The report on a fleet tells the truth about each repository, and changes none."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import date
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NamedTuple

import generated
import pytest
import questions
import updating
import yaml
from repository import ROOT
from updating import NEWEST, git

from slipway.fleet.report import Report, Service, State
from slipway.fleet.survey import Survey
from slipway.fleet.template import Template

OLDEST = "v0.1.0"
HOSTILE = "<script>alert(1)[red]\x1b[31m"
OTHER = "https://someone:hunter2@example.com/other.git"


class Outcome(NamedTuple):
    """What a run of the program leaves."""

    stdout: str
    report: Report
    page: str
    folder: Path

    @property
    def rows(self) -> Mapping[str, Service]:
        """Map the last part of a repository's name to its row."""
        return {row.repository.rpartition("/")[2]: row for row in self.report.services}


@pytest.fixture(scope="module")
def releases(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clone the template with its releases, of which the newest has something new."""
    clone = updating.clone_with_releases(template, tmp_path_factory.mktemp("releases"))
    with (clone / "template" / ".editorconfig").open("a", encoding="utf-8") as file:
        file.write("\n[*.md]\nmax_line_length = off\n")
    updating.release(clone)
    return clone


@pytest.fixture(scope="module")
def folder(releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make repositories of all kinds."""
    folder = tmp_path_factory.mktemp("fleet")
    behind = updating.copy(releases, folder / "behind", OLDEST, {})
    updating.copy(releases, folder / "current", NEWEST, {"framework": "flask"})
    changes: dict[str, Mapping[str, object]] = {
        "conflict": {},
        "old-python": {"python_version": "3.9"},
        "distro": {"base_image": "distro", "_commit": f"{NEWEST}-3-g0123456"},
        "lost": {"_commit": "v5.0.0"},
        "other": {"_src_path": OTHER},
        HOSTILE: {"_commit": NEWEST, "framework": HOSTILE, "ci": "<b>", "database": "</td>"},
    }
    for name, answers in changes.items():
        shutil.copytree(behind, folder / name)
        file = folder / name / ".copier-answers.yml"
        file.write_text(
            yaml.safe_dump({**generated.read_answers(folder / name), **answers}), "utf-8"
        )
    with (folder / "conflict" / ".editorconfig").open("a", encoding="utf-8") as editorconfig:
        editorconfig.write("\n[*.txt]\nmax_line_length = 80\n")
    for name, text in {"damaged": "{", "not-a-project": None, "truncated": "[]"}.items():
        (folder / name).mkdir()
        path = folder / name / (".copier-answers.yml" if text else "README.md")
        path.write_text(text or "", "utf-8")
    (folder / "link").mkdir()
    (folder / "link" / ".copier-answers.yml").symlink_to(behind / ".copier-answers.yml")
    for project in folder.iterdir():
        git(project, "init", "--quiet")
        updating.commit(project, "Start")
    (folder / "no-git").mkdir()
    git(folder, "clone", "--quiet", "--bare", behind, folder / "bare.git")
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Serve nothing without a password."""

    class Refuse(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = HTTPServer(("127.0.0.1", 0), Refuse)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://someone:hunter2@127.0.0.1:{server.server_port}/private.git"
    server.shutdown()


@pytest.fixture(scope="module")
def sources(folder: Path, server: str) -> list[str]:
    """List what is reported on."""
    return [
        *(str(folder / name) for name in ("behind", "conflict", "current", "old-python", "distro")),
        *(str(folder / name) for name in ("other", "lost", "link", "gone", HOSTILE)),
        *(str(folder / name) for name in ("damaged", "truncated", "not-a-project", "no-git")),
        f"file://{folder}/bare.git",
        server,
    ]


@pytest.fixture(scope="module")
def outcome(
    releases: Path, folder: Path, sources: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Outcome:
    """Report on all of them, some given as arguments and some as lines."""
    programs = tmp_path_factory.mktemp("programs")
    for name in ("uv", "docker"):
        (programs / name).write_text(f"#!/bin/sh\ntouch {programs}/was-run\n", "utf-8")
        (programs / name).chmod(0o755)
    before = snapshot(folder)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        outcome = report(tmp_path_factory.mktemp("report"), releases, sources[:3], sources[2:])
    assert snapshot(folder) == before
    assert not (programs / "was-run").exists(), "an update that is tried locks no dependencies"
    return outcome


def test_each_repository_is_one_row(outcome: Outcome, sources: list[str]) -> None:
    assert len(outcome.report.services) == len(sources)
    assert {name: row.state for name, row in outcome.rows.items()} == {
        "behind": State.CLEAN,
        "bare.git": State.CLEAN,
        "conflict": State.CONFLICTS,
        "old-python": State.FAILS,
        "current": State.CURRENT,
        HOSTILE: State.CURRENT,
        "distro": State.AHEAD,
        "other": State.OTHER,
        **dict.fromkeys(("lost", "link", "damaged", "truncated", "not-a-project"), State.BROKEN),
        **dict.fromkeys(("gone", "no-git", "private.git"), State.BROKEN),
    }


def test_a_row_tells_the_version_and_how_far_it_is_behind(outcome: Outcome) -> None:
    releases = outcome.report.releases
    assert (releases[0], releases[-1]) == (OLDEST, NEWEST)
    assert set(updating.releases()) < set(releases)
    behind = outcome.rows["behind"]
    assert (behind.version, behind.behind) == (OLDEST, len(releases) - 1)
    assert (outcome.rows["current"].version, outcome.rows["current"].behind) == (NEWEST, 0)
    assert outcome.rows["distro"].release == NEWEST
    assert outcome.report.services[0].behind == len(releases) - 1
    assert outcome.report.services[-1].behind is None


def test_a_row_tells_the_answers(outcome: Outcome, folder: Path) -> None:
    answers = generated.read_answers(folder / "current")
    kept = {key: value for key, value in answers.items() if not key.startswith("_")}
    assert outcome.rows["current"].answers == kept
    assert outcome.rows["current"].answers["framework"] == "flask"
    assert set(outcome.report.choices) == set(questions.choices())


def test_a_row_tells_why_an_update_would_not_do(outcome: Outcome) -> None:
    assert outcome.rows["conflict"].conflicts == [".editorconfig"]
    assert "python_version" in outcome.rows["old-python"].reason
    assert outcome.rows["old-python"].version == OLDEST


@pytest.mark.parametrize(
    ("name", "reason"),
    {
        "lost": "its version, v5.0.0, is none of the template's",
        "link": ".copier-answers.yml is damaged: it names no template",
        "damaged": ".copier-answers.yml is damaged: it is not YAML",
        "truncated": ".copier-answers.yml is damaged: it names no template",
        "not-a-project": "it has no .copier-answers.yml, so no template made it",
        "gone": "there is no such folder",
        "no-git": "it is not a git repository",
        "private.git": "Authentication failed for 'http://127.0.0.1",
    }.items(),
)
def test_a_repository_that_cannot_be_read_says_why(
    outcome: Outcome, name: str, reason: str
) -> None:
    assert outcome.rows[name].reason.startswith(reason)


def test_pythons_are_those_that_the_template_offers(outcome: Outcome) -> None:
    assert outcome.rows["old-python"].python == "3.9"
    assert outcome.rows["old-python"].python_supported is False
    assert (outcome.rows["behind"].python, outcome.rows["behind"].python_until) == (
        "3.14",
        "2030-10",
    )
    assert outcome.rows["distro"].python == "3.13"  # Copier asks for none there


@pytest.mark.parametrize(
    ("today", "is_supported"),
    [(date(2026, 11, 1), True), (date(2030, 10, 31), True), (date(2030, 11, 1), False)],
)
def test_a_python_is_supported_until_the_end_of_its_month(
    releases: Path, folder: Path, tmp_path: Path, today: date, is_supported: bool
) -> None:
    work = Survey(Template.fetch(str(releases), tmp_path / "mirror.git"), today, False, 60)
    row = work.look(str(folder / "behind"))
    assert row.state == State.BEHIND
    assert row.python_supported is is_supported


def test_no_secret_of_an_address_is_shown(outcome: Outcome) -> None:
    assert outcome.rows["other"].template == "https://example.com/other.git"
    for text in (outcome.stdout, outcome.report.model_dump_json(), outcome.page):
        assert "hunter2" not in text
        assert "someone" not in text


def test_the_table_shows_hostile_names_as_they_are(outcome: Outcome) -> None:
    assert "\x1b" not in outcome.stdout
    assert "[red]" in outcome.stdout


class Page(HTMLParser):
    """Collects what a page consists of, and sees to it that what is opened is closed."""

    def read(self, text: str) -> "Page":
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        assert not self.open
        return self

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_needs_nothing_else(outcome: Outcome) -> None:
    elements = Page().read(outcome.page).elements
    assert not {tag for tag, _ in elements} & {"script", "link", "img", "iframe", "object", "b"}
    assert not [key for _, keys in elements for key in keys if key in ("src", "href", "onclick")]
    assert not re.search(r"@import|url\(", outcome.page)
    policies = [keys["content"] for _, keys in elements if "http-equiv" in keys]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_the_page_escapes_hostile_names(outcome: Outcome) -> None:
    assert "<script" not in outcome.page
    assert "&lt;script&gt;alert(1)" in outcome.page
    assert "<script>alert(1)" in Page().read(outcome.page).text


def test_the_page_can_be_read_by_everybody(outcome: Outcome) -> None:
    page = Page().read(outcome.page)
    assert ("html", {"lang": "en"}) in page.elements
    tables = [tag for tag, _ in page.elements if tag == "table"]
    captions = [tag for tag, _ in page.elements if tag == "caption"]
    assert len(tables) == len(captions) == 2
    assert all(keys.get("scope") in ("row", "col") for tag, keys in page.elements if tag == "th")
    assert "color-scheme: light dark" in outcome.page
    assert "@media print" in outcome.page
    bars = [keys for _, keys in page.elements if keys.get("class", "").startswith("bar ")]  # type: ignore[union-attr]
    assert {keys["title"] for keys in bars} == {row.state for row in outcome.report.services}
    for row in outcome.report.services:
        assert row.repository in page.text


def test_shards_merge_to_what_one_run_gives(
    releases: Path, sources: list[str], tmp_path: Path
) -> None:
    whole = report(tmp_path, releases, sources, options=("--no-try",))
    parts = []
    for number in ("1", "2"):
        part = tmp_path / number
        part.mkdir()
        run = report(part, releases, sources, options=("--no-try", "--shard", f"{number}/2"))
        assert 0 < len(run.report.services) < len(sources)
        parts.append(part / "report.json")
    merged = tmp_path / "merged"
    fleet("merge", *parts, "--json", merged, "--html", tmp_path / "merged.html")
    assert merged.read_text("utf-8") == (tmp_path / "report.json").read_text("utf-8")
    assert (tmp_path / "merged.html").read_text("utf-8") == whole.page
    assert {row.state for row in whole.report.services} == {
        *(State.BEHIND, State.CURRENT, State.AHEAD, State.OTHER, State.BROKEN)
    }


def test_a_repository_that_does_not_answer_is_given_up(releases: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/silent.git"
        outcome = report(tmp_path, releases, [url], options=("--timeout", "1"))
    assert outcome.rows["silent.git"].reason == "it took longer than 1 seconds"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    {
        ("report",): "No repository is named: add a directory or a URL.",
        (
            "report",
            ".",
            "--shard",
            "3/2",
        ): "Invalid value for '--shard': write a part such as 2/8, not 3/2; slip",
        ("report", ".", "--jobs", "0"): "Invalid value for '--jobs': ",
        (
            "report",
            ".",
            "--html",
            "gone/page.html",
        ): "Invalid value for '--html': gone/page.html cannot be written",
        ("report", "--from", "gone"): "Invalid value for '--from': 'gone': No such file",
        ("report", ".", "--template", "gone"): "The template gone cannot be cloned: repository",
        ("merge", "gone.json"): "gone.json cannot be read: No such file or directory.",
        ("merge", "pyproject.toml"): "pyproject.toml is not a report that --json wrote.",
        ("inspect",): "No such command 'inspect'; slipway fleet --help tells more.",
    }.items(),
)
def test_bad_arguments_get_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    result = execute(*arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith(sentence)
    assert result.stderr.count("\n") == 1


def test_a_template_without_releases_cannot_be_compared_with(folder: Path) -> None:
    result = execute("report", ".", "--template", str(folder / "behind"))
    assert result.returncode == 2
    assert "has no release to compare with" in result.stderr


def test_parts_of_different_runs_are_not_merged(outcome: Outcome, tmp_path: Path) -> None:
    older = outcome.report.model_copy(update={"releases": [OLDEST]})
    (tmp_path / "older.json").write_text(older.model_dump_json(), "utf-8")
    result = execute("merge", outcome.folder / "report.json", tmp_path / "older.json")
    assert result.returncode == 2
    assert result.stderr.startswith("The parts do not belong together")


@pytest.mark.parametrize("path", ["docs/fleet.md", ".github/workflows/fleet.yml"])
def test_options_that_are_written_about_exist(path: str) -> None:
    commands = re.findall(r"slipway fleet (\w+) (.+)", (ROOT / path).read_text("utf-8"))
    assert commands
    for command, words in commands:
        options = set(re.findall(r"(?<= )--[a-z-]+", words))
        assert options <= set(re.findall(r"--[a-z-]+", execute(command, "--help").stdout))


def execute(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run the program where a terminal would be wide enough."""
    return subprocess.run(
        [sys.executable, "-m", "slipway", "fleet", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "250"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def fleet(*arguments: str | Path) -> str:
    """Run the program, which must succeed and show no progress where there is no terminal."""
    result = execute(*arguments)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def report(
    folder: Path,
    template: Path,
    sources: list[str],
    lines: list[str] | None = None,
    options: tuple[str, ...] = (),
) -> Outcome:
    """Run the program with files for its results."""
    listed = folder / "list"
    listed.write_text("\n".join(lines or []), "utf-8")
    files = (f"--json={folder}/report.json", f"--html={folder}/report.html")
    stdout = fleet(
        "report", f"--template={template}", f"--from={listed}", *files, *options, *sources
    )
    text = (folder / "report.json").read_text("utf-8")
    assert json.loads(text)["services"]
    page = (folder / "report.html").read_text("utf-8")
    return Outcome(stdout, Report.model_validate_json(text), page, folder)


def snapshot(folder: Path) -> Mapping[Path, tuple[bytes, int]]:
    """Map each file, also git's own, to its content and its time."""
    return {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in generated.files(folder)}
