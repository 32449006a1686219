"""Prepares a project for an update, before Copier writes anything.

It says the answers of earlier releases in today's words, and takes links out of Copier's way.

Argument: the answers file.
"""

import os
import sys
from pathlib import Path

import yaml
from git import environment
from merge import set_links_aside
from translate import translate


def prepare(answers_file: str) -> None:
    """Do all of it in the project, which is the current folder."""
    file = Path(answers_file)
    answers = yaml.safe_load(file.read_text("utf-8"))
    if (translated := translate(answers)) != answers:
        file.write_text(yaml.safe_dump(translated, allow_unicode=True, sort_keys=False), "utf-8")
    set_links_aside(answers_file)


if __name__ == "__main__":
    os.environ.update(environment())
    prepare(*sys.argv[1:])
