"""What the reverse proxy says of a client, believed where the proxy says it."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

    from flask import Flask


def init_app(app: Flask, network: IPv4Network | IPv6Network) -> None:
    """Take the client's address and scheme from a proxy in the network, and from nobody else."""
    direct = app.wsgi_app
    forwarded = ProxyFix(direct)

    def wsgi_app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        by_proxy = ip_address(environ["REMOTE_ADDR"]) in network
        return (forwarded if by_proxy else direct)(environ, start_response)

    app.wsgi_app = wsgi_app  # type: ignore[method-assign]
