"""Cookies: the session, which Flask signs and a browser keeps."""

from flask import Flask

from .settings import Settings


def init_app(app: Flask, settings: Settings) -> None:
    """Sign with the newest key, and keep the session from scripts and other sites."""
    app.secret_key, *earlier_keys = settings.secret_keys
    app.config["SECRET_KEY_FALLBACKS"] = earlier_keys
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    app.config["SESSION_COOKIE_SECURE"] = settings.session_cookie_secure
    if settings.session_cookie_secure:
        # No other host can set a cookie that is "__Host-", which is for all paths of this one.
        prefix = "__Secure-" if settings.root_path else "__Host-"
        app.config["SESSION_COOKIE_NAME"] = f"{prefix}session"
