"""Finds what starts an application, by reading its modules without importing them."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

# Whatever makes an application object, by the framework that stands for its kind of server.
MAKERS = {
    "Flask": "flask",
    "Bottle": "flask",
    "get_wsgi_application": "flask",
    "FastAPI": "fastapi",
    "Starlette": "fastapi",
    "Litestar": "fastapi",
    "Quart": "fastapi",
    "get_asgi_application": "fastapi",
    "ProtocolTypeRouter": "fastapi",
}
FACTORIES = {"create_app", "make_app", "build_app", "create_application"}
NAMES = {"app", "application"}
GATEWAYS = {"wsgi": "flask", "asgi": "fastapi"}  # modules that exist to hold the application
USUAL = ("app", "main", "application", "server", "__init__", "__main__")
ELSEWHERE = {"tests", "test", "docs", "migrations", "examples", "scripts", "venv", "node_modules"}


@dataclass(frozen=True)
class EntryPoint:
    """One way to start the application; the best has the lowest rank."""

    text: str
    framework: str  # "" if it does not tell
    path: str
    rank: tuple[int, int, int, bool]


def find_entry_points(
    root: Path, paths: Iterable[str], members: Iterable[str] = ()
) -> list[EntryPoint]:
    """List what may start the application, the best first; members are folders like the root."""
    found = [
        entry_point
        for path in map(PurePosixPath, paths)
        if path.suffix == ".py" and not ELSEWHERE & set(path.parts) and path.stem[:5] != "test_"
        for entry_point in read(root, path, members)
    ]
    return sorted(found, key=lambda entry_point: (entry_point.rank, entry_point.text))


def read(root: Path, path: PurePosixPath, members: Iterable[str]) -> Iterator[EntryPoint]:
    """Look for applications, factories and programs in a module."""
    member = next((folder for folder in members if path.is_relative_to(folder)), ".")
    parts = path.relative_to(member).parts
    parts = parts[1:] if parts[0] == "src" else parts
    names = [*parts[:-1], *([path.stem] if path.stem != "__init__" else [])]
    try:
        module = ast.parse((root / path).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    if not names or not all(name.isidentifier() for name in names):
        return

    likelihood = (*GATEWAYS, *USUAL, path.stem).index(path.stem)

    def entry_point(kind: int, text: str, framework: str) -> EntryPoint:
        is_odd = kind == 0 and text.rpartition(":")[2] not in NAMES
        return EntryPoint(text, framework, str(path), (kind, likelihood, len(parts), is_odd))

    for statement in module.body:
        for name, framework in applications(statement, path.stem):
            yield entry_point(0, f"{'.'.join(names)}:{name}", framework)
        if isinstance(statement, ast.FunctionDef) and (framework := made_by(statement)):
            yield entry_point(1, f"{'.'.join(names)}:{statement.name}()", framework)
        if isinstance(statement, ast.If) and "__main__" in ast.unparse(statement.test):
            if path.stem == "__main__" and len(names) > 1:
                yield entry_point(2, f"python -m {'.'.join(names[:-1])}", "")
            elif path.stem in (*USUAL, "run"):
                yield entry_point(2, f"python {path}", "")


def applications(statement: ast.stmt, stem: str) -> Iterator[tuple[str, str]]:
    """List the names that a statement of a module binds to applications, with their frameworks."""
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        maker = called(statement.value)
        if maker in MAKERS or maker in FACTORIES:
            for target in targets:
                if isinstance(target, ast.Name):
                    yield target.id, MAKERS.get(maker, GATEWAYS.get(stem, ""))
        elif (
            isinstance(statement.value, ast.Attribute) and statement.value.attr == "server"
        ):  # Dash
            for target in targets:
                if isinstance(target, ast.Name):
                    yield target.id, "flask"
    elif isinstance(statement, ast.ImportFrom) and stem in GATEWAYS:
        for alias in statement.names:
            if (alias.asname or alias.name) in NAMES:
                yield alias.asname or alias.name, GATEWAYS[stem]


def made_by(function: ast.FunctionDef) -> str:
    """Name the framework of the application that a function makes without being told anything."""
    arguments = function.args
    needed = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    if needed or None in arguments.kw_defaults:
        return ""
    return next((MAKERS[name] for name in map(called, ast.walk(function)) if name in MAKERS), "")


def called(node: ast.AST | None) -> str:
    """Name what a node calls, without its module; "" if it is no call."""
    if not isinstance(node, ast.Call):
        return ""
    return ast.unparse(node.func).rpartition(".")[2]
