"""The template that all repositories are compared with."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from jinja2.sandbox import SandboxedEnvironment
from packaging.version import InvalidVersion, Version

from slipway.fleet.git import GitError, canonical, expand, git, without_secrets


@dataclass(frozen=True)
class Template:
    """A copy of the template's repository, and what its newest release says."""

    address: str
    mirror: Path
    spellings: frozenset[str]  # of its address
    versions: Mapping[str, Version]  # by tag
    questions: Mapping[str, Any]
    pythons: Mapping[str, str]  # the month in which the support of each ends

    @classmethod
    def fetch(cls, source: str, mirror: Path) -> "Template":
        """Copy a template's repository, once for all updates that are tried."""
        address = without_secrets(source)
        try:
            git("clone", "--quiet", "--mirror", "--no-local", "--", expand(source), mirror)
        except GitError as error:
            raise ValueError(f"The template {address} cannot be cloned: {error}") from None
        tags = git("tag", cwd=mirror).split()
        versions = {tag: version for tag in tags if (version := parse(tag))}
        spellings = {canonical(source)}
        if Path(source).is_dir():
            origin = git("-C", source, "config", "--get", "--default", source, "remote.origin.url")
            spellings.add(canonical(origin.strip()))
        template = cls(address, mirror, frozenset(spellings), versions, {}, {})
        if not template.releases:
            raise ValueError(
                f"The template {address} has no release to compare with: fetch its tags, or tag a"
                " version such as v1.0.0."
            )
        return replace(
            template,
            questions=template.read("copier.yml"),
            pythons=template.read("catalogue/pythons.yaml"),
        )

    def read(self, path: str) -> dict[str, Any]:
        """Read a YAML file of the newest release, or nothing if that has no such file."""
        if not git("ls-tree", self.newest, "--", path, cwd=self.mirror):
            return {}
        try:
            content = yaml.safe_load(git("show", f"{self.newest}:{path}", cwd=self.mirror))
        except yaml.YAMLError:
            content = None
        if not isinstance(content, dict):
            raise ValueError(f"The template {self.address} has a damaged {path}.")
        return content

    @cached_property
    def releases(self) -> list[str]:
        """List the tags of versions that Copier would update to, the newest one last."""
        tags = [tag for tag, version in self.versions.items() if not version.is_prerelease]
        return sorted(tags, key=lambda tag: self.versions[tag])

    @property
    def newest(self) -> str:
        """Name the newest release."""
        return self.releases[-1]

    @property
    def choices(self) -> list[str]:
        """List the questions that are answered from a list."""
        entries = self.questions.items()
        return [key for key, entry in entries if isinstance(entry, dict) and entry.get("choices")]

    def tag_of(self, commit: str) -> str:
        """Tell the version that a commit, as git describes it, is or came after; "" if none is."""
        tag = re.sub(r"-\d+-g[0-9a-f]+$", "", commit)
        return tag if tag in self.versions else ""

    def behind(self, tag: str) -> int:
        """Count the releases that are newer than a version."""
        return sum(self.versions[release] > self.versions[tag] for release in self.releases)

    def python_of(self, answers: Mapping[str, Any]) -> str:
        """Tell the Python of a project, also where Copier does not ask for it; "" if unknown."""
        question = self.questions.get("python_version")
        if question is None:
            return ""
        environment = SandboxedEnvironment()
        condition = str(question.get("when", True))
        is_asked = environment.from_string(condition).render(answers) == "True"
        if is_asked and "python_version" in answers:
            return str(answers["python_version"])
        return environment.from_string(str(question["default"])).render(answers)

    def python_until(self, python: str) -> str:
        """Tell the month in which a Python's support ends; "" if it is not offered."""
        return self.pythons.get(python, "")


def parse(tag: str) -> Version | None:
    """Read a tag as PEP 440 does; None if it names no version."""
    try:
        return Version(tag)
    except InvalidVersion:
        return None
