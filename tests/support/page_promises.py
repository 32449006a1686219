"""What the pages and sessions of Flask promise to people and their browsers."""

import re
import urllib.error
import urllib.parse
import urllib.request

import pytest
import stacks
from container_promises import Deployed
from playwright.sync_api import Page, expect
from stacks import Stack

PHONE = 360  # pixels
HIDDEN = r'name="([^"]+)" type="hidden" value="([^"]+)"'
FOCUSED = "document.activeElement.getAttribute('role') || document.activeElement.className"
FORGET_TOKENS = "document.querySelectorAll('[type=hidden]').forEach(field => field.remove())"


class Pages(Deployed):
    """The pages of the sample in development, as a browser shows them."""

    @pytest.mark.browser
    def test_notes_are_written_changed_and_deleted(self, development: Stack, tab: Page) -> None:
        tab.set_viewport_size({"width": PHONE, "height": 2 * PHONE})
        tab.emulate_media(color_scheme="dark")
        tab.goto(f"http://{development.address()}/")
        red, green, blue = map(int, re.findall(r"\d+", style(tab, "body", "backgroundColor")))
        assert max(red, green, blue) < 64
        tab.keyboard.press("Tab")
        assert tab.evaluate(FOCUSED) == "skip"
        expect(tab.locator(".skip")).to_be_in_viewport()

        tab.get_by_role("link", name="Write a note").click()
        tab.get_by_label("Title").fill(" ")
        tab.get_by_role("button", name="Keep").click()
        expect(tab.get_by_role("alert")).to_contain_text("Title: Write a title.")
        assert tab.evaluate(FOCUSED) == "alert"
        expect(tab.get_by_label("Title")).to_have_accessible_description("Write a title.")
        tab.get_by_role("link", name="Title: Write a title.").click()
        expect(tab.get_by_label("Title")).to_be_focused()

        title = "Tide" * 40
        tab.get_by_label("Title").fill(title)
        tab.get_by_label("Text").fill("High\nat noon")
        tab.get_by_role("button", name="Keep").click()
        expect(tab.get_by_role("status")).to_have_text("The note is kept.")
        expect(tab.locator("ol time").first).to_contain_text("UTC")
        assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE

        tab.get_by_role("link", name=title).click()
        expect(tab.get_by_label("Text")).to_have_value("High\nat noon")
        tab.get_by_label("Title").fill("Ebb")
        tab.get_by_role("button", name="Keep").click()
        expect(tab.get_by_role("status")).to_have_text("The note is changed.")

        tab.get_by_role("link", name="Ebb").click()
        tab.get_by_text("Delete this note").click()
        tab.get_by_role("button", name="Delete it").click()
        expect(tab.get_by_role("status")).to_have_text("The note is deleted.")
        expect(tab.get_by_role("link", name="Ebb")).to_have_count(0)

    @pytest.mark.browser
    def test_a_form_without_its_token_changes_nothing(self, development: Stack, tab: Page) -> None:
        tab.goto(f"http://{development.address()}/notes/new")
        tab.get_by_label("Title").fill("Forged")
        tab.evaluate(FORGET_TOKENS)
        tab.get_by_role("button", name="Keep").click()
        expect(tab.get_by_role("alert")).to_contain_text("Send it again")
        expect(tab.get_by_label("Title")).to_have_value("Forged")
        assert "Forged" not in development.ask("/").body

        tab.get_by_role("button", name="Keep").click()  # it has a token again
        expect(tab.get_by_role("status")).to_have_text("The note is kept.")


class Sessions(Deployed):
    """The sessions of production, whose key can be changed."""

    def test_sessions_outlive_their_key(self, production: Stack) -> None:
        file = production.project / "secrets" / "secret_key"
        (first,) = file.read_text("utf-8").split()
        cookie = visit(production, "")[1]
        assert cookie.startswith("__Host-session=")
        for _ in range(2):
            rotate(production)
            tokens, renewed = visit(production, cookie)
            assert renewed == "", "the session was not accepted"
            form = urllib.parse.urlencode({**tokens, "title": "Tide"}).encode()
            assert send(production, cookie, form) == "/"
            cookie = visit(production, "")[1]  # signed by the new key
        assert len(file.read_text("utf-8").split()) == 2
        assert first not in file.read_text("utf-8")


def style(tab: Page, selector: str, name: str) -> str:
    """Compute a property of an element's style."""
    return str(tab.locator(selector).evaluate(f"element => getComputedStyle(element).{name}"))


def rotate(production: Stack) -> None:
    """Change the secrets of production, which starts again."""
    result = stacks.execute(
        "make", "rotate-secrets", cwd=production.project, **production.environment
    )
    production.addresses.clear()  # its containers are others now
    stacks.give_to_developer(production.project)
    assert result.returncode == 0, result.stdout


def visit(stack: Stack, cookie: str) -> tuple[dict[str, str], str]:
    """Load a form; return its hidden fields, and the cookie that comes with it."""
    url = f"http://{stack.address()}/notes/new"
    request = urllib.request.Request(url, headers={"Cookie": cookie})
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        sent = answer.headers["Set-Cookie"] or ""
        return dict(re.findall(HIDDEN, answer.read().decode())), sent.partition(";")[0]


def send(stack: Stack, cookie: str, form: bytes) -> str:
    """Send a form; return where that leads."""
    url = f"http://{stack.address()}/notes/new"
    request = urllib.request.Request(url, form, {"Cookie": cookie})
    opener = urllib.request.build_opener(Staying)
    try:
        with opener.open(request, timeout=30) as answer:
            return f"nowhere, but {answer.status}"
    except urllib.error.HTTPError as error:
        return str(error.headers["Location"])


class Staying(urllib.request.HTTPRedirectHandler):
    """Follows no redirect."""

    def redirect_request(self, *_: object) -> None:
        """Go nowhere."""
