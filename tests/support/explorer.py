"""The explorer in a browser: its page, and what it hands out."""

import base64
import io
import json
import shlex
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Page

from slipway.explore import serve

READY = 300_000  # milliseconds, on a machine that is busy
# What a link for a download would give to the one who clicks on it
NOTE_DOWNLOADS = """
window.given = [];
const make = URL.createObjectURL;
URL.createObjectURL = blob => { window.given.push(blob); return make.call(URL, blob); };
"""
LAST_GIVEN = """
async () => {
  const bytes = new Uint8Array(await window.given.pop().arrayBuffer());
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
"""

Tree = dict[str, tuple[bytes, bool]]  # what is in each file, and whether it is executable


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a built site as "slipway explore" does."""
    with serve(folder) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


def fragment(answers: Mapping[str, Any], **more: str) -> str:
    """Write answers, and what else is looked at, as the page's address has them."""
    texts = {key: a if isinstance(a, str) else json.dumps(a) for key, a in answers.items()}
    return urlencode(texts | {f".{key}": value for key, value in more.items()})


def wait_for_engine(page: Page) -> None:
    """Wait until Copier is loaded."""
    page.wait_for_selector("[data-status=ready]", state="attached", timeout=READY)


def show(page: Page, words: str) -> None:
    """Go to another state, and wait until it is rendered."""
    page.evaluate("words => { location.hash = words }", words)
    wait_for_rendering(page)


def wait_for_rendering(page: Page) -> None:
    """Wait until what is shown belongs to the answers."""
    page.wait_for_timeout(300)  # what is typed counts after a moment
    page.wait_for_selector("[data-busy=false]", state="attached", timeout=READY)


def view(page: Page, title: str) -> None:
    """Choose what is shown."""
    page.get_by_role("navigation").get_by_role("button", name=title, exact=True).click()


def take(page: Page, button: str) -> bytes:
    """Press a button that gives a file, and look into it."""
    view(page, "Take")
    page.evaluate(f"() => {{ if (!window.given) {{ {NOTE_DOWNLOADS} }} }}")
    page.get_by_role("button", name=button).click()
    return base64.b64decode(page.evaluate(LAST_GIVEN))


def take_zip(page: Page) -> Tree:
    """Unpack the files that the page hands out."""
    with zipfile.ZipFile(io.BytesIO(take(page, "All files as a zip"))) as archive:
        return {
            entry.filename.partition("/")[2]: (
                archive.read(entry),
                bool(entry.external_attr >> 16 & 0o111),
            )
            for entry in archive.infolist()
        }


def read(project: Path) -> Tree:
    """Read a project that Copier wrote on this machine."""
    return {
        file.relative_to(project).as_posix(): (
            file.read_bytes(),
            bool(file.stat().st_mode & 0o111),
        )
        for file in project.rglob("*")
        if file.is_file() and ".git" not in file.relative_to(project).parts
    }


def command(page: Page, label: str) -> list[str]:
    """Read the words of a command as a shell does."""
    text = page.get_by_role("region", name=label).inner_text()
    return shlex.split(text.replace("\\\n", " "))


def files_that_differ(page: Page) -> set[str]:
    """List the files that a comparison names."""
    tree = page.get_by_role("tree", name="Files that differ").or_(
        page.get_by_text("No file differs")
    )
    tree.wait_for(timeout=READY)
    rows = page.locator("[role=tree][aria-label='Files that differ'] .file").all()
    return {str(row.get_attribute("data-path")) for row in rows}
