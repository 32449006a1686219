"""How gunicorn serves the application; WEB_CONCURRENCY sets the number of processes."""

import logging
import os
import socket
import struct
from typing import Any

from gunicorn.sock import TCP6Socket

workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
threads = 8
worker_tmp_dir = "/dev/shm"  # a heartbeat file must not wait for a disk
graceful_timeout = 25
control_socket_disable = True  # nobody would ask it


def _without_content(record: logging.LogRecord) -> bool:
    """Leave what a client sent out of a line, but for the path."""
    if isinstance(record.msg, str) and record.msg.startswith("Invalid request from ip="):
        record.msg = record.msg.partition(": ")[0]
    if isinstance(record.args, tuple):
        record.args = tuple(
            value.partition("?")[0] if isinstance(value, str) else value for value in record.args
        )
    return True


logging.getLogger("gunicorn.error").addFilter(_without_content)


def when_ready(server: Any) -> None:
    """Listen on IPv6 as well, and let no client keep a thread waiting.

    IPv6 has a socket of its own, so that clients with IPv4 keep their addresses. Five seconds may
    pass between two pieces.
    """
    first, *others = server.LISTENERS
    if first.FAMILY == socket.AF_INET and not others and socket.has_dualstack_ipv6():
        address = ("::", first.getsockname()[1])
        ipv6 = socket.create_server(address, family=socket.AF_INET6)
        server.LISTENERS.append(TCP6Socket(address, server.cfg, server.log, ipv6.detach()))
    for listener in server.LISTENERS:  # whose connections take these options over
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            listener.sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", 5, 0))
