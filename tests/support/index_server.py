"""A private package index: one package of its own, and the way to all others, for who logs in.

It runs in a container, so it needs nothing but the standard library, and speaks TLS as soon as it
finds its certificate: ``package_index.py FOLDER CERTIFICATE CREDENTIALS PUBLIC_INDEX``.
"""

import base64
import functools
import ssl
import sys
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER, CERTIFICATE, CREDENTIALS, PUBLIC_INDEX = sys.argv[1:]


class Index(SimpleHTTPRequestHandler):
    """Serves the folder; each request becomes a line of the log, by the base class."""

    def do_GET(self) -> None:
        """Refuse strangers, and send whoever asks for another package to the public index."""
        login = "Basic " + base64.b64encode(CREDENTIALS.encode()).decode()
        if self.headers.get("Authorization") != login:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="packages"')
            self.end_headers()
        elif Path(self.translate_path(self.path)).exists():
            super().do_GET()
        else:
            self.send_response(302)
            self.send_header("Location", PUBLIC_INDEX + self.path.removeprefix("/simple"))
            self.end_headers()

    do_HEAD = do_GET  # noqa: N815

    def end_headers(self) -> None:
        """Let nobody keep an answer: each build has to ask."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()


if __name__ == "__main__":
    handler = functools.partial(Index, directory=FOLDER)
    server = ThreadingHTTPServer(("", 8443), handler)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    while not Path(CERTIFICATE).exists():  # it names this container's address
        time.sleep(0.1)
    context.load_cert_chain(CERTIFICATE)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()
