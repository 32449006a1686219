"""Adopt an application: python -m slipway.adopt PATH."""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import copier
import yaml
from copier.errors import CopierError
from plumbum import ProcessExecutionError

from slipway.adopt import checking
from slipway.adopt.inspection import ROOT, Inspection, NoApplicationError, inspect, read_questions
from slipway.adopt.processes import Endings, listening, uninterrupted
from slipway.adopt.staging import Stage

ANSWERS_FILES = (".copier-answers.yml", ".copier-answers.slipway.yml")
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
        with listening():
            return adopt(arguments)
    except (RefusalError, NoApplicationError) as refusal:
        print(f"Not adopted: {str(refusal).rstrip('.')}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Not adopted: interrupted; nothing has been changed.", file=sys.stderr)
        return 128 + Endings.last


def read_arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m slipway.adopt", description=__doc__)
    parser.add_argument("path", type=Path, help="the application, a clean git work tree")
    parser.add_argument("--template", default=str(ROOT), help="where later updates come from")
    parser.add_argument("--vcs-ref", help="the version of the template (default: the newest)")
    parser.add_argument(
        "--data", action="append", default=[], metavar="KEY=VALUE", help="an answer"
    )
    parser.add_argument(
        "--answers-file", metavar="FILE", help="what holds the answers, for updates"
    )
    parser.add_argument("--defaults", action="store_true", help="ask nothing")
    parser.add_argument(
        "--no-check", action="store_true", help="lock the dependencies, but build and start nothing"
    )
    parser.add_argument("--skip-tasks", action="store_true", help="lock and check nothing yet")
    return parser.parse_args(words)


def adopt(arguments: argparse.Namespace) -> int:
    """Find out what the application is, let Copier ask the rest, and write what was checked."""
    root = arguments.path.resolve()
    given = read_data(arguments.data)
    check_tree(root)
    answers_file = choose_answers_file(root, arguments.answers_file)
    tracked = git(root, "ls-files", "-z", "--recurse-submodules").strip("\0").split("\0")
    found = inspect(root, tracked, given)
    for key, reason in found.reasons.items():
        if key in found.answers and key != "own_files":
            print(f"{key}: {found.answers[key]} ({reason})")
    for key, sentence in REQUIRED.items():
        if arguments.defaults and key not in {**found.answers, **given}:
            raise RefusalError(". ".join((sentence, *found.notes[:1])))
    for note in found.notes:
        print(f"Note: {note}.")
    if answers_file != ANSWERS_FILES[0]:
        print(f"Note: The answers are in {answers_file}, which copier update is to be told.")
    with ExitStack() as rest:
        with tempfile.TemporaryDirectory(prefix="slipway-", ignore_cleanup_errors=True) as folder:
            stage = Stage(root, Path(folder, "application"), frozenset(tracked))
            try:
                rendered = Path(folder, "rendered")
                render(arguments, rendered, {**found.answers, **given}, answers_file)
                stage.copy_application()
                stage.add(rendered)
                findings = check(arguments, stage, found)
                rest.enter_context(uninterrupted())
                in_the_way = stage.bring_over()
            except OSError as error:
                raise RefusalError(" ".join(str(error).split())) from error
        for path in in_the_way:
            print(f"Note: {path} has been written meanwhile and stays: the kit's own is left out.")
        ignored = ["git", "-C", str(root), "check-ignore", "--quiet", ".env"]
        if subprocess.run(ignored, check=False).returncode != 0:
            print("Note: Nothing ignores .env: add it to .gitignore.")
        return report(root, findings)


