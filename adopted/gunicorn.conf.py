"""How gunicorn serves the application; WEB_CONCURRENCY sets the number of processes."""

import os

workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
threads = 8
worker_tmp_dir = "/dev/shm"  # a heartbeat file must not wait for a disk
graceful_timeout = 25
control_socket_disable = True  # it would need a home directory to write to
