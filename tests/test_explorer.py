"""The explorer shows what Copier writes, and nothing of it needs a server or another host."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import browser
import explorer
import generated
import programs
import pytest
import updating
import yaml
from combinations import COMBINATIONS
from conftest import Render
from playwright.sync_api import Browser, Page, expect
from repository import ROOT
from sampling import some
from updating import Renderings

from extensions.answers import port_problem
from tools.site import build, documentation, packages
from tools.site.engine import questions, rendering
from tools.site.engine.workers import Release

in_browser = [pytest.mark.browser, pytest.mark.docker]

ADDRESS = "https://github.com/slipway-template/slipway"
PRESETS = {file.stem: file for file in generated.files(ROOT / "presets", "*.yml")}
FIRST_VIEW = 2.0  # seconds
RENDERING = 1.5
SLOWER = 6  # times, where other tests run beside it
WIDTHS = {"phone": 360, "wide": 1600}
VIEWS = ("Look", "Compare", "Take")

Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def clone(project_of: Renderings) -> Iterator[Path]:
    """Find the template with its releases where git asks for its public address."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GIT_CONFIG_COUNT", "2")
        for number, address in enumerate((ADDRESS, f"{ADDRESS}.git")):  # as Copier completes it
            key = f"url.{project_of.template.as_uri()}.insteadOf"
            environment.setenv(f"GIT_CONFIG_KEY_{number}", key)
            environment.setenv(f"GIT_CONFIG_VALUE_{number}", address)
        yield project_of.template


@pytest.fixture(scope="module")
def built(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, build.Sizes]:
    """Build the site; without a network the tests are skipped, but fail in CI."""
    folder = tmp_path_factory.mktemp("explorer") / "site"
    try:
        packages.node_modules()
        packages.wheels()
    except subprocess.CalledProcessError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"what the explorer is made of cannot be had: {error}")
    return folder, build.build(clone, folder, is_documented=False)


@pytest.fixture(scope="module")
def site(built: tuple[Path, build.Sizes]) -> Iterator[str]:
    with explorer.served(built[0]) as address:
        yield address


@pytest.fixture(scope="module")
def requests() -> list[str]:
    """Collect where the page's requests go."""
    return []


@pytest.fixture(scope="module")
def chrome(chromium: str) -> Iterator[Browser]:
    with browser.connection(chromium) as connected:
        yield connected


@pytest.fixture(scope="module")
def page(chrome: Browser, site: str, requests: list[str]) -> Iterator[Page]:
    """Open the explorer once, with its engine."""
    with browser.watched(chrome) as tab:
        tab.context.on("request", lambda request: requests.append(request.url))
        tab.goto(site)
        explorer.wait_for_engine(tab)
        yield tab


def make(words: list[str], folder: Path) -> explorer.Tree:
    """Run the command that the page shows, with the Copier that is installed here."""
    start = words.index("copier")
    *options, _ = words[start + 1 :]
    programs.run("copier", *options, "--quiet", "--skip-tasks", folder)
    return explorer.read(folder)


# What is built


