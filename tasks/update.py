"""Updates a project, whole or not at all: what "make update" and a project's weekly job do.

scripts/find-template.py of the project starts it, from the newest version of the template. Copier
does its work in a work tree of its own, and the result comes over when it is complete.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from git import GitError, environment, git, names

# Copier copies the environment when it is imported, for the git and the tasks that it runs.
os.environ.update(environment(), UPDATE_REPORT=str(Path(__file__).with_name("missing.txt")))

import copier
import yaml

BRANCH = "template-update"
REPORT = Path(os.environ["UPDATE_REPORT"])  # which tasks/follow.py writes
LONGEST = 60_000  # characters of a description; forges accept little more
LAST_LINES = 30  # of checks that failed
# The temporary work tree has all files and their modes, whatever the project's leaves out.
WHOLE = ("-c", "core.sparseCheckout=false", "-c", "core.fileMode=true")


class RefusalError(Exception):
    """The project stays as it was; the text says why and what to do."""


class Step(NamedTuple):
    """From which version of which template an update goes to which."""

    template: Path  # a bare clone
    wanted: str  # "" for the newest
    source: str
    current: str
    project: str

    def resolve(self, version: str) -> str:
        """Find the commit of a version; "" if the template has none of that name."""
        options = ("rev-parse", "--quiet", "--verify", "--end-of-options", f"{version}^{{commit}}")
        try:
            return self.ask(*options)
        except GitError:
            return ""

    def ask(self, *arguments: str) -> str:
        """Ask git about the template."""
        return git(f"--git-dir={self.template}", *arguments).decode("utf-8", "replace").strip()

    def precedes(self, earlier: str, later: str) -> bool:
        """Say whether one commit of the template is another, or comes before it."""
        return not self.ask("rev-list", "--max-count=1", earlier, f"^{later}")


def main(words: Sequence[str] | None = None) -> int:
    """Update the project that is the current folder, as the command line says."""
    parser = argparse.ArgumentParser(prog="update-template.sh")
    parser.add_argument("template", type=Path, help="a bare clone of the template")
    parser.add_argument("answers_file", help="the file that Copier keeps in the project")
    parser.add_argument("newest", help='the newest version; "" if none has a tag')
    parser.add_argument("--branch", type=Path, metavar="FILE", help="commit there, describe here")
    parser.add_argument("--no-check", action="store_true", help="leave out make check")
    parser.add_argument("version", nargs="?", default="", help="a tag of the template")
    arguments = parser.parse_intermixed_args(words)
    try:
        check_work_tree()
        if arguments.branch:
            check_branch()
        answers = read_answers(arguments.answers_file)
        step = Step(
            arguments.template,
            arguments.version,
            answers["_src_path"],
            answers["_commit"],
            answers["project_slug"],
        )
        if not check_step(step, arguments.newest, arguments.answers_file):
            print(f"There is nothing newer: this repository is at {step.current} of its template.")
            return 0
        return update(step, arguments.answers_file, arguments.branch, not arguments.no_check)
    except (RefusalError, GitError) as refusal:
        print(f"{str(refusal).rstrip('.')}.", file=sys.stderr)
        return 1


def check_work_tree() -> None:
    """Refuse what could not be undone."""
    try:
        git("rev-parse", "--show-toplevel")
    except GitError as error:
        advice = "" if "dubious" in str(error) else ": run git init, git add --all and git commit"
        raise RefusalError(f"git cannot work here: {error}{advice}") from error
    try:
        git("rev-parse", "--quiet", "--verify", "HEAD")
    except GitError:
        raise RefusalError(
            "This repository has no commit yet: run git add --all and git commit"
        ) from None
    if git("status", "--porcelain"):
        raise RefusalError("There are uncommitted changes: commit or stash them, then try again")


def check_branch() -> None:
    """Refuse to take the place of what people have added to the last proposal."""
    branch = f"refs/heads/{BRANCH}"
    if not git("for-each-ref", branch):
        return
    authors = git("log", "--format=%ae", f"HEAD..{branch}", "--").decode("utf-8", "replace").split()
    if not all(re.fullmatch(rf"{BRANCH}@.*\.invalid", author) for author in authors):
        raise RefusalError(
            f"The branch {BRANCH} has commits of yours: run git merge {BRANCH},"
            f" or git branch -D {BRANCH} to do without them, then try again"
        )


def read_answers(answers_file: str) -> dict[str, str]:
    """Read which template and version the project comes from; its commit has them, too."""
    if not names("ls-tree", "-z", "--name-only", "HEAD", "--", answers_file):
        raise RefusalError(
            f"{answers_file} is not committed, so nothing could be undone:"
            f" run git add --force {answers_file}, and commit it"
        )
    answers: dict[str, Any] = yaml.safe_load(Path(answers_file).read_bytes())
    if not answers.get("_commit"):
        raise RefusalError(
            f"{answers_file} does not say from which version of the template this repository comes:"
            " write that, such as _commit: v1.2.3, at its beginning, and commit it"
        )
    return {key: str(value) for key, value in answers.items()}


def check_step(step: Step, newest: str, answers_file: str) -> bool:
    """Say whether there is something newer; refuse what is no step forward."""
    current = step.resolve(step.current)
    if not current:
        tag = re.sub(r"-\d+-g[0-9a-f]+$", "", step.current)
        if tag != step.current and step.resolve(tag):
            raise RefusalError(
                f"{answers_file} names {step.current}, a state of the template that was never"
                f" committed or is gone: write the version before it, _commit: {tag}, and commit it"
            )
        raise RefusalError(
            f"The template {step.source} has no version {step.current}, which {answers_file}"
            " names: correct _commit or _src_path in it, and commit it"
        )
    if step.wanted:
        wanted = step.resolve(f"refs/tags/{step.wanted}")
        if not wanted:
            raise RefusalError(
                f"The template {step.source} has no version {step.wanted}: name one of its tags"
            )
        if wanted != current and step.precedes(wanted, current):
            raise RefusalError(
                f"This repository is at {step.current} of its template, and cannot go back to"
                f" {step.wanted}"
            )
        return wanted != current
    return not step.precedes(step.resolve(newest or "HEAD"), current)


def update(step: Step, answers_file: str, description: Path | None, checks: bool) -> int:
    """Let Copier update in a work tree of its own, and bring the result over."""
    project, start = Path.cwd(), git("rev-parse", "HEAD").decode().strip()
    prefix = os.fsdecode(git("rev-parse", "--show-prefix").rstrip(b"\n"))
    with work_tree(start) as tree:
        os.chdir(tree / prefix)
        try:
            run_copier(step, answers_file)
            new = str(yaml.safe_load(Path(answers_file).read_bytes())["_commit"])
            unmerged = git("ls-files", "--unmerged", "--full-name", "-z", ":/")
            conflicts = sorted({os.fsdecode(e.split(b"\t")[1]) for e in unmerged.split(b"\0")[:-1]})
            git(*WHOLE, "add", "--all")
            say_ignored()
            if description:
                propose(step, new, conflicts, project / description, checks)
                return 0
            result = git("write-tree").decode().strip()
        finally:
            os.chdir(project)
        bring_over(start, result, unmerged, conflicts)
    print(f"Staged {new} of the template{conflicts_of(conflicts)}.")
    print("Look at it and commit it; git reset --hard takes it back.")
    if missing := read_report():
        print(f"It cannot run yet, since some names are gone:\n{missing}", file=sys.stderr)
        return 1
    return 0


def read_report() -> str:
    """Read what is imported but is there no longer, a line for each name."""
    return REPORT.read_text("utf-8").strip() if REPORT.exists() else ""


@contextmanager
def work_tree(commit: str) -> Iterator[Path]:
    """Check a commit out beside the project, for a while."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        tree = Path(folder, "work")
        try:
            git(*WHOLE, "worktree", "add", "--quiet", "--detach", tree, commit)
            yield tree
        finally:
            subprocess.run(
                ["git", "worktree", "remove", "--force", tree], capture_output=True, check=False
            )


