"""Projects under git that come from a release of the template, and their updates."""

from pathlib import Path

import copier
import kit
import plumbum


def git(folder: Path, *arguments: str | Path) -> str:
    """Run git with an identity of its own."""
    identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.com")
    return kit.run("git", "-C", folder, *identity, *arguments)


def commit(folder: Path, subject: str) -> None:
    """Commit everything."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", subject)


def copy(template: Path, project: Path, version: str, answers: kit.Answers) -> Path:
    """Make a project from a version of the template."""
    copier.run_copy(
        str(template),
        project,
        data=dict(answers),
        vcs_ref=version,
        defaults=True,
        quiet=True,
        skip_tasks=True,
        unsafe=True,
    )
    return project


def update(project: Path, path: str) -> list[str]:
    """Update a project in this process, with a PATH of its own; list the files that clash."""
    with plumbum.local.env(PATH=path):
        copier.run_update(project, defaults=True, overwrite=True, quiet=True, unsafe=True)
    return clashes(project)


def clashes(project: Path) -> list[str]:
    """List the files that git knows to be unmerged."""
    return git(project, "diff", "--name-only", "--diff-filter=U").split()