def render(
    arguments: argparse.Namespace, folder: Path, answers: dict[str, object], answers_file: str
) -> None:
    """Let Copier ask and write, apart from the application."""
    try:
        copier.run_copy(
            arguments.template,
            folder,
            data=answers,
            user_defaults={"project_name": name_of(arguments.path.resolve())},
            answers_file=answers_file,
            defaults=arguments.defaults,
            skip_tasks=True,
            vcs_ref=arguments.vcs_ref,
            quiet=True,
            unsafe=True,
        )
    except KeyboardInterrupt:  # Copier's own is an error as well
        raise
    except ProcessExecutionError as error:
        raise RefusalError(
            f"the template {arguments.template} cannot be fetched: see to its address"
        ) from error
    except (ValueError, CopierError) as error:
        raise RefusalError(" ".join(str(error).split())) from error
    check_answers(folder / answers_file)


def check(arguments: argparse.Namespace, stage: Stage, found: Inspection) -> list[checking.Finding]:
    """Lock and start what is prepared; stop at what fails, since the rest builds on it."""
    own = set(found.answers["own_files"])
    if reason := reason_for_no_lock(arguments, stage.folder, own):
        return [checking.Finding(True, f"Nothing is locked or checked{reason}", is_open=True)]
    print("Locking the dependencies; this takes up to a few minutes.", flush=True)
    lock = checking.lock(stage.folder)
    stage.add_locks()
    if not lock.works:
        return [lock]
    if arguments.no_check:
        text = "Nothing is built or started: run docker compose up --build"
        return [lock, checking.Finding(True, text, is_open=True)]
    print("Building and starting it, apart from all else on this machine.", flush=True)
    return [lock, *checking.start(stage.folder, own)]


def reason_for_no_lock(arguments: argparse.Namespace, folder: Path, own: set[str]) -> str:
    """Say why nothing can be locked, and what to do; "" if it can."""
    later = "run make lock and docker compose up --build"
    if arguments.skip_tasks:
        return f": {later}"
    if "scripts/lock.sh" in own:
        return ", as scripts/lock.sh is the application's: run it"
    if not checking.has_engine(folder):
        return f", as no Docker Engine with Compose answers: start one, then {later}"
    return ""


def report(root: Path, findings: list[checking.Finding]) -> int:
    """Say what works and what does not; return how the program is to end."""
    for finding in findings:
        if not finding.works:
            print(*finding.details.splitlines()[-40:], sep="\n")
    for finding in findings:
        print(f"{finding.text}.")
    if not all(finding.works for finding in findings):
        print(f"{root} has all files, but not all of it works yet.")
        return 1
    if any(finding.is_open for finding in findings):
        print(
            f"{root} has all files, but not all of it is checked. See what is new, and commit it."
        )
        return 0
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
    if git(root, "status", "--porcelain", "--untracked-files"):
        raise RefusalError(f"{root} has changes that are not committed: commit or stash them first")


def choose_answers_file(root: Path, wanted: str | None) -> str:
    """Choose where the answers are kept: beside those of another template, if there is one."""
    for file in sorted(root.glob(".copier-answers*.y*ml")):
        answers = read_answers(file)
        if "own_files" in answers and "entry_point" in answers:
            raise RefusalError(f"it is adopted already, as {file.name} says: run make update in it")
        if {"framework", "dependency_manager", "package_name"} <= answers.keys():
            raise RefusalError(
                f"it is a project of this template, as {file.name} says: run make update in it"
            )
    chosen = wanted or next((name for name in ANSWERS_FILES if not (root / name).exists()), "")
    if not chosen or (root / chosen).exists():
        raise RefusalError(
            f"there is a {chosen or ANSWERS_FILES[-1]} of another template: name another file,"
            " for example --answers-file .copier-answers.containers.yml"
        )
    if Path(chosen).is_absolute() or ".." in Path(chosen).parts:
        raise RefusalError(f"--answers-file {chosen} is not in the application: name a path in it")
    return chosen


def read_answers(file: Path) -> dict[str, object]:
    """Read an answers file of any template; none if it is damaged."""
    try:
        answers = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return answers if isinstance(answers, dict) else {}


def check_answers(file: Path) -> None:
    """Refuse what a version of the template wrote that knows nothing of adoption."""
    if "own_files" not in read_answers(file):
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
