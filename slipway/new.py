"""Makes a project: what "copier copy --trust" does, told where the template is.

In a workspace of several services it makes one of them, and adds it to the others.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer
import yaml
from plumbum import ProcessExecutionError

from slipway.source import find_source
from slipway.workspace import Workspace, WorkspaceError, find_workspace, use_neutral_git

EXAMPLES = """
Examples:

slipway new harbour-api

slipway new --defaults --data framework=flask --data database=sqlite harbour-api

slipway new --vcs-ref v1.0.0 --data-file house.yml harbour-api

slipway new --data framework=workspace harbour

slipway new services/users
"""
# Options of "copier copy" that a value follows
VALUED = "-a --answers-file --ask -d --data --data-file -r --vcs-ref -s --skip -x --exclude".split()
FAILURES = (OSError, ValueError, ProcessExecutionError, yaml.YAMLError)


def new(context: typer.Context) -> None:
    """Make a project, or a service of the workspace around it, by "copier copy --trust".

    Each option of "copier copy" does here what it does there: --help-all lists them. The template
    is the clone that the program is run or was installed from, otherwise its public address. A
    service gets the template and the version of its workspace, and what that has answered.
    """
    from copier.errors import UserMessageError  # takes longer than all the rest

    words = context.args
    folder = find_folder(words)
    workspace = find_workspace(folder) if folder else None
    try:
        if workspace and folder:
            status = add_service(workspace, folder, words)
        else:
            status = copy(find_source(), *words)
    except (WorkspaceError, UserMessageError) as error:
        sys.exit(f"{str(error).rstrip('.')}.")
    except FAILURES as error:
        reason = getattr(error, "stderr", "") or str(error)
        sys.exit(f"Copier could not make the project: {' '.join(reason.split())}")
    raise typer.Exit(status)


def find_folder(words: Sequence[str]) -> Path | None:
    """Find the folder among the words, which may stand anywhere between options."""
    folders, rest = [], iter(words)
    for word in rest:
        if word in VALUED:
            next(rest, None)
        elif not word.startswith("-"):
            folders.append(word)
    return Path(os.path.abspath(folders[-1])) if folders else None  # noqa: PTH100  (without "..")


def copy(*words: str) -> int:
    """Run "copier copy"; say how it ended."""
    from copier.__main__ import CopierApp  # type: ignore[attr-defined]

    _, status = CopierApp.run(["copier", "copy", "--trust", *words], exit=False)
    return int(status)


def add_service(workspace: Workspace, folder: Path, words: Sequence[str]) -> int:
    """Make a service, and add it to its workspace; or neither."""
    use_neutral_git()
    name = workspace.check(folder)
    given = dict(given_answers(words))
    answers = workspace.answers_for(name, given)
    data = (
        word
        for key, answer in answers.items()
        for word in ("--data", f"{key}={answer if isinstance(answer, str) else json.dumps(answer)}")
    )
    has_version = any(word.split("=")[0] in ("-r", "--vcs-ref") for word in words)
    version = () if has_version else ("--vcs-ref", str(workspace.answers["_commit"]))
    manager = {**answers, **given}["dependency_manager"]
    with workspace.with_service(name, manager):
        status = copy(*data, *version, str(workspace.answers["_src_path"]), *words)
        if status != 0:
            raise WorkspaceError(f"There is no service {name} now, and all is as it was")
    return status


def given_answers(words: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """List the answers that options of Copier give."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        option, has_value, value = word.partition("=")
        value = value if has_value else following
        if option == "--data-file":
            yield from (yaml.safe_load(Path(value).read_text("utf-8")) or {}).items()
        if option in ("-d", "--data"):
            key, _, answer = value.partition("=")
            yield key, answer
