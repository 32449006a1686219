"""What a reverse proxy or load balancer says of a client, and the path under which it has us."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from wsgiref.types import StartResponse, WSGIEnvironment

    from flask import Flask


def init_app(
    app: Flask, networks: Sequence[IPv4Network | IPv6Network], root_path: str = ""
) -> None:
    """Take the client's address and scheme from a proxy in the networks, and from nobody else."""
    direct = app.wsgi_app
    forwarded = ProxyFix(direct)

    def wsgi_app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if root_path:
            _move(environ, root_path)
        peer = ip_address(environ["REMOTE_ADDR"])
        by_proxy = any(peer in network for network in networks)
        return (forwarded if by_proxy else direct)(environ, start_response)

    app.wsgi_app = wsgi_app  # type: ignore[method-assign]
    app.config["APPLICATION_ROOT"] = root_path or "/"


def _move(environ: WSGIEnvironment, root_path: str) -> None:
    """Let all addresses begin with the root path, which the proxy may have left in this one."""
    path = environ["PATH_INFO"]
    environ["SCRIPT_NAME"] = root_path
    if f"{path}/".startswith(f"{root_path}/"):
        environ["PATH_INFO"] = path.removeprefix(root_path)
