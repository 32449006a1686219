"""git as an update needs it: the same on every machine, and failing with a sentence."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

# What people set for themselves, and what would change or stop an update. Each has cost edits.
NEUTRAL = {
    "advice.detachedHead": "false",
    "apply.ignoreWhitespace": "no",
    "apply.whitespace": "nowarn",  # "fix" and "error" change or refuse what users wrote
    "commit.gpgSign": "false",
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.quotePath": "true",  # Copier understands no other form of a name
    "gc.auto": "0",
    "maintenance.auto": "false",
    "merge.conflictStyle": "merge",
    "safe.bareRepository": "all",
    "status.showUntrackedFiles": "normal",  # Copier finds its rejected hunks by "git status"
    "submodule.recurse": "false",
}


class GitError(Exception):
    """What git says, in one sentence."""


def environment(settings: Mapping[str, str] = NEUTRAL) -> dict[str, str]:
    """Return the variables that make these settings count for every git that is started."""
    first = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    variables = {"GIT_CONFIG_COUNT": str(first + len(settings))}
    for number, (key, value) in enumerate(settings.items(), first):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


def git(*arguments: str | Path, cwd: Path | None = None, text: bytes = b"") -> bytes:
    """Run git and return what it prints."""
    result = subprocess.run(
        ["git", *arguments], cwd=cwd, input=text, capture_output=True, check=False
    )
    if result.returncode != 0:
        raise GitError(explain(result.stderr.decode("utf-8", "replace")))
    return result.stdout


def names(*arguments: str | Path, cwd: Path | None = None, text: bytes = b"") -> list[str]:
    """Run git with -z, and return the names that it prints."""
    return [os.fsdecode(name) for name in git(*arguments, cwd=cwd, text=text).split(b"\0")[:-1]]


def explain(said: str) -> str:
    """Cut what git says down to why it failed, and to the command that it advises."""
    found = [line.strip() for line in said.splitlines() if line.strip()]
    end = next((n for n, line in enumerate(found) if line.startswith("fatal: ")), None)
    reasons = found[-1:] if end is None else [found[end], *reversed(found[:end])]
    advice = [line for line in found if line.startswith("git config --global --add safe.directory")]
    texts = [re.sub(r"^(fatal|error|warning): ", "", line).rstrip(".:") for line in reasons]
    sentence = ": ".join(texts[:2]) or "git failed without a word"
    return sentence + (f": if you trust it, run {advice[0]}" if advice else "")
