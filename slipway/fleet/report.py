"""What a report holds, and how the reports of several shards become one."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, JsonValue


class State(StrEnum):
    """How a repository stands; the value is what people read."""

    CURRENT = "up to date"
    AHEAD = "ahead of the newest release"
    CLEAN = "updates cleanly"
    CONFLICTS = "updates with conflicts"
    FAILS = "update fails"
    BEHIND = "behind, not tried"
    OTHER = "another template"
    BROKEN = "cannot be read"
    UPDATED = "updated"  # these two by "slipway fleet update" only
    CONFLICTED = "updated, with conflicts"


class Service(BaseModel):
    """One row: a repository, and what could be told about it."""

    model_config = ConfigDict(extra="forbid")

    repository: str  # as it was given, without secrets
    state: State
    reason: str = ""  # why an update fails, or why the repository cannot be read
    conflicts: list[str] = []  # the files that an update would leave with conflicts
    template: str = ""
    version: str = ""
    release: str = ""  # the version, or the release that it came after
    behind: int | None = None  # releases
    python: str = ""
    python_until: str = ""  # year and month; empty if the template does not offer this Python
    python_supported: bool | None = None
    answers: dict[str, JsonValue] = {}


class Report(BaseModel):
    """All rows, and what they were compared with."""

    model_config = ConfigDict(extra="forbid")

    made: date
    template: str
    releases: list[str]  # the newest one last
    choices: list[str]  # the keys of the answers that were chosen from a list
    services: list[Service]

    def sort(self) -> None:
        """Put what is furthest behind first and what cannot be compared last."""
        self.services.sort(key=lambda row: (row.behind is None, -(row.behind or 0), row.repository))


def merge(parts: Sequence[Report]) -> Report:
    """Join the reports of shards, which must have been compared with the same releases."""
    first, *others = parts
    for part in others:
        if (part.template, part.releases) != (first.template, first.releases):
            raise ValueError(
                f"The parts do not belong together: one compares with {first.releases[-1]} of"
                f" {first.template}, another one with {part.releases[-1]} of {part.template}."
            )
    services = {row.repository: row for part in parts for row in part.services}
    joined = first.model_copy(update={"services": list(services.values())})
    joined.made = min(part.made for part in parts)
    joined.sort()
    return joined
