"""Finds which settings a Django project starts with, by reading its modules."""

import ast
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

VARIABLE = "DJANGO_SETTINGS_MODULE"


def find_settings(root: Path, paths: Iterable[str], entry_point: str) -> tuple[str, str]:
    """Name the settings of manage.py and of the module that a server loads; "" if unknown."""
    module = entry_point.partition(":")[0].replace(".", "/")
    gateways = [path for path in paths if PurePosixPath(path).stem in ("wsgi", "asgi")]
    gateways.sort(key=lambda path: not f"/{path}".endswith(f"/{module}.py"))
    served = (read_settings(root / path) for path in gateways)
    return read_settings(root / "manage.py"), next(filter(None, served), "")


def read_settings(file: Path) -> str:
    """Name the settings that a module falls back on; "" if it does not say so in plain words."""
    try:
        nodes = list(ast.walk(ast.parse(file.read_bytes())))
    except (OSError, SyntaxError, ValueError):
        return ""
    for node in nodes:
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("setdefault"):
            match node.args:
                case [ast.Constant(value), ast.Constant(str(settings))] if value == VARIABLE:
                    return settings
    return ""
