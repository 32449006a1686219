"""The commands "slipway fleet report", "update" and "merge"."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from pydantic import ValidationError

from slipway.fleet import output
from slipway.fleet import report as reports
from slipway.fleet.git import ENVIRONMENT, is_address, without_secrets
from slipway.fleet.report import Report, State
from slipway.fleet.rollout import BRANCH, Rollout
from slipway.fleet.survey import Survey, survey
from slipway.fleet.template import Template
from slipway.source import find_source

REPORT_EXAMPLES = """
Examples:

slipway fleet report ../harbour-api https://github.com/example-org/berths --html fleet.html

slipway fleet report --from repositories.txt --shard 2/8 --json part-2.json
"""
UPDATE_EXAMPLES = """
Examples:

slipway fleet update ../harbour-api ../berths

slipway fleet update --from repositories.txt --push
"""
MERGE_EXAMPLES = """
Examples:

slipway fleet merge part-*.json --json fleet.json --html fleet.html
"""
UNHAPPY = {State.CONFLICTED, State.FAILS, State.BROKEN}

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Look after all repositories that were made from the template.",
)


def check_shard(text: str) -> str:
    """Refuse what names no part of a list."""
    number, _, total = text.partition("/")
    if not (number.isdecimal() and total.isdecimal() and 1 <= int(number) <= int(total)):
        raise typer.BadParameter(f"write a part such as 2/8, not {text}")
    return text


def writable(path: Path | None) -> Path | None:
    """Refuse a file that cannot be written, before any time is spent."""
    if path and (path.is_dir() or not os.access(path.parent, os.W_OK)):
        raise typer.BadParameter(f"{path} cannot be written")
    return path


Sources = Annotated[
    list[str] | None,
    typer.Argument(metavar="DIRECTORY_OR_URL…", help="Git repositories.", show_default=False),
]
Listed = Annotated[
    typer.FileText | None,
    typer.Option(
        "--from",
        encoding="utf-8",
        metavar="FILE",
        help="More of them, one on a line; - for the standard input.",
    ),
]
Source = Annotated[
    str | None,
    typer.Option(
        metavar="DIRECTORY_OR_URL",
        help="The template to compare with. By default the clone that the program is run or was"
        " installed from, otherwise its public address.",
    ),
]
Jobs = Annotated[
    int | None, typer.Option(min=1, help="How many at a time, by default one for each core.")
]
Timeout = Annotated[int, typer.Option(min=1, help="Seconds for a repository.")]
Json = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", callback=writable, help="Write all that was found."),
]
Html = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", callback=writable, help="Write a page with a chart."),
]


@app.command(epilog=REPORT_EXAMPLES)
def report(
    sources: Sources = None,
    listed: Listed = None,
    template: Source = None,
    tries: Annotated[bool, typer.Option("--try/--no-try", help="Whether to try updates.")] = True,
    jobs: Jobs = None,
    timeout: Timeout = 300,
    shard: Annotated[
        str, typer.Option(callback=check_shard, metavar="I/N", help="Only the I-th of N parts.")
    ] = "1/1",
    json: Json = None,
    html: Html = None,
) -> None:
    """Tell which service stands on which version, and whether updates would apply.

    The repositories are never written to: each is cloned into a temporary folder, and an update is
    tried there. That runs code of the template, so trust it: its Jinja extensions, at the project's
    version and the newest one, and the newest one's migrations. Tasks are skipped, and Slipway
    locks no dependencies then. Nothing in the repositories is run.
    """
    with refusing():
        number, total = map(int, shard.split("/"))
        chosen = read_sources(sources, listed)[number - 1 :: total]
        with fetched(template) as newest:
            work = Survey(newest, today(), tries, timeout)
            found = make_report(work, chosen, jobs)
    write(found, json, html)


@app.command(epilog=UPDATE_EXAMPLES)
def update(
    sources: Sources = None,
    listed: Listed = None,
    template: Source = None,
    push: Annotated[
        bool,
        typer.Option("--push", help="Push the branch, for a directory to its remote origin."),
    ] = False,
    jobs: Jobs = None,
    timeout: Timeout = 1800,
    json: Json = None,
) -> None:
    """Bring the newest version to each repository, on the branch template-update.

    Each update is made in a temporary clone of what is checked out, or of the default branch, as
    "make update" makes it: with the lock, by scripts/lock.sh of the project. The result is
    committed, conflicts included. A directory gets the branch, and is not touched otherwise; a URL
    gets it with --push. Commits of others on that branch are never overwritten.

    The status is 1 if a repository needs a hand.
    """
    with refusing():
        chosen = read_sources(sources, listed)
        if not push and (url := next(filter(is_address, chosen), "")):
            raise ValueError(
                f"{without_secrets(url)} can only get the branch {BRANCH} with --push: add it."
            )
        with fetched(template) as newest:
            found = make_report(Rollout(newest, today(), True, timeout, pushes=push), chosen, jobs)
    write(found, json, None)
    raise typer.Exit(int(any(row.state in UNHAPPY for row in found.services)))


@app.command(epilog=MERGE_EXAMPLES)
def merge(
    parts: Annotated[
        list[Path], typer.Argument(metavar="PART.json…", help="What report --json wrote.")
    ],
    json: Json = None,
    html: Html = None,
) -> None:
    """Join the reports of shards, which must have been compared with the same releases."""
    with refusing():
        joined = reports.merge([read_part(path) for path in parts])
    write(joined, json, html)


@contextmanager
def refusing() -> Iterator[None]:
    """End with status 2, and one sentence, where nothing can be done."""
    try:
        yield
    except ValueError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from error


@contextmanager
def fetched(source: str | None) -> Iterator[Template]:
    """Copy the template's repository for a while."""
    os.environ.update(ENVIRONMENT)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["TMPDIR"] = folder  # also what an interrupted update leaves behind goes away
        renderings = Path(folder, "renderings")
        renderings.mkdir()
        os.environ["UPDATE_RENDERINGS"] = str(renderings)
        yield Template.fetch(source or find_source(), Path(folder, "template.git"))


def today() -> date:
    """Name the day where this runs."""
    return datetime.now().astimezone().date()


def read_sources(sources: list[str] | None, listed: typer.FileText | None) -> list[str]:
    """List each repository once."""
    lines = (*(sources or ()), *(listed.read().splitlines() if listed else ()))
    named = list(dict.fromkeys(line for line in map(str.strip, lines) if line))
    if not named:
        raise ValueError("No repository is named: add a directory or a URL.")
    return named


def make_report(work: Survey, sources: Sequence[str], jobs: int | None) -> Report:
    """Look at repositories."""
    found = Report(
        made=work.today,
        template=work.template.address,
        releases=work.template.releases,
        choices=work.template.choices,
        services=survey(sources, work, jobs or os.cpu_count() or 1),
    )
    found.sort()
    return found


def read_part(path: Path) -> Report:
    """Read the report of a shard."""
    try:
        return Report.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from None
    except ValidationError:
        raise ValueError(f"{path} is not a report that --json wrote.") from None


def write(found: Report, json: Path | None, html: Path | None) -> None:
    """Print a report as a table, and write the files that are asked for."""
    if json:
        json.write_text(found.model_dump_json(indent=2) + "\n", "utf-8")
    if html:
        html.write_text(output.page(found), "utf-8")
    output.print_table(found)
