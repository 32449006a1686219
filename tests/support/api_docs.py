"""What the pages that show an interface promise in a browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect
from stacks import Stack


@contextmanager
def shown(production: Stack) -> Iterator[str]:
    """Start production with the setting of the README, and say where it is."""
    up = ("up", "--detach", "--wait", "--no-deps", "web")
    environment = {**production.environment, "API_DOCS": "true"}
    documented = replace(production, environment=environment, addresses={})
    try:
        documented.compose(*up)
        yield f"http://{documented.address()}"
    finally:
        production.compose(*up)


def check_pages(tab: Page, address: str, operation: str) -> None:
    """Check that both pages draw an operation, and need no other host than the service."""
    asked: set[str] = set()
    tab.on("request", lambda request: asked.add(request.url))

    tab.goto(f"{address}/docs")
    expect(tab.locator(f"[id$={operation}]")).to_be_visible()
    tab.locator("#operations-health-health").click()
    tab.get_by_role("button", name="Try it out").click()
    tab.get_by_role("button", name="Execute").click()
    expect(tab.locator(".live-responses-table .response-col_status").last).to_contain_text("200")

    tab.goto(f"{address}/redoc")
    title = operation.replace("_", " ").title()
    expect(tab.get_by_role("heading", name=title)).to_be_visible()

    own = (f"{address}/", "blob:", "data:")
    assert [url for url in asked if not url.startswith(own)] == []


class Documented:
    """What a FastAPI service shows in production, if it is asked to."""

    @pytest.mark.browser
    def test_its_interface_shows_in_a_browser(self, production: Stack, tab: Page) -> None:
        with shown(production) as address:
            check_pages(tab, address, "create_note")
