"""Release a version of the template: its entry in CHANGELOG.md, its commit and its tag.

python tools/release.py check 1.2.0    refuses what cannot be released, and prints the entry
python tools/release.py write 1.2.0    writes the entry, and commits it as "Release v1.2.0"
python tools/release.py tag            tags such a commit, pushes both, and prints the entry
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

from packaging.version import Version

CHANGELOG = Path("CHANGELOG.md")
NUMBER = r"(?:0|[1-9]\d*)"
VERSION = rf"{NUMBER}\.{NUMBER}\.{NUMBER}(?:\.post{NUMBER})?"  # forks add the last part
HEADING = rf"^## \[({VERSION})\] - .+\n"
COMPARISON = r"^\[Unreleased\]: (.+)/compare/.+$"


def main() -> None:
    """Run the command that is asked for in the folder of the repository."""
    parser = argparse.ArgumentParser(description="Release a version of the template.")
    commands = parser.add_subparsers(required=True)
    for command in (check, write, tag):
        subparser = commands.add_parser(command.__name__, help=command.__doc__)
        subparser.set_defaults(command=command)
        if command is not tag:
            subparser.add_argument("version")
    arguments = vars(parser.parse_args())
    try:
        arguments.pop("command")(**arguments)
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)  # the program has said why


def check(version: str) -> None:
    """Refuse a version that cannot be released from here, and print the entry of another."""
    if problem := refusal(version):
        sys.exit(problem)
    print(towncrier("--draft", "--version", version))


def write(version: str) -> None:
    """Turn what is in docs/changes/ into the entry of a version, and commit it."""
    check(version)
    towncrier("--yes", "--version", version)
    text, base = CHANGELOG.read_text("utf-8").replace("\n\n\n", "\n\n"), r"\1"
    links = f"[Unreleased]: {base}/compare/v{version}...HEAD\n"
    links += f"[{version}]: {base}/releases/tag/v{version}"
    CHANGELOG.write_text(re.sub(COMPARISON, links, text, flags=re.MULTILINE), "utf-8")
    run("git", "commit", "--quiet", "--all", "--message", f"Release v{version}")


def refusal(version: str) -> str:
    """Say why a version cannot be released from here; "" if it can."""
    text = CHANGELOG.read_text("utf-8")
    last = max(re.findall(HEADING, text, re.MULTILINE), key=Version, default="0")
    if not re.fullmatch(VERSION, version):
        return f"'{version}' is not a semantic version; write, for example, 1.2.0."
    if Version(version) <= Version(last):
        return f"{version} is not newer than {last}, the last release; choose a higher version."
    if run("git", "status", "--porcelain"):
        return "The work tree holds changes; commit or stash them, then release."
    if section(text, r"^## \[Unreleased\]\n"):
        return f"{CHANGELOG} has lines under [Unreleased]; make each a file in docs/changes/."
    if not re.search(COMPARISON, text, re.MULTILINE):
        return f"{CHANGELOG} has no link '[Unreleased]: …/compare/v{last}...HEAD'; restore it."
    if not list(Path("docs/changes").glob("*.*.md")):
        return "Nothing to release: docs/changes/ is empty; its README.md says how to add a change."
    return ""


def tag() -> None:
    """Tag the commit of a release, push what the remote lacks, and print the entry."""
    subject = run("git", "log", "-1", "--format=%s")
    found = re.fullmatch(rf"Release v({VERSION})( \(#\d+\))?", subject)
    if not found:
        sys.exit(f"'{subject}' is not of the form 'Release vX.Y.Z'; commit the release first.")
    version = found.group(1)
    entry = section(CHANGELOG.read_text("utf-8"), rf"^## \[{re.escape(version)}\] - [^\n]+\n")
    if not entry:
        sys.exit(f"{CHANGELOG} has no entry for {version}; write it first.")
    if f"v{version}" not in run("git", "tag", "--points-at", "HEAD").split():
        run("git", "tag", f"v{version}")
    pushed = run("git", "branch", "--remotes", "--contains", "HEAD", "--list", "origin/main")
    references = [f"v{version}"] if pushed else ["HEAD:main", f"v{version}"]
    run("git", "push", "--quiet", "--atomic", "origin", *references)
    print(entry)


def section(text: str, heading: str) -> str:
    """Cut out what stands between a heading and the next one, or the links at the end."""
    found = re.search(rf"{heading}(.*?)(?=^## |^\[[^]]+\]: |\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group(1).strip() if found else ""


def towncrier(*options: str) -> str:
    """Build the entry from what is in docs/changes/."""
    return run(sys.executable, "-m", "towncrier", "build", *options)


def run(*command: str) -> str:
    """Run a program and return what it prints; its errors go through."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


if __name__ == "__main__":
    main()
