"""A real browser: Debian's Chromium, in a container that shares this machine's network."""

import hashlib
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import locking
import programs
import pytest
import stacks
from filelock import FileLock
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from extensions import decisions

RECIPE = """
FROM {python}
RUN apt-get update \\
    && apt-get install --yes --no-install-recommends chromium-headless-shell fonts-liberation \\
    && rm -rf /var/lib/apt/lists/*
USER 65534:65534
ENV HOME=/tmp
# The container is the sandbox, and all that is looked at is ours. The port is any that is free.
ENTRYPOINT ["chromium-headless-shell", "--no-sandbox", "--disable-dev-shm-usage", \\
    "--remote-debugging-port=0", "--user-data-dir=/tmp/profile"]
"""
ADDRESS = re.compile(r"^DevTools listening on (ws://\S+)$", re.MULTILINE)


def image() -> str:
    """Build the image unless it is there; it is kept, named after its recipe."""
    recipe = RECIPE.format(python=decisions.read_images()["python-3.14-slim"])
    name = f"slipway-browser:{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    with FileLock(locking.kept_locks() / "browser.lock"):
        if stacks.execute("docker", "image", "inspect", name, cwd=Path.cwd()).returncode != 0:
            programs.run("docker", "build", f"--tag={name}", "-", text=recipe)
    return name


@contextmanager
def chromium(*options: str) -> Iterator[str]:
    """Start Chromium, say at which address it is controlled, and remove it in the end.

    Options are those of "docker run".
    """
    name = f"browser-{uuid.uuid4().hex[:8]}"
    try:
        host = ("--network=host", *options)
        programs.run("docker", "run", "--detach", f"--name={name}", *host, image())
        stacks.eventually(lambda: ADDRESS.search(programs.run("docker", "logs", name)) is not None)
        yield ADDRESS.findall(programs.run("docker", "logs", name))[0]
    finally:
        stacks.execute("docker", "rm", "--force", name, cwd=Path.cwd())


@contextmanager
def connection(address: str) -> Iterator[Browser]:
    """Control the browser at an address; a thread has one connection at a time."""
    with sync_playwright() as playwright:
        yield playwright.chromium.connect_over_cdp(address)


@contextmanager
def tab(address: str) -> Iterator[Page]:
    """Open a tab in a connection of its own."""
    with connection(address) as browser, watched(browser) as page:
        yield page


@contextmanager
def watched(browser: Browser) -> Iterator[Page]:
    """Open a tab without cookies, and fail in the end if the browser complained about a page.

    It complains about scripts that fail, what a policy forbids, and files that are not there; that
    a page itself has the status of an error is for its test to judge.
    """
    complaints: list[tuple[str, str]] = []
    pages: list[str] = []

    def look(line: ConsoleMessage) -> None:
        if line.type == "error":
            complaints.append((line.location["url"], line.text))

    def note(request: Request) -> None:
        if request.is_navigation_request():
            pages.append(request.url)

    with browser.new_context() as context:
        page = context.new_page()
        page.on("request", note)
        page.on("pageerror", lambda error: complaints.append((page.url, str(error))))
        page.on("console", look)
        yield page
    found = [
        f"{url}: {text}"
        for url, text in complaints
        if not (url in pages and text.startswith("Failed to load resource"))
    ]
    if found:
        pytest.fail("\n".join(found), pytrace=False)
