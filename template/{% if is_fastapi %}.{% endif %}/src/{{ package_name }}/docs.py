"""Pages that show the interface, /docs and /redoc, with scripts of the service itself."""

import re
from base64 import b64encode
from hashlib import sha256

from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.staticfiles import StaticFiles

NO_ICON = "data:,"
# Both style what they draw, and ReDoc searches in a worker. Scripts must be those of the page.
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "connect-src 'self'; font-src 'self' data:; img-src 'self' data:; "
    "script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; worker-src blob:"
)


def init_app(app: FastAPI) -> None:
    """Serve the pages and what they need."""

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        root = request.scope.get("root_path", "")
        return _restrict(
            get_swagger_ui_html(
                openapi_url=f"{root}{app.openapi_url}",
                title=app.title,
                swagger_js_url=f"{root}/docs/swagger-ui-bundle.js",
                swagger_css_url=f"{root}/docs/swagger-ui.css",
                swagger_favicon_url=NO_ICON,
            )
        )

    @app.get("/redoc", include_in_schema=False)
    async def redoc(request: Request) -> Response:
        root = request.scope.get("root_path", "")
        return _restrict(
            get_redoc_html(
                openapi_url=f"{root}{app.openapi_url}",
                title=app.title,
                redoc_js_url=f"{root}/redoc/redoc.standalone.js",
                redoc_favicon_url=NO_ICON,
                with_google_fonts=False,
            )
        )

    for path, folder in (("/docs", "static/swagger"), ("/redoc", "static/redoc")):
        app.mount(path, StaticFiles(packages=[("fastapi_standalone_docs", folder)]))


def _restrict(page: Response) -> Response:
    """Allow a page its own scripts, and those that stand in it."""
    scripts = re.findall(rb"<script>(.*?)</script>", bytes(page.body), re.DOTALL)
    hashes = (f"'sha256-{b64encode(sha256(script).digest()).decode()}'" for script in scripts)
    page.headers["Content-Security-Policy"] = POLICY.format(hashes=" ".join(hashes))
    return page