def test_types_are_right(tmp_path: Path, built: tuple[Path, build.Sizes]) -> None:
    source, modules = ROOT / "tools" / "site", packages.node_modules()
    shutil.copytree(source / "page", tmp_path / "page")
    shutil.copy2(source / "tsconfig.json", tmp_path)
    (tmp_path / "node_modules").symlink_to(modules)
    compiler = (modules / ".bin" / "tsc").resolve()
    node, _ = packages.npm()
    result = subprocess.run(
        [node, compiler, "--project", tmp_path], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout


def test_a_visitor_downloads_no_more_than_is_promised(
    built: tuple[Path, build.Sizes], record_property: Record
) -> None:
    folder, sizes = built
    for part, size in sizes.parts.items():
        record_property("explorer", (f"MB of {part}", f"{size / 1e6:.2f}", ""))
    record_property("explorer", ("MB in all", f"{sizes.total / 1e6:.2f}", build.MOST / 1e6))
    site = json.loads(next(folder.glob("app-*/site.json")).read_text("utf-8"))

    assert sizes.total <= build.MOST
    assert site["bytes"] == sizes.total


def test_every_release_is_offered(built: tuple[Path, build.Sizes]) -> None:
    site = json.loads(next(built[0].glob("app-*/site.json")).read_text("utf-8"))

    assert [each["reference"] for each in site["releases"]] == [
        updating.NEWEST,
        *reversed([*updating.releases()]),
    ]


def test_the_page_has_no_script_of_its_own(built: tuple[Path, build.Sizes]) -> None:
    text = (built[0] / "index.html").read_text("utf-8")
    policy = re.findall(r'Content-Security-Policy" content="(.*?)"', text)[0]

    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy
    assert re.findall(r"<script(?![^>]* src=)|<style| on\w+=| style=", text) == []


# The documentation


def test_a_question_has_a_page_that_says_what_changes(render: Render, template: Path) -> None:
    release = Release(template, ADDRESS, updating.NEWEST, updating.NEWEST, "0" * 40)
    (field,) = (each for each in questions.look(release, {})["fields"] if each["key"] == "cache")
    page = "\n".join(documentation.describe(field, False, release, rendering.render(release, {})))
    before, after = (set(explorer.read(render(answers))) for answers in ({}, {"cache": "valkey"}))
    section = page.partition("\n## valkey\n")[2].partition("\n## ")[0]
    brought = section.partition("It brings")[2].partition("</details>")[0]

    assert field["help"] in page
    assert {*re.findall(r"^- `(.+)`$", brought, re.MULTILINE)} == after - before != set()


@pytest.mark.thorough  # renders each answer
def test_the_documentation_is_built_and_its_links_lead_somewhere(
    template: Path, tmp_path: Path
) -> None:
    release = Release(template, ADDRESS, updating.NEWEST, updating.NEWEST, "0" * 40)
    documentation.build(release, [], tmp_path / "docs")
    asked = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))["base_image"]["choices"]
    page = (tmp_path / "docs" / "questions" / "base_image.html").read_text("utf-8")

    assert all(f'id="{value}"' in page for value in asked.values())
    for document in (ROOT / "docs").glob("*.md"):
        assert (tmp_path / "docs" / "docs" / f"{document.stem}.html").exists()


# The program


