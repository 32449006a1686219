"""git that asks nobody for a password, and addresses that give none away."""

import re
import subprocess
from pathlib import Path

# Copier's own calls of git need these too, so they go into the environment of the whole program.
ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",  # the program that says nothing
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
    "GIT_TEMPLATE_DIR": "",  # no hooks in clones, which also saves time
}
HOSTS = {"gh": "github.com", "gl": "gitlab.com"}  # Copier's short forms


class GitError(ValueError):
    """What git says, in one sentence."""


def git(*arguments: str | Path, cwd: Path | None = None) -> str:
    """Run git and return what it prints."""
    result = subprocess.run(
        ["git", *arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if result.returncode != 0:
        said = result.stderr.strip().splitlines() or ["git failed without a message"]
        reasons = (line for line in said if line.startswith("fatal: "))
        raise GitError(next(reasons, said[-1]).removeprefix("fatal: "))
    return result.stdout


def is_address(source: str) -> bool:
    """Tell an address, such as https://…, git@host:… and gh:…, from a folder."""
    return re.match(r"[\w.+@-]{2,}:", source) is not None


def without_secrets(text: str) -> str:
    """Take users, passwords and tokens out of the addresses in a text."""
    return re.sub(r"(?<=://)[^/\s\"']*@", "", text)


def expand(address: str) -> str:
    """Write Copier's forms of an address as git knows them."""
    for alias, host in HOSTS.items():
        address = re.sub(rf"^{alias}:/*", f"https://{host}/", address)
    return address.removeprefix("git+")


def canonical(source: str) -> str:
    """Reduce what may name a repository to its host and path, the same for every spelling."""
    if not is_address(source):
        return Path(source).expanduser().resolve().as_posix()
    place = re.sub(r"^(\w+://)?([^@/]*@)?", "", expand(source))
    host, _, path = place.replace(":", "/", 1).partition("/")
    return f"{host.lower()}/{path.strip('/').removesuffix('.git')}"
