"""What Dependabot reads of a tree, as its documentation and its sources say.

It runs on GitHub only: this says which lines it takes for dependencies, not what it proposes.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import generated
from pins import Line, lines_of

COMPOSE = re.compile(r"(docker-)?compose(-[\w]+)?(\.[\w-]+)?\.ya?ml", re.IGNORECASE)
MANIFEST = re.compile(r"^apiVersion: .+\nkind: ", re.MULTILINE)
INCLUDED = re.compile(r"^-[rc] (\S+)", re.MULTILINE)

# ecosystem -> the lines of its files that name a dependency; what has a variable is passed over
LINES = {
    "docker": re.compile(r"^FROM [^$]+$|^ +image: [^$]+$"),
    "docker-compose": re.compile(r"^ +image: [^$]+$"),
    "github-actions": re.compile(r"^ +(- )?uses: "),
    "npm": re.compile(r'^ +"[@\w./-]+": "\d'),
    "pip": re.compile(r'^ *["]?[\w.-]+(\[[\w,]+\])?"?[ =]*[\'"{<>=~]'),
    "pre-commit": re.compile(r"^ +rev: "),
    "uv": re.compile(r'^ +"[\w.-]+(\[[\w,]+\])?[<>=~]|^\w+ = \[".+"\]'),
}


def lines(project: Path) -> Iterator[Line]:
    """List the lines that it looks up, each with the path of its file."""
    for update in generated.parse(project / ".github" / "dependabot.yml")["updates"]:
        ecosystem = update["package-ecosystem"]
        for folder in folders(update):
            files = sorted(set(files_of(ecosystem, project / folder.strip("/"))))
            for path, line in lines_of(project, files):
                if LINES[ecosystem].search(line):
                    yield path, line


def folders(update: Any) -> list[str]:
    """List the folders of an entry."""
    found: list[str] = update.get("directories") or [update["directory"]]
    return found


def files_of(ecosystem: str, folder: Path) -> Iterator[Path]:
    """List the files that an ecosystem has in a folder."""
    match ecosystem:
        case "docker":
            names = re.compile("dockerfile|containerfile", re.IGNORECASE)
            yield from (file for file in generated.files(folder, "*") if names.search(file.name))
            for file in generated.files(folder, "*.y*ml"):  # manifests for Kubernetes
                if MANIFEST.search(file.read_text("utf-8")):
                    yield file
        case "docker-compose":
            yield from (f for f in generated.files(folder, "*") if COMPOSE.fullmatch(f.name))
        case "github-actions":
            workflows = folder / ".github" / "workflows"
            yield from generated.files(workflows if workflows.is_dir() else folder, "*.y*ml")
        case "npm":
            yield folder / "package.json"
        case "pip":
            yield from generated.files(folder, "pyproject.toml", "Pipfile")
            for file in generated.files(folder, "*.txt", "*.in", "*/*.txt", "*/*.in"):
                yield from with_included(file)
        case "pre-commit":
            yield folder / ".pre-commit-config.yaml"
        case "uv":
            yield folder / "pyproject.toml"
        case _:
            raise KeyError(ecosystem)


def with_included(requirements: Path) -> Iterator[Path]:
    """List a file of requirements and those that it includes."""
    yield requirements
    for path in INCLUDED.findall(requirements.read_text("utf-8")):
        yield from with_included((requirements.parent / path).resolve())
