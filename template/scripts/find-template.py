"""Finds the template of this repository, and lets its newest version do an update.

update-template.sh runs it with the Python of Copier, whose libraries it uses. Arguments: the
answers file, and those of tasks/update.py in the template.
"""

import io
import re
import runpy
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from packaging.version import InvalidVersion, Version

# Copier's short forms of addresses
FORMS = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/", "git+": ""}


def main(answers_file: str, *words: str) -> None:
    """Run the newest tasks/update.py of the template in this repository."""
    source = read_source(answers_file)
    with TemporaryDirectory() as folder:
        clone, code = Path(folder, "template"), Path(folder, "code")
        for short, long in FORMS.items():
            if source.startswith(short):
                source = long + source.removeprefix(short).lstrip("/")
        try:
            git("clone", "--quiet", "--bare", "--", source, str(clone))
            newest = newest_of(git(f"--git-dir={clone}", "tag").decode().split())
            archive = ("-c", "core.autocrlf=false", f"--git-dir={clone}", "archive")
            tasks = git(*archive, newest or "HEAD", "tasks/update.py", "tasks")
        except subprocess.CalledProcessError as error:
            sys.exit(f"The template {source} cannot be used: {reason(error.stderr.decode())}.")
        with tarfile.open(fileobj=io.BytesIO(tasks)) as files:
            files.extractall(code, filter="data")
        sys.path.insert(0, str(code / "tasks"))
        sys.argv[1:] = [str(clone), answers_file, newest, *words]
        runpy.run_path(str(code / "tasks" / "update.py"), run_name="__main__")


def read_source(answers_file: str) -> str:
    """Read where the template is."""
    try:
        text = Path(answers_file).read_bytes()
        answers = yaml.safe_load(text)
    except FileNotFoundError:
        sys.exit(f"{answers_file} is missing: take it back from git's history.")
    except (yaml.YAMLError, ValueError):
        if re.search(rb"^(<{7}|>{7}) ", text, re.MULTILINE):
            sys.exit(f"{answers_file} holds a conflict: resolve and commit it.")
        sys.exit(f"{answers_file} is damaged: take it back from git's history.")
    if not isinstance(answers, dict) or not {"_src_path", "dependency_manager"} <= answers.keys():
        sys.exit(f"{answers_file} is damaged or of another template: take the right one back.")
    source = str(answers["_src_path"])
    if not re.match(r"[\w.+@-]{2,}:|[/~]", source):
        sys.exit(
            f"{answers_file} names the template {source}, relative to where this repository was"
            " made: write its address or its whole path after _src_path, and commit that."
        )
    return str(Path(source).expanduser()) if source.startswith("~") else source


def git(*arguments: str) -> bytes:
    """Run git and return what it prints."""
    command = ["git", *arguments]  # that PATH finds
    return subprocess.run(command, capture_output=True, check=True).stdout  # noqa: S603


def reason(said: str) -> str:
    """Cut what git says down to why it failed: a line, and the one before it."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = next((number for number, line in enumerate(lines) if line.startswith("fatal: ")), -1)
    found = lines[max(last - 1, 0) : last + 1] if last >= 0 else lines[-1:]
    sentence = ": ".join(re.sub(r"^(fatal|error): ", "", line).rstrip(".:") for line in found)
    advice = [f": if you trust it, run {line}" for line in lines if "safe.directory" in line]
    return sentence + "".join(advice)


def newest_of(tags: list[str]) -> str:
    """Find the newest release among tags; "" if there is none."""
    versions = {}
    for tag in tags:
        try:
            versions[tag] = Version(tag)
        except InvalidVersion:
            continue
    releases = [tag for tag, version in versions.items() if not version.is_prerelease]
    return max(releases, key=versions.__getitem__, default="")


if __name__ == "__main__":
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        print("Interrupted: nothing has been changed here.", file=sys.stderr)
        sys.exit(130)
