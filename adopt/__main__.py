"""Adopt an application: python -m adopt PATH."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import copier
import yaml
from copier.errors import CopierError
from plumbum import ProcessExecutionError

from adopt.inspection import ROOT, NoApplicationError, inspect, read_questions

REQUIRED = {
    "framework": "its kind of server is unknown: add --data framework=flask for WSGI, or fastapi"
    " for ASGI",
    "entry_point": "what starts it is unknown: add, for example, --data entry_point=app:app",
}


class RefusalError(Exception):
    """Nothing is written; the text says why and what to do."""


def main(words: Sequence[str] | None = None) -> int:
    """Adopt the application that the command line names."""
    arguments = read_arguments(words)
    try:
        return adopt(arguments)
    except (RefusalError, NoApplicationError) as refusal:
        print(f"Not adopted: {str(refusal).rstrip('.')}.", file=sys.stderr)
        return 1


def read_arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m adopt", description=__doc__)
    parser.add_argument("path", type=Path, help="the application, a clean git work tree")
    parser.add_argument("--template", default=str(ROOT), help="where later updates come from")
    parser.add_argument("--vcs-ref", help="the version of the template (default: the newest)")
    parser.add_argument(
        "--data", action="append", default=[], metavar="KEY=VALUE", help="an answer"
    )
    parser.add_argument("--defaults", action="store_true", help="ask nothing")
    parser.add_argument("--skip-tasks", action="store_true", help="lock nothing yet")
    return parser.parse_args(words)


def adopt(arguments: argparse.Namespace) -> int:
    """Find out what the application is, and let Copier ask the rest and write."""
    root = arguments.path.resolve()
    given = read_data(arguments.data)
    check_tree(root)
    found = inspect(root, git(root, "ls-files", "-z").strip("\0").split("\0"), given)
    for key, reason in found.reasons.items():
        if key in found.answers and key != "own_files":
            print(f"{key}: {found.answers[key]} ({reason})")
    answers = {**found.answers, **given}
    for key, sentence in REQUIRED.items():
        if arguments.defaults and key not in answers:
            raise RefusalError(". ".join((sentence, *found.notes[:1])))
    for note in found.notes:
        print(f"Note: {note}.")
    try:
        copier.run_copy(
            arguments.template,
            root,
            data=answers,
            user_defaults={"project_name": name_of(root)},
            defaults=arguments.defaults,
            skip_if_exists=["*"],  # no file of the application is ever written
            skip_tasks=arguments.skip_tasks,
            vcs_ref=arguments.vcs_ref,
            quiet=True,
            unsafe=True,
        )
        check_answers(root / ".copier-answers.yml")
    except BaseException as error:
        git(root, "clean", "--quiet", "--force", "-d")  # the tree was clean
        if isinstance(error, ProcessExecutionError):
            unreachable = f"the template {arguments.template} cannot be fetched: see to its address"
            raise RefusalError(unreachable) from error
        if isinstance(error, ValueError | CopierError | OSError):
            raise RefusalError(" ".join(str(error).split())) from error
        raise
    ignored = ["git", "-C", str(root), "check-ignore", "--quiet", ".env"]
    if subprocess.run(ignored, check=False).returncode != 0:
        print("Note: Nothing ignores .env: add it to .gitignore.")
    print(f"Adopted {root}. See what is new, commit it, then: docker compose up --build")
    return 0


def read_data(pairs: list[str]) -> dict[str, str]:
    """Read the answers of the command line."""
    if wrong := next((pair for pair in pairs if "=" not in pair), None):
        raise RefusalError(f"--data {wrong} has no value: write, for example, --data port=8000")
    given = dict(pair.split("=", 1) for pair in pairs)
    if unknown := given.keys() - read_questions().keys() | given.keys() & {"own_files"}:
        raise RefusalError(
            f"no question is called {min(unknown)}: see the README for those there are"
        )
    return given


def check_tree(root: Path) -> None:
    """Refuse what could not be undone, or was adopted before."""
    if not root.is_dir():
        raise RefusalError(f"{root} is no folder: name that of the application")
    try:
        top = Path(git(root, "rev-parse", "--show-toplevel").rstrip("\n"))
    except RefusalError as refusal:
        raise RefusalError(
            f"{root} is not under git, so nothing could be undone: commit it first"
        ) from refusal
    if top != root:
        raise RefusalError(f"{root} is a part of the repository {top}: name that instead")
    if (root / ".copier-answers.yml").exists():
        raise RefusalError(
            "the application has a .copier-answers.yml already: run copier update --trust in it"
        )
    if git(root, "status", "--porcelain", "--untracked-files"):
        raise RefusalError(f"{root} has changes that are not committed: commit or stash them first")


def check_answers(file: Path) -> None:
    """Refuse what a version of the template wrote that knows nothing of adoption."""
    if not file.exists() or "own_files" not in yaml.safe_load(file.read_text("utf-8")):
        raise RefusalError(
            "this version of the template adopts nothing: name a newer one with --vcs-ref"
        )


def git(root: Path, *arguments: str) -> str:
    """Run git; refuse to go on if it does."""
    command = ["git", "-C", str(root), *arguments]
    result = subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="surrogateescape", check=False
    )
    if result.returncode != 0:
        raise RefusalError(result.stderr.strip().removeprefix("fatal: "))
    return result.stdout


def name_of(root: Path) -> str:
    """Make a name that people read from that of the folder."""
    return root.name.replace("-", " ").replace("_", " ").title()


if __name__ == "__main__":
    sys.exit(main())
