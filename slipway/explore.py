"""Shows the explorer: the page on which answers can be tried before a project is made."""

import re
import sys
import webbrowser
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated

import typer

from slipway.source import IS_CLONE, ROOT, find_source

EXAMPLES = """
Examples:

slipway explore

slipway explore --port 8090 --no-browser
"""
DOCUMENTS = (
    "default-src 'self' 'unsafe-inline'; img-src 'self' data:"  # MkDocs writes inline scripts
)
POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]*)"')


class Handler(SimpleHTTPRequestHandler):
    """Serves the built site as a careful server would."""

    extensions_map = {  # noqa: RUF012  (as the class that it adds to has it)
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".json": "application/json",
        ".mjs": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
        "": "application/octet-stream",
    }

    def __init__(self, *arguments: object, policy: str, directory: str) -> None:
        """Serve a folder under a policy."""
        self.policy = policy
        super().__init__(*arguments, directory=directory)  # type: ignore[arg-type]

    def end_headers(self) -> None:
        """Add what keeps a page to its own files."""
        is_document = getattr(self, "path", "").startswith("/docs/")
        self.send_header("Content-Security-Policy", DOCUMENTS if is_document else self.policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing of each request."""


def serve(folder: Path, port: int = 0) -> ThreadingHTTPServer:
    """Prepare a server of the built site, for this machine only."""
    page = (folder / "index.html").read_text("utf-8")
    found = POLICY.search(page)
    handler = partial(Handler, policy=found[1] if found else "", directory=str(folder))
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


def explore(
    site: Annotated[Path, typer.Option(help="The folder with the built page.")] = ROOT / "site",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 for any.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Show the explorer in a browser, until Ctrl-C.

    It renders the template for any answers, compares them, and writes the command. The page works
    without a network once it is built: python -m tools.site, in a clone of the template.
    """
    if not (site / "index.html").is_file():
        where = "" if IS_CLONE else f", in a clone of {find_source()}"
        sys.exit(f"The explorer is not built yet: run python -m tools.site{where}.")
    try:
        server = serve(site, port)
    except OSError as error:
        sys.exit(f"The explorer cannot use port {port}: {error.strerror}. Try --port 0.")
    with server:
        address = f"http://127.0.0.1:{server.server_port}/"
        print(f"The explorer is at {address} until you press Ctrl-C.", flush=True)
        if browser:
            webbrowser.open(address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
