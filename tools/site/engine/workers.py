"""Copier's worker for a release that is unpacked in a folder, as if git had cloned it there."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from copier._main import Worker
from copier._settings import SettingsModel
from copier._template import Template

# A preset or a shared link may answer what a release does not ask: it says so itself.
logging.getLogger("copier").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Release:
    """A version of the template: what Copier is told to take, and what it would find there."""

    folder: Path
    address: str
    reference: str
    description: str  # as "git describe" gives it
    commit: str


def start(release: Release, answers: Mapping[str, Any], destination: Path) -> Worker:
    """Prepare a copy; only the step is done already that would fetch the template."""
    worker = Worker(
        src_path=release.address,
        dst_path=destination,
        data=dict(answers),
        vcs_ref=release.reference,
        settings=SettingsModel(),
        defaults=True,
        overwrite=True,
        quiet=True,
        skip_tasks=True,
        unsafe=True,
    )
    vars(worker)["template"] = template_of(release)
    return worker


@cache
def template_of(release: Release) -> Template:
    """Read a release once; it is the same for every copy."""
    template = Template(url=release.address, ref=release.reference)
    vars(template).update(
        local_abspath=release.folder,
        vcs=None,
        commit=release.description,
        commit_hash=release.commit,
    )
    return template
