"""How gunicorn serves the application; WEB_CONCURRENCY sets the number of processes."""

import os
import socket
import struct
from typing import Any

workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
threads = 8
worker_tmp_dir = "/dev/shm"  # a heartbeat file must not wait for a disk
graceful_timeout = 25
control_socket_disable = True  # it would need a home directory to write to


def when_ready(server: Any) -> None:
    """Let no client keep a thread waiting: five seconds may pass between two pieces."""
    for listener in server.LISTENERS:  # whose connections take these options over
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            listener.sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", 5, 0))
