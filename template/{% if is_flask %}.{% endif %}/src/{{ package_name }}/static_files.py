"""Static files: the address of each has a hash of its content, so that browsers may keep it."""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, request
from werkzeug.security import safe_join

YEAR = 365 * 24 * 60 * 60  # seconds


def init_app(app: Flask) -> None:
    """Let url_for("static", filename=…) add the hash, and answers say how long they last."""
    app.url_defaults(_add_hash)
    app.after_request(_let_keep)


def _add_hash(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint == "static" and (value := _hash_of(values.get("filename", ""))):
        values.setdefault("v", value)


def _let_keep(response: Response) -> Response:
    if request.endpoint == "static" and request.view_args and response.status_code < 400:
        sent, now = request.args.get("v"), _hash_of(request.view_args["filename"])
        if sent and sent == now:  # it differs from others while a new version is deployed
            response.cache_control.no_cache = None
            response.cache_control.max_age = YEAR
    return response


def _hash_of(name: str) -> str:
    """Compute the hash of a file, "" if there is none; edits count at once."""
    path = Path(safe_join(current_app.static_folder or "", name) or "")
    try:
        return _compute_hash(path, path.stat().st_mtime_ns)
    except OSError:
        return ""


@lru_cache(maxsize=1000)
def _compute_hash(path: Path, _changed_at: int) -> str:
    return sha256(path.read_bytes()).hexdigest()[:12]
