"""The path under which a proxy offers the service; uvicorn reads what it says of clients."""

from starlette.types import ASGIApp, Receive, Scope, Send


class RootPathMiddleware:
    """Puts the root path before each path, unless the proxy has left it there."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self.app = app
        self.root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            path = scope["path"]
            if not f"{path}/".startswith(f"{self.root_path}/"):
                path = self.root_path + path
            scope = {**scope, "root_path": self.root_path, "path": path}
        await self.app(scope, receive, send)
