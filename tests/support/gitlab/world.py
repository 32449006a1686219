"""What jobs ask in the world: OSV, which knows of nothing, and a package index that takes uploads.

The registry of images runs beside it.
"""

import base64
import json
import os
import re
import ssl
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import osv_server

IDENTITY, TOKEN = "the-identity-of-the-job", "the-token-of-the-upload"
LOGIN = base64.b64encode(f"__token__:{TOKEN}".encode()).decode()
CERTIFICATE, KEY = "/remotes/world.crt", "/world.key"
EVERYWHERE = "0.0.0.0"  # noqa: S104


class Index(BaseHTTPRequestHandler):
    """Hands a token out for the identity of a job, and takes files for this token."""

    files: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        """Name the audience of the identity, or what was uploaded."""
        self.reply(200, self.files if self.path == "/files" else {"audience": "pypi"})

    def do_POST(self) -> None:
        """Hand a token out, or take a file."""
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/_/oidc/mint-token":
            is_known = json.loads(content) == {"token": IDENTITY}
            self.reply(200 if is_known else 403, {"success": is_known, "token": TOKEN})
        elif self.headers["Authorization"] != f"Basic {LOGIN}":
            self.reply(403, {})
        else:
            self.files.extend(re.findall(r'filename="(.+?)"', content.decode("latin-1")))
            self.reply(200, {})

    def reply(self, status: int, content: Any) -> None:
        """Answer with JSON."""
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def certify() -> None:
    """Write a certificate for both to where jobs find it: uv and buildx speak nothing but TLS."""
    names = ("-subj", "/CN=world", "-addext", "subjectAltName=DNS:index,DNS:registry")
    is_no_authority = ("-addext", "basicConstraints=critical,CA:FALSE")
    command = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2")
    subprocess.run(
        [*command, *names, *is_no_authority, "-keyout", KEY, "-out", CERTIFICATE], check=True
    )


if __name__ == "__main__":
    certify()
    files = {"REGISTRY_HTTP_TLS_CERTIFICATE": CERTIFICATE, "REGISTRY_HTTP_TLS_KEY": KEY}
    subprocess.Popen(["docker-registry", "serve", "/registry.yml"], env={**os.environ, **files})
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE, KEY)
    server = ThreadingHTTPServer((EVERYWHERE, 8002), Index)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with osv_server.serving({}, (EVERYWHERE, 8001)):
        server.serve_forever()
