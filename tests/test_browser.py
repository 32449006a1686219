"""The browser in which pages are tested: it must see what is wrong with them."""

import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import browser
import pytest
from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.docker]

POLICY = "default-src 'self' 'unsafe-inline'; img-src 'self' data:"
PAGES = {
    "/good": "<script>document.title = 'High tide'</script>",
    "/failing": "<script>nowhere()</script>",
    "/forbidden": "<script src='http://127.0.0.2/tide.js'></script>",
    "/missing": "<img src='/missing.png'>",
}


class Handler(BaseHTTPRequestHandler):
    """Serves the pages, whose policy allows scripts of their own."""

    def do_GET(self) -> None:
        page = PAGES.get(self.path)
        self.send_response(HTTPStatus.NOT_FOUND if page is None else HTTPStatus.OK)
        self.send_header("Content-Type", "text/html")
        self.send_header(
            "Content-Security-Policy", "default-src 'self' 'unsafe-inline'; img-src 'self' data:"
        )
        self.end_headers()
        self.wfile.write(f"<link rel='icon' href='data:,'>{page}".encode())

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_scripts_run(tab: Page, site: str) -> None:
    tab.goto(f"{site}/good")
    assert tab.title() == "High tide"


def test_a_page_may_be_an_error(tab: Page, site: str) -> None:
    answer = tab.goto(f"{site}/nowhere")
    assert answer
    assert answer.status == HTTPStatus.NOT_FOUND


def look(address: str, url: str) -> None:
    with browser.tab(address) as tab:
        tab.goto(url)
        tab.wait_for_load_state("networkidle")


@pytest.mark.parametrize("page", ["failing", "forbidden", "missing"])
def test_it_complains_about_what_is_wrong(chromium: str, site: str, page: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=page):
        look(chromium, f"{site}/{page}")
