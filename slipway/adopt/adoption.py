"""Adopts an application: looks at it, lets Copier write, checks the result and brings it over."""

import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import copier
import yaml
from copier.errors import CopierError
from plumbum import ProcessExecutionError

from slipway.adopt import checking
from slipway.adopt.inspection import Inspection, NoApplicationError, inspect, read_questions
from slipway.adopt.staging import Stage
from slipway.processes import uninterrupted

ANSWERS_FILES = (".copier-answers.yml", ".copier-answers.slipway.yml")
REQUIRED = {
    "framework": "its kind of server is unknown: add --data framework=flask for WSGI, or fastapi"
    " for ASGI",
    "entry_point": "what starts it is unknown: add, for example, --data entry_point=app:app",
}


class RefusalError(Exception):
    """Nothing is written; the text says why and what to do."""


REFUSALS = (RefusalError, NoApplicationError)


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for."""

    root: Path
    template: str
    vcs_ref: str | None
    data: list[str]
    answers_file: str | None
    defaults: bool
    no_check: bool
    skip_tasks: bool


def adopt(wanted: Wanted) -> int:
    """Find out what the application is, let Copier ask the rest, and write what was checked."""
    root = wanted.root
    given = read_data(wanted.data)
    check_tree(root)
    answers_file = choose_answers_file(root, wanted.answers_file)
    tracked = git(root, "ls-files", "-z", "--recurse-submodules").strip("\0").split("\0")
    found = inspect(root, tracked, given)
    for key, reason in found.reasons.items():
        if key in found.answers and key != "own_files":
            print(f"{key}: {found.answers[key]} ({reason})")
    for key, sentence in REQUIRED.items():
        if wanted.defaults and key not in {**found.answers, **given}:
            raise RefusalError(". ".join((sentence, *found.notes[:1])))
    for note in found.notes:
        print(f"Note: {note}.")
    if answers_file != ANSWERS_FILES[0]:
        print(
            f"Note: The answers are in {answers_file}: pass copier update --answers-file with it."
        )
    with ExitStack() as rest:
        with tempfile.TemporaryDirectory(prefix="slipway-", ignore_cleanup_errors=True) as folder:
            stage = Stage(root, Path(folder, "application"), frozenset(tracked))
            try:
                rendered = Path(folder, "rendered")
                render(wanted, rendered, {**found.answers, **given}, answers_file)
                stage.copy_application()
                stage.add(rendered)
                findings = check(wanted, stage, found)
                rest.enter_context(uninterrupted())
                in_the_way = stage.bring_over()
            except OSError as error:
                raise RefusalError(" ".join(str(error).split())) from error
        for path in in_the_way:
            print(f"Note: {path} was written meanwhile and stays: the template's own is left out.")
        ignored = ["git", "-C", str(root), "check-ignore", "--quiet", ".env"]
        if subprocess.run(ignored, check=False).returncode != 0:
            print("Note: Nothing ignores .env: add it to .gitignore.")
        return report(root, findings)


def render(wanted: Wanted, folder: Path, answers: dict[str, object], answers_file: str) -> None:
    """Let Copier ask and write, apart from the application."""
    try:
        copier.run_copy(
            wanted.template,
            folder,
            data=answers,
            user_defaults={"project_name": name_of(wanted.root)},
            answers_file=answers_file,
            defaults=wanted.defaults,
            skip_tasks=True,
            vcs_ref=wanted.vcs_ref,
            quiet=True,
            unsafe=True,
        )
    except KeyboardInterrupt:  # Copier's own is an error as well
        raise
    except ProcessExecutionError as error:
        raise RefusalError(
            f"the template {wanted.template} cannot be fetched: check its address"
        ) from error
    except (ValueError, CopierError) as error:
        raise RefusalError(" ".join(str(error).split())) from error
    check_answers(folder / answers_file)


def check(wanted: Wanted, stage: Stage, found: Inspection) -> list[checking.Finding]:
    """Lock and start what is prepared; stop at what fails, since the rest builds on it."""
    own = set(found.answers["own_files"])
    if reason := reason_for_no_lock(wanted, stage.folder, own):
        return [checking.Finding(True, f"Nothing is locked or checked{reason}", is_open=True)]
    print("Locking the dependencies; this takes up to a few minutes.", flush=True)
    lock = checking.lock(stage.folder)
    stage.add_locks()
    if not lock.works:
        return [lock]
    if wanted.no_check:
        text = "Nothing is built or started: run docker compose up --build"
        return [lock, checking.Finding(True, text, is_open=True)]
    print("Building and starting it, isolated from everything else on this machine.", flush=True)
    return [lock, *checking.start(stage.folder, own)]


def reason_for_no_lock(wanted: Wanted, folder: Path, own: set[str]) -> str:
    """Say why nothing can be locked, and what to do; "" if it can."""
    later = "run make lock and docker compose up --build"
    if wanted.skip_tasks:
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
            f"no question is called {min(unknown)}: see docs/questions.md for all of them"
        )
    return given


def check_tree(root: Path) -> None:
    """Refuse what could not be undone, or was adopted before."""
    if not root.is_dir():
        raise RefusalError(f"{root} is not a folder: name that of the application")
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
