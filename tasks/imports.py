"""Finds imports of what no longer exists in the Python files of a project."""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

Tree = Mapping[str, bytes]
Parts = tuple[str, ...]  # of a dotted name

FOLDERS = ("src/", "tests/", "migrations/")


@dataclass(frozen=True)
class Import:
    """What a file wants: a module, and a name in it or ""."""

    module: Parts
    name: str = ""
    level: int = 0  # of a relative import: the dots


class Code:
    """The Python files of a project, and what they find in each other."""

    def __init__(self, tree: Tree) -> None:
        """Leave out what is no Python, or elsewhere."""
        self.tree = {
            path: content
            for path, content in tree.items()
            if path.endswith(".py") and path.startswith(FOLDERS)
        }
        self._parsed: dict[str, ast.Module | None] = {}

    @cached_property
    def folders(self) -> set[str]:
        """Name the folders that hold modules somewhere below."""
        return {str(folder) for path in self.tree for folder in PurePosixPath(path).parents}

    def parse(self, path: str) -> ast.Module | None:
        """Read a module; None where it cannot be read, as while a conflict is marked in it."""
        if path not in self._parsed:
            try:
                self._parsed[path] = ast.parse(self.tree[path])
            except (SyntaxError, ValueError):
                self._parsed[path] = None
        return self._parsed[path]

    def locate(self, root: str, parts: Parts) -> str | None:
        """Find the file of a module, or the folder of a package that has no file of its own."""
        path = "/".join((root, *parts))
        if parts and f"{path}.py" in self.tree:
            return f"{path}.py"
        if f"{path}/__init__.py" in self.tree:
            return f"{path}/__init__.py"
        return path if path in self.folders else None

    def root_of(self, path: str, wanted: Import) -> str | None:
        """Find the folder where the search for a module begins; None if it is not the project's."""
        folders = [str(folder) for folder in PurePosixPath(path).parents]
        if wanted.level:
            return folders[wanted.level - 1] if wanted.level < len(folders) else None
        # Tests find what is beside them: pytest adds their folder to Python's path.
        beside = folders[:-1] if not path.startswith("src/") else ()
        roots = ("src", *beside)
        return next((root for root in roots if self.locate(root, wanted.module[:1])), None)

    def names(self, path: str) -> set[str] | None:
        """Name what a module defines at its top level; None if only running it would tell."""
        if path not in self.tree:
            return set()
        module = self.parse(path)
        if module is None:
            return None
        names: set[str] = set()
        for node in _top_level(module.body):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                names.update(alias.asname or alias.name.split(".")[0] for alias in node.names)
            else:
                names.update(
                    name.id
                    for name in ast.walk(node)
                    if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
                )
        return None if names & {"*", "__getattr__"} else names

    def has(self, root: str, wanted: Import) -> bool:
        """Say whether a module is there, and has the name or such a module in it."""
        found = self.locate(root, wanted.module)
        if found is None:
            return False
        if not wanted.name or self.locate(root, (*wanted.module, wanted.name)):
            return True
        names = self.names(found)
        return names is None or wanted.name in names

    def files_behind(self, path: str) -> set[str]:
        """List the files of the project that a file imports."""
        found = set()
        for wanted in self.imports(path):
            root = self.root_of(path, wanted)
            if root is not None:
                for parts in (wanted.module, (*wanted.module, wanted.name)):
                    found.add(self.locate(root, parts))
        return {file for file in found if file in self.tree}

    def imports(self, path: str) -> Iterator[Import]:
        """List what a file imports, and what it takes from the modules that it imports."""
        module = self.parse(path)
        if module is None:
            return
        modules: dict[str, Import] = {}  # by the name that the file has for them
        for node in ast.walk(module):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    wanted = Import(tuple(alias.name.split(".")))
                    if alias.asname or len(wanted.module) == 1:
                        modules[alias.asname or alias.name] = wanted
                    yield wanted
            elif isinstance(node, ast.ImportFrom):
                parts = tuple((node.module or "").split(".")) if node.module else ()
                for alias in node.names:
                    wanted = Import(parts, "" if alias.name == "*" else alias.name, node.level)
                    modules[alias.asname or alias.name] = Import(
                        (*parts, alias.name), level=node.level
                    )
                    yield wanted
        for node in ast.walk(module):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                wanted_module = modules.get(node.value.id)
                if wanted_module is None or node.attr.startswith("__"):
                    continue
                root = self.root_of(path, wanted_module)
                if root is not None and self.locate(root, wanted_module.module):
                    yield Import(wanted_module.module, node.attr, wanted_module.level)


def _top_level(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """List the statements of a module, also those behind an "if" and the like."""
    for node in body:
        yield node
        for field in ("body", "orelse", "finalbody", "handlers"):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                for inner in getattr(node, field, ()):
                    yield from _top_level(inner.body if hasattr(inner, "type") else (inner,))


def packages(tree: Tree) -> set[str]:
    """Name the third-party packages that a project imports."""
    code = Code(tree)
    return {
        wanted.module[0]
        for path in code.tree
        for wanted in code.imports(path)
        if not wanted.level and code.root_of(path, wanted) is None
    } - sys.stdlib_module_names


def missing(code: Code, other: Code, gone: Iterable[str] = ()) -> dict[str, set[str]]:
    """Map what is imported and not there, by its dotted name, to the files that import it.

    A module is the project's if it is in this state of the project or in another one; of others'
    modules those count that are gone.
    """
    absent = defaultdict(set)
    for path in code.tree:
        for wanted in code.imports(path):
            root = code.root_of(path, wanted) or other.root_of(path, wanted)
            if root is None:
                if wanted.module[0] in gone:
                    absent[wanted.module[0]].add(path)
            elif not code.has(root, wanted):
                is_there = code.locate(root, wanted.module) is not None
                parts = (*wanted.module, wanted.name) if is_there else wanted.module
                if wanted.level:
                    parts = (*root.removeprefix("src/").split("/"), *parts)
                absent[".".join(filter(None, parts))].add(path)
    return absent


def vanished(old: Tree, new: Tree, gone: Iterable[str] = ()) -> dict[str, list[str]]:
    """Map what is imported and no longer exists to the files that import it."""
    before, after = Code(old), Code(new)
    known = missing(before, after)
    found = {
        name: sorted(files - known.get(name, set()))
        for name, files in missing(after, before, gone).items()
    }
    return {name: files for name, files in sorted(found.items()) if files}
