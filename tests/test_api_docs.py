"""The pages that show an interface keep their own policy behind nginx, which adds one to others."""

from collections.abc import Iterator

import api_docs
import container_promises
import pytest
import stacks
from conftest import Render
from playwright.sync_api import Page
from stacks import Stack

pytestmark = [pytest.mark.browser, pytest.mark.docker]


@pytest.fixture(scope="module")
def production(engine: None, render: Render) -> Iterator[Stack]:
    """Start a service that shows its interface behind its proxy."""
    answers = {"database": "none", "reverse_proxy": "nginx", "project_slug": stacks.own_name()}
    with (
        container_promises.prepared(render(answers), 0o022) as clone,
        Stack(clone, stacks.PRODUCTION, {"API_DOCS": "true"}).running() as stack,
    ):
        yield stack


def test_they_show_in_a_browser(production: Stack, tab: Page) -> None:
    api_docs.check_pages(tab, f"http://{production.address()}", "text_figures")


def test_an_answer_has_one_policy(production: Stack) -> None:
    for path, policy in (("/docs", "script-src 'self' 'sha256-"), ("/ready", "default-src 'none'")):
        (sent,) = production.ask(path).headers.get_all("Content-Security-Policy", [])
        assert policy in sent