def explore(*words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "slipway", "explore", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_it_says_what_to_do_where_nothing_is_built(tmp_path: Path) -> None:
    with explore("--site", str(tmp_path)) as process:
        said, _ = process.communicate(timeout=60)

    assert said == "The explorer is not built yet: run python -m tools.site.\n"
    assert process.returncode == 1


def test_it_serves_what_is_built(tmp_path: Path) -> None:
    page = (ROOT / "tools" / "site" / "page" / "index.html").read_text("utf-8")
    (tmp_path / "index.html").write_text(page, "utf-8")
    with explore("--site", str(tmp_path), "--no-browser") as process:
        try:
            assert process.stdout
            address = re.findall(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())[0]
            with urlopen(address) as answer:  # noqa: S310  (it is ours)
                assert answer.read().decode() == page
                assert answer.headers["Content-Security-Policy"] in page
            with pytest.raises(HTTPError, match="404"):
                urlopen(f"{address}nothing.js")  # noqa: S310
        finally:
            process.terminate()


# In the browser


class TestPage:
    """What is seen, and what is taken along."""

    pytestmark = in_browser

    def test_the_first_view_is_there_before_the_engine(
        self, chrome: Browser, site: str, record_property: Record
    ) -> None:
        with browser.watched(chrome) as tab:
            begin = time.monotonic()
            tab.goto(site)
            tab.get_by_role("treeitem", name="README.md").wait_for()
            taken = time.monotonic() - begin
            assert tab.locator("[data-status=loading]").count() == 1
        record_property("explorer", ("seconds to the first view", f"{taken:.2f}", FIRST_VIEW))
        assert taken < FIRST_VIEW * SLOWER

    def test_presets_do_not_wait_for_the_engine(self, chrome: Browser, site: str) -> None:
        with browser.watched(chrome) as tab:
            tab.goto(site)
            tab.locator("input[name=database][value=mysql]").check()
            expect(tab.locator("[data-busy=true]")).to_be_attached()
            tab.get_by_role("button", name="site", exact=True).click()
            expect(tab.get_by_role("treeitem", name="nginx", exact=True)).to_be_visible()
            assert tab.locator("[data-status=loading]").count() == 1

    @pytest.mark.parametrize("preset", PRESETS)
    def test_a_preset_is_what_copier_writes(
        self, page: Page, preset: str, tmp_path: Path, record_property: Record
    ) -> None:
        answers = yaml.safe_load(PRESETS[preset].read_text("utf-8"))
        explorer.show(page, "")
        page.get_by_role("button", name=preset, exact=True).click()
        explorer.wait_for_rendering(page)
        prepared = explorer.take_zip(page)
        shown = explorer.command(page, "The command that makes this project")
        begin = time.monotonic()
        explorer.show(page, explorer.fragment(answers))  # all answers, which nobody has prepared
        record_property(
            "explorer",
            (f"seconds to render {preset}", f"{time.monotonic() - begin:.2f}", RENDERING),
        )
        rendered = explorer.take_zip(page)

        assert make(shown, tmp_path / "project") == prepared == rendered
        remembered = yaml.safe_load((tmp_path / "project" / ".copier-answers.yml").read_text())
        assert remembered.items() >= answers.items()
        assert remembered["_src_path"] == ADDRESS
        assert remembered["_commit"] == updating.NEWEST

    @pytest.mark.parametrize("combination", some(COMBINATIONS, 20))
    def test_other_answers_are_what_copier_writes(
        self, page: Page, combination: str, tmp_path: Path
    ) -> None:
        explorer.show(page, explorer.fragment(COMBINATIONS[combination]))
        rendered = explorer.take_zip(page)
        shown = explorer.command(page, "The command that makes this project")

        assert make(shown, tmp_path / "project") == rendered
        answers = yaml.safe_load(rendered[".copier-answers.yml"][0])
        assert answers.items() >= COMBINATIONS[combination].items()

    def test_the_answers_make_the_same_project_as_a_file(self, page: Page, tmp_path: Path) -> None:
        given = {"cache": "redis", "os_packages_build": ["git"], "port": 9000}
        explorer.show(page, explorer.fragment({**given, "framework": "fastapi"}))
        answers = explorer.take(page, "Answers as a file").decode()

        assert yaml.safe_load(answers) == given

    def test_a_link_leads_to_a_file_of_a_combination(self, chrome: Browser, site: str) -> None:
        preset = yaml.safe_load(PRESETS["site"].read_text("utf-8"))
        with browser.watched(chrome) as tab:
            tab.goto(site)
            tab.get_by_role("button", name="site", exact=True).click()
            tab.get_by_role("treeitem", name="compose.prod.yaml").click()
            link = tab.url
        with browser.watched(chrome) as other:
            other.goto(link)
            expect(other.get_by_label("Content of compose.prod.yaml")).to_contain_text("nginx")
            for key in ("framework", "cache"):
                expect(other.locator(f"input[name={key}][value={preset[key]}]")).to_be_checked()
            expect(other.get_by_role("button", name="site", exact=True)).to_have_attribute(
                "aria-pressed", "true"
            )

    def test_questions_appear_as_in_a_terminal(self, page: Page) -> None:
        explorer.show(page, "")
        asked = page.locator("[data-key]").evaluate_all("all => all.map(one => one.dataset.key)")
        template = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
        always = [
            key
            for key, question in template.items()
            if isinstance(question, dict) and "help" in question and "ask" not in question
        ]
        assert asked == [key for key in always if key in asked]
        page.get_by_role("switch").check()
        explorer.wait_for_rendering(page)
        details = page.locator("[data-key]").evaluate_all("all => all.map(one => one.dataset.key)")

        assert {*details} > {*asked}
        assert "port" in details
        assert "own_files" not in details

    def test_a_refused_answer_shows_the_templates_sentence(self, page: Page) -> None:
        explorer.show(page, "details=true")
        question = page.locator("[data-key=port]")
        question.get_by_role("textbox").fill("80")
        explorer.wait_for_rendering(page)

        expect(question.get_by_role("status")).to_have_text(port_problem(80))
        expect(page.get_by_role("alert")).to_contain_text(port_problem(80))
        question.get_by_role("textbox").fill("eighty")
        explorer.wait_for_rendering(page)
        expect(question.get_by_role("status")).to_have_text("Invalid input")
        expect(page.get_by_role("alert")).to_contain_text("Write a whole number")
        question.get_by_role("button").click()
        explorer.wait_for_rendering(page)
        expect(question.locator(".problem")).to_be_hidden()
        expect(page.get_by_role("alert")).to_be_hidden()

    def test_a_link_may_be_older_than_the_page(self, chrome: Browser, site: str) -> None:
        with browser.watched(chrome) as tab:
            tab.goto(f"{site}#{explorer.fragment({}, release='v0.0.1')}")
            expect(tab.get_by_text("v0.0.1 is not offered here")).to_be_visible()
            expect(tab.get_by_role("treeitem", name="README.md")).to_be_visible()
            assert ".release" not in tab.url

    def test_a_link_to_a_refused_answer_says_so_and_goes_on(self, page: Page, site: str) -> None:
        page.goto("about:blank")
        page.goto(f"{site}#{explorer.fragment({'port': '80'})}")
        expect(page.get_by_role("alert")).to_contain_text(port_problem(80), timeout=explorer.READY)
        expect(page.get_by_text("as soon as no answer is refused")).to_be_visible()
        page.locator("[data-key=port]").get_by_role("button").click()
        explorer.wait_for_rendering(page)
        expect(page.get_by_role("treeitem", name="README.md")).to_be_visible()

    def test_search_finds_names_and_texts(self, page: Page) -> None:
        explorer.show(page, "")
        page.get_by_role("searchbox").fill("HEALTHCHECK ")
        expect(page.locator("[data-path='Dockerfile']")).to_be_visible()
        page.get_by_role("searchbox").fill("entrypoint.sh")
        expect(page.locator("[data-path='scripts/entrypoint.sh']")).to_be_visible()
        page.get_by_role("searchbox").fill("no such thing")
        expect(page.get_by_text("0 of ")).to_be_visible()
        page.get_by_role("searchbox").fill("")

    def test_an_answer_changes_what_an_update_changes(
        self, page: Page, clone: Path, tmp_path: Path
    ) -> None:
        project = tmp_path / "project"
        programs.run(
            "copier", "copy", "--trust", "--defaults", "--quiet", "--skip-tasks", ADDRESS, project
        )
        updating.git(project, "init", "--quiet")
        updating.commit(project, "Start")
        explorer.show(page, explorer.fragment({}, view="compare"))
        page.get_by_role("button", name="Keep these answers").click()
        page.locator("input[name=cache][value=valkey]").check()
        explorer.wait_for_rendering(page)
        shown = explorer.files_that_differ(page)
        page.get_by_text("The command that brings").click()
        words = explorer.command(page, "The command that updates a project")
        rendered = explorer.take_zip(page)
        programs.run(words[0], *words[1:], "--quiet", "--skip-tasks", cwd=project)

        changed = updating.git(project, "status", "--porcelain", "--untracked-files=all")
        assert {line[3:] for line in changed.splitlines()} == shown
        assert explorer.read(project) == rendered

    def test_a_release_changes_what_it_renders_differently(
        self, page: Page, project_of: Renderings
    ) -> None:
        old = [*updating.releases()][-1]
        answers = explorer.read(project_of(old, {}))[".copier-answers.yml"][0].decode()
        explorer.show(page, explorer.fragment({}, view="compare"))
        page.get_by_label("Paste the").fill(answers)
        page.get_by_role("button", name="Compare with these").click()
        explorer.wait_for_rendering(page)
        shown = explorer.files_that_differ(page)
        trees = [explorer.read(project_of(version, {})) for version in (old, updating.NEWEST)]

        assert shown == {
            path
            for path in trees[0].keys() | trees[1].keys()
            if trees[0].get(path) != trees[1].get(path)
        }

    def test_answers_that_are_none_are_refused(self, page: Page) -> None:
        explorer.show(page, explorer.fragment({}, view="compare"))
        page.get_by_label("Paste the").fill("harbour")
        page.get_by_role("button", name="Compare with these").click()
        expect(page.get_by_text("These are no answers")).to_be_visible()
        page.get_by_label("Paste the").fill("_commit: v0.0.1\n")
        page.get_by_role("button", name="Compare with these").click()
        expect(page.get_by_text("none of the releases")).to_be_visible()

    def test_services_are_drawn_with_what_they_wait_for(self, page: Page) -> None:
        explorer.show(page, explorer.fragment({"cache": "valkey"}, view="take"))
        drawn = page.get_by_role("img").first.get_attribute("aria-label") or ""

        assert "web waits for migrate, cache" in drawn
        assert "database waits for nothing" in drawn
        assert page.locator("svg .line").count() > 3

    def test_the_keyboard_is_enough(self, page: Page) -> None:
        explorer.show(page, "")
        page.evaluate("document.activeElement.blur()")
        press_until(page, "[name=framework]:checked")
        page.keyboard.press("ArrowDown")
        explorer.wait_for_rendering(page)
        expect(page.locator("[name=framework][value=flask]")).to_be_checked()
        page.keyboard.press("Control+k")
        page.keyboard.type("gunicorn.conf.py")
        page.keyboard.press("Enter")
        expect(page.get_by_label("Content of ")).to_be_visible()
        press_until(page, "[role=treeitem]")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("End")
        page.keyboard.press("Enter")
        opened = page.evaluate("document.activeElement.dataset.path")
        expect(page.get_by_label(f"Content of {opened}")).to_be_visible()
        press_until(page, "[aria-label^='Content of']")
        page.get_by_role("searchbox").fill("")

    @pytest.mark.parametrize("colours", ["light", "dark"])
    @pytest.mark.parametrize("width", WIDTHS)
    def test_axe_finds_nothing(self, page: Page, colours: Any, width: str) -> None:
        page.emulate_media(color_scheme=colours)
        page.set_viewport_size({"width": WIDTHS[width], "height": 900})
        explorer.show(page, explorer.fragment({"details": True, "port": "80"}))
        page.evaluate((packages.node_modules() / "axe-core" / "axe.min.js").read_text("utf-8"))
        for view in VIEWS:
            explorer.view(page, view)
            found = page.evaluate("async () => (await axe.run()).violations")
            assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], view
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= WIDTHS[width], view
        page.set_viewport_size({"width": WIDTHS["wide"], "height": 900})
        page.emulate_media(color_scheme="light")

    def test_one_sentence_and_the_command_stay_where_the_engine_fails(
        self, chrome: Browser, site: str
    ) -> None:
        with chrome.new_context() as context:  # which may complain
            tab = context.new_page()
            tab.route("**/engine-*/**", lambda route: route.abort())
            tab.add_init_script("Object.defineProperty(navigator, 'serviceWorker', {})")
            tab.goto(f"{site}#{explorer.fragment({'cache': 'valkey'})}")
            expect(tab.get_by_text("Python could not be loaded")).to_be_visible(timeout=60_000)
            shown = explorer.command(tab, "The command for these answers")

        assert "cache=valkey" in shown
        assert ADDRESS in shown

    def test_what_was_loaded_is_kept(self, page: Page, site: str, requests: list[str]) -> None:
        kept = page.evaluate(
            "async () => (await (await caches.open('explorer')).keys()).map(one => one.url)"
        )
        loaded = {url for url in requests if url.startswith(site) and "offline.js" not in url}

        assert len(loaded) > 5
        assert loaded <= {url.partition("#")[0] for url in kept}  # a link keeps its fragment

    @pytest.mark.thorough  # starts the engine twice
    def test_it_works_without_its_server(self, chrome: Browser, built: tuple[Path, Any]) -> None:
        with chrome.new_context() as context:  # which may complain
            tab = context.new_page()
            with explorer.served(built[0]) as address:
                tab.goto(address)
                explorer.wait_for_engine(tab)
            tab.reload()
            tab.get_by_role("treeitem", name="README.md").wait_for()
            explorer.wait_for_engine(tab)
            explorer.show(tab, "cache=valkey")
            expect(tab.locator("[data-path='compose.yaml']")).to_be_visible()

    def test_no_request_leaves_the_site(self, page: Page, site: str, requests: list[str]) -> None:
        assert len(requests) > 5
        assert [url for url in requests if not url.startswith((site, f"blob:{site}"))] == []


def press_until(page: Page, selector: str) -> None:
    """Press the Tab key until an element is reached."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
            return
    pytest.fail(f"the Tab key does not lead to {selector}", pytrace=False)