def run_copier(step: Step, answers_file: str) -> None:
    """Run Copier in the current folder."""
    try:
        copier.run_update(
            ".",
            answers_file=answers_file,
            vcs_ref=step.wanted or None,
            defaults=True,
            overwrite=True,
            unsafe=True,
        )
    except GitError:
        raise
    except Exception as error:  # whatever a version of Copier, or of the template, raises
        reason = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, AssertionError | FileExistsError | IsADirectoryError):
            reason += ": a file of yours stands where the template has a folder, or the reverse"
        raise RefusalError(f"The update failed, and nothing has been changed: {reason}") from error


def conflicts_of(conflicts: Sequence[str]) -> str:
    """Name the files with conflicts, as a part of a sentence."""
    if not conflicts:
        return ""
    return f", with conflicts that git status shows: {', '.join(conflicts)}"


def say_ignored() -> None:
    """Name the files that are new and left out, since they could not be committed."""
    options = ("--others", "--ignored", "--exclude-standard", "--directory", "-z")
    if ignored := names("ls-files", *options):
        print(f"Left out, since git ignores them: {', '.join(ignored)}", file=sys.stderr)


def bring_over(start: str, result: str, unmerged: bytes, conflicts: Sequence[str]) -> None:
    """Bring a tree, and the conflicts in it, into the project's work tree and index."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # this is done whole
    if git("rev-parse", "HEAD").decode().strip() != start:
        raise RefusalError("There is another commit by now, or another branch: try again")
    subprocess.run(["git", "update-index", "-q", "--refresh"], capture_output=True, check=False)
    try:
        git("read-tree", "-m", "-u", start, result)
    except GitError as error:
        raise RefusalError(
            f"The work tree is in the way ({error}): commit that, move it away or let git look at"
            " it (git update-index --no-skip-worktree --no-assume-unchanged), then try again"
        ) from error
    if conflicts:
        top = Path(os.fsdecode(git("rev-parse", "--show-toplevel").rstrip(b"\n")))
        removed = b"".join(os.fsencode(path) + b"\0" for path in conflicts)
        git("update-index", "--force-remove", "-z", "--stdin", text=removed, cwd=top)
        git("update-index", "-z", "--index-info", text=unmerged, cwd=top)


def propose(
    step: Step, new: str, conflicts: Sequence[str], description: Path, checks: bool
) -> None:
    """Commit the result on a branch of its own, check it, and describe it for a review."""
    robot = f"{BRANCH}@{step.project}.invalid"
    identity = ("-c", "user.name=Template update", "-c", f"user.email={robot}")
    message = "\n".join(
        [f"Update the template to {new}", "", *map("Conflict: {}".format, conflicts)]
    )
    author = f"--author=Template update <{robot}>"  # whatever variables of git say
    git(*identity, "commit", author, "--quiet", "--no-verify", "--message", message)
    said = check() if checks else ""
    git("branch", "--force", BRANCH, "HEAD")
    description.write_text(describe(step, new, conflicts, said)[:LONGEST], "utf-8")
    print(f"The branch {BRANCH} has {new} of the template.")


def check() -> str:
    """Run the project's checks, and write in Markdown how they went."""
    checks = subprocess.run(
        ["make", "check"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if checks.returncode == 0:
        return "`make check` passed."
    end = "\n".join(checks.stdout.decode("utf-8", "replace").splitlines()[-LAST_LINES:])
    return f"`make check` failed. It ended with:\n\n````text\n{end}\n````"


def describe(step: Step, new: str, conflicts: Sequence[str], checked: str) -> str:
    """Write in Markdown what an update brings."""
    parts = [f"Brings this repository from {step.current} to {new} of its template, {step.source}."]
    if conflicts:
        parts += [
            "## Conflicts",
            "Both sides changed these files. Resolve what is marked before you merge; what cannot"
            " be merged by lines is as it was:",
            "\n".join(f"- `{path}`" for path in conflicts),
        ]
    if missing := read_report():
        parts += [
            "## Missing",
            f"Some names that are imported are gone:\n\n````text\n{missing}\n````",
        ]
    words = names("show", "--format=", "--name-status", "--no-renames", "-z", BRANCH)
    notes = {"A": " (new)", "D": " (removed)"}
    changed = (
        f"- `{path}`{notes.get(kind, '')}"
        for kind, path in zip(words[::2], words[1::2], strict=True)
    )
    parts += ["## Changed files", "\n".join(changed)]
    if checked:
        parts += ["## Checks", checked]
    if news := changelog(step, new):
        parts += ["## Changelog of the template", news]
    return "\n\n".join(parts) + "\n"


def changelog(step: Step, new: str) -> str:
    """Cut out of the template's changelog what is newer than the project, a heading lower."""
    try:
        text = step.ask("show", f"{new}:CHANGELOG.md")
    except GitError:
        return ""
    first, last = (
        re.escape(f"## [{version.removeprefix('v')}]") for version in (new, step.current)
    )
    found = re.search(rf"^{first}.*?(?=^{last}|^\[|\Z)", text, re.MULTILINE | re.DOTALL)
    return re.sub(r"^##", "###", found[0], flags=re.MULTILINE).strip() if found else ""


if __name__ == "__main__":
    sys.exit(main())
