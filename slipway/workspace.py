"""The workspace around a new service: what it knows, and how it hears of the service."""

import os
import re
import runpy
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from plumbum import local

from slipway.source import FILES

ANSWERS_FILE = re.compile(r"\.copier-answers(\..+)?\.ya?ml")
# What a service has as its workspace has it
TAKEN_OVER = (
    "author_name",
    "author_email",
    "organization",
    "license",
    "dependency_manager",
    "base_image",
    "python_version",
    "deployment",
)
# What only the root has, whatever a file of answers says
OF_THE_ROOT = {"ci": "none", "dependency_updates": "none", "reverse_proxy": "none"}


class WorkspaceError(Exception):
    """There can be no such service; the text says why and what to do."""


@dataclass(frozen=True)
class Workspace:
    """A repository of several services, as its answers file says."""

    root: Path
    answers_file: str
    answers: Mapping[str, Any]

    @property
    def services(self) -> list[str]:
        """List the names of its services."""
        listed = self.answers.get("services") or []
        return listed.replace(",", " ").split() if isinstance(listed, str) else list(listed)

    def check(self, folder: Path) -> str:
        """Name the service that a folder is to hold; refuse one that cannot be."""
        name = folder.name
        if folder.parent != self.root / "services":
            raise WorkspaceError(
                f"{self.root} is a workspace, whose services are in services: say services/{name}"
            )
        if name in self.services and folder.exists():
            raise WorkspaceError(f"The workspace has a service {name}: choose another name")
        if name in self.services:
            raise WorkspaceError(
                f"The workspace has a service {name}, whose folder is gone: docs/services.md says"
                " how to remove it from the list"
            )
        if folder.exists():
            raise WorkspaceError(f"There is a folder services/{name}: choose another name")
        if git(self.root, "status", "--porcelain"):
            raise WorkspaceError(
                "There are uncommitted changes, so that nothing could be undone: commit them,"
                " then try again"
            )
        return name

    def answers_for(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Answer for a service what follows from the workspace, unless that is given otherwise."""
        known, own = self.answers, {"project_slug": name, "workspace": self.answers["project_slug"]}
        for key, answer in own.items():
            if given.get(key, answer) != answer:
                raise WorkspaceError(
                    f"The {key} of services/{name} is {answer}, not {given[key]}: leave it out"
                )
        servers = {key: known.get(key, "none") for key in ("database", "cache")}
        taken = {
            **{key: known[key] for key in TAKEN_OVER if key in known},
            **{key: server for key, server in servers.items() if server != "none"},
            "project_name": name.replace("-", " ").capitalize(),
        }
        if has_python(str(given.get("base_image", known["base_image"]))):
            taken.pop("python_version", None)
        answers = {**taken, **given}
        taken["shared_servers"] = [
            key for key, server in servers.items() if answers.get(key, "none") == server != "none"
        ]
        return {
            **{key: answer for key, answer in taken.items() if key not in given},
            **OF_THE_ROOT,
            **own,
        }

    def managers_with(self, name: str, manager: str) -> dict[str, Any]:
        """Say which services have another manager, if the workspace wants to know."""
        known = self.answers.get("other_managers")
        if known is None or manager == self.answers["dependency_manager"]:
            return {}
        return {"other_managers": {**known, name: manager}}

    @contextmanager
    def with_service(self, name: str, manager: str) -> Iterator[None]:
        """Add a service to the list, and take that back if making it fails."""
        import copier

        try:
            copier.run_update(
                self.root,
                answers_file=self.answers_file,
                data={"services": [*self.services, name], **self.managers_with(name, manager)},
                vcs_ref=copier.VcsRef.CURRENT,
                defaults=True,
                overwrite=True,
                quiet=True,
                unsafe=True,
            )
            yield
        except BaseException:
            # All that is here was committed: see check().
            git(self.root, "reset", "--quiet", "--hard")
            git(self.root, "clean", "--quiet", "--force", "-d")
            raise


def find_workspace(folder: Path) -> Workspace | None:
    """Find the workspace that a folder is in, however deep."""
    for root in folder.parents:
        for file in sorted(root.iterdir()) if root.is_dir() else ():
            if ANSWERS_FILE.fullmatch(file.name):
                answers = yaml.safe_load(file.read_text("utf-8"))
                if isinstance(answers, dict) and answers.get("framework") == "workspace":
                    return Workspace(root, file.name, answers)
    return None


def has_python(base_image: str) -> bool:
    """Say whether a base image has one version of Python alone."""
    table = yaml.safe_load((FILES / "catalogue" / "choices.yaml").read_text("utf-8"))
    return bool(table["base_image"].get(base_image, {}).get("distribution_python"))


def use_neutral_git() -> None:
    """Let git, ours and Copier's, do what it does in an update, whatever its user configured."""
    settings = runpy.run_path(str(FILES / "tasks" / "git.py"))["environment"]()
    os.environ.update(settings)
    local.env.update(settings)  # plumbum, by which Copier runs git, has a copy


def git(root: Path, *arguments: str) -> str:
    """Run git in a folder; return what it prints."""
    command = ["git", "-C", str(root), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise WorkspaceError(f"git cannot work in {root}: {' '.join(result.stderr.split())}")
    return result.stdout
