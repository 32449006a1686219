"""What Renovate makes of projects, by its own functions."""

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import node_tools
import updating
from pins import Pins, pins_in

SCRIPT = Path(__file__).with_suffix(".mjs")
# As those of a project whose template is on a forge
ANSWERS = "_commit: v1.2.3\n_src_path: https://github.com/example/template\n"

Dependency = Mapping[str, Any]


@dataclass(frozen=True)
class Findings:
    """What Renovate extracts from a project, and what it would propose if all of it had news."""

    project: Path
    extracted: Mapping[str, list[Mapping[str, Any]]]  # manager -> files with their dependencies
    updates: list[Mapping[str, Any]]

    def dependencies(self) -> list[tuple[str, str, Dependency]]:
        """List what it would look up, each with its manager and its file."""
        return [
            (manager, file["packageFile"], dependency)
            for manager, files in self.extracted.items()
            for file in files
            for dependency in file["deps"]
            if "skipReason" not in dependency
        ]

    def seen(self) -> Pins:
        """Count what it would look up as pins of a file."""
        return Counter(
            (path, pin)
            for _, path, dependency in self.dependencies()
            for pin in pins_of_dependency(dependency)
        )


def pins_of_dependency(dependency: Dependency) -> list[str]:
    """List the pins of a dependency, as a search of its file finds them."""
    value = str(dependency.get("currentValue", ""))
    digest = [dependency["currentDigest"]] if "currentDigest" in dependency else []
    if dependency["datasource"] == "docker":
        return [f"{dependency['depName']}:{value}", *digest]
    return [*pins_in(value), *digest]


def commit(project: Path, folder: Path) -> Path:
    """Copy a project as somebody has it on a forge."""
    copy = shutil.copytree(project, folder / project.name)
    file = copy / ".copier-answers.yml"
    text = re.sub(r"(?m)^_(commit|src_path): .*\n", "", file.read_text("utf-8"))
    file.write_text(ANSWERS + text, "utf-8")
    updating.git(copy, "init", "--quiet")
    updating.git(copy, "add", "--all")
    return copy


def ask(projects: Iterable[Path]) -> list[Findings]:
    """Ask Renovate about copies that commit() has made."""
    folders = [str(project) for project in projects]
    found = subprocess.run(
        [node_tools.NODE, SCRIPT, node_tools.package("renovate")],
        env={**os.environ, "LOG_LEVEL": "fatal"},
        input=json.dumps(folders),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [
        Findings(Path(folder), **findings)
        for folder, findings in zip(folders, json.loads(found.stdout), strict=True)
    ]


def run(project: Path, folder: Path) -> Mapping[str, Any]:
    """Let the program itself extract what a copy has."""
    environment = {"RENOVATE_PLATFORM": "local", "RENOVATE_BASE_DIR": str(folder)}
    logging = {"LOG_FORMAT": "json", "LOG_LEVEL": "debug"}
    result = subprocess.run(
        [*node_tools.command("renovate"), "--dry-run=extract"],
        cwd=project,
        env={**os.environ, **environment, **logging},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    entries = (json.loads(line, object_hook=with_token) for line in result.stdout.splitlines())
    (extracted,) = (e["packageFiles"] for e in entries if e["msg"] == "Extracted dependencies")
    return extracted  # type: ignore[no-any-return]


def with_token(entry: dict[str, Any]) -> dict[str, Any]:
    """Leave out that there is no token to ask GitHub, which the bot has."""
    if entry.get("skipReason") == "github-token-required":
        del entry["skipReason"]
    return entry
