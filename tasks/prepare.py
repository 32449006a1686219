"""Prepares a project for an update, before Copier writes anything.

It says the answers of earlier releases in today's words, and takes links out of Copier's way.

Argument: the answers file.
"""

import os
import sys
from pathlib import Path

import yaml
from git import environment, git, names
from merge import set_links_aside
from translate import translate


def prepare(answers_file: str) -> None:
    """Do all of it in the project, which is the current folder."""
    refuse_overlooked()
    file = Path(answers_file)
    answers = yaml.safe_load(file.read_text("utf-8"))
    if (translated := translate(answers)) != answers:
        file.write_text(yaml.safe_dump(translated, allow_unicode=True, sort_keys=False), "utf-8")
    set_links_aside(answers_file)


def refuse_overlooked() -> None:
    """Refuse to write over changes that git was told not to see, and could not give back."""
    flagged = [entry[2:] for entry in names("ls-files", "-v", "-z") if entry[0] in "Shmrck"]
    for path in flagged:
        if not Path(path).is_file():
            continue  # a sparse checkout leaves it out
        committed = git("rev-parse", f":./{path}")
        if git("hash-object", f"--path={path}", "--", path) != committed:
            sys.exit(
                f"git overlooks your change of {path}, so it would be lost: commit it after"
                f" git update-index --no-skip-worktree --no-assume-unchanged {path}, or use"
                " make update"
            )


if __name__ == "__main__":
    os.environ.update(environment())
    prepare(*sys.argv[1:])
