"""Tells which service stands on which version of the template, and whether updates would apply."""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from pydantic import ValidationError

from slipway.fleet import output
from slipway.fleet.git import ENVIRONMENT
from slipway.fleet.report import Report, merge
from slipway.fleet.survey import Survey, survey
from slipway.fleet.template import Template

ROOT = Path(__file__).resolve().parents[2]
TRUST = """
The repositories are never written to: each is cloned into a temporary folder, and an update is
tried there. That runs code of the template, so trust it: its Jinja extensions, at the project's
version and the newest one, and the newest one's migrations. Tasks are skipped, and Slipway locks no
dependencies then. Nothing in the repositories is run.
"""


class Parser(argparse.ArgumentParser):
    """Says in one sentence what is wrong with the arguments."""

    def error(self, message: str) -> NoReturn:
        """Leave with status 2."""
        self.exit(
            2, f"{message[0].upper()}{message[1:]}; python -m slipway.fleet --help tells more.\n"
        )


def shard(text: str) -> tuple[int, int]:
    """Read which part of how many, counted from 1."""
    number, _, total = text.partition("/")
    if not (number.isdecimal() and total.isdecimal() and 1 <= int(number) <= int(total)):
        raise argparse.ArgumentTypeError(f"write a part such as 2/8, not {text}")
    return int(number), int(total)


def positive(text: str) -> int:
    """Read a whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"write a number from 1, not {text}")
    return int(text)


def writable(text: str) -> Path:
    """Read the name of a file that can be written, before any time is spent."""
    path = Path(text)
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"{text} cannot be written")
    return path


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    outputs = Parser(add_help=False)
    outputs.add_argument("--json", type=writable, metavar="FILE", help="write all that was found")
    outputs.add_argument("--html", type=writable, metavar="FILE", help="write a page with a chart")
    parser = Parser(prog="python -m slipway.fleet", description=__doc__, epilog=TRUST)
    commands = parser.add_subparsers(dest="command", required=True, metavar="report | merge")

    report = commands.add_parser(
        "report", parents=[outputs], help="look at repositories", description=__doc__, epilog=TRUST
    )
    report.add_argument("sources", nargs="*", metavar="FOLDER_OR_URL", help="a git repository")
    report.add_argument(
        "--from",
        dest="list",
        type=argparse.FileType(encoding="utf-8"),
        metavar="FILE",
        help="more of them, one on a line; - for the standard input",
    )
    report.add_argument(
        "--template",
        default=str(ROOT),
        metavar="FOLDER_OR_URL",
        help="what to compare with (default: the repository of this program)",
    )
    report.add_argument(
        "--try",
        dest="tries",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="whether to try updates (default: yes)",
    )
    report.add_argument(
        "--jobs", type=positive, default=os.cpu_count(), help="at a time (default: one per core)"
    )
    report.add_argument(
        "--timeout", type=positive, default=300, help="seconds for a repository (default: 300)"
    )
    report.add_argument(
        "--shard", type=shard, default=(1, 1), metavar="I/N", help="only the I-th of N parts"
    )

    joining = commands.add_parser(
        "merge", parents=[outputs], help="join the reports of shards", description=merge.__doc__
    )
    joining.add_argument("parts", nargs="+", type=Path, metavar="PART.json")
    return parser.parse_args(arguments)


def look(options: argparse.Namespace) -> Report:
    """Make the report on repositories."""
    listed = options.list.read().splitlines() if options.list else []
    lines = (line.strip() for line in (*options.sources, *listed))
    sources = list(dict.fromkeys(line for line in lines if line))
    if not sources:
        raise ValueError("There is nothing to report on: name a folder or a URL.")
    number, total = options.shard
    os.environ.update(ENVIRONMENT)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["TMPDIR"] = folder  # also what an interrupted update leaves behind goes away
        template = Template.fetch(options.template, Path(folder, "template.git"))
        work = Survey(template, datetime.now().astimezone().date(), options.tries, options.timeout)
        report = Report(
            made=work.today,
            template=template.address,
            releases=template.releases,
            choices=template.choices,
            services=survey(sources[number - 1 :: total], work, options.jobs),
        )
    report.sort()
    return report


def read_part(path: Path) -> Report:
    """Read the report of a shard."""
    try:
        return Report.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from None
    except ValidationError:
        raise ValueError(f"{path} is not a report that --json wrote.") from None


def main(arguments: Sequence[str] | None = None) -> None:
    """Make a report, print it as a table, and write the files that are asked for."""
    options = parse(arguments)
    try:
        if options.command == "report":
            report = look(options)
        else:
            report = merge([read_part(path) for path in options.parts])
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    if options.json:
        options.json.write_text(report.model_dump_json(indent=2) + "\n", "utf-8")
    if options.html:
        options.html.write_text(output.page(report), "utf-8")
    output.print_table(report)


if __name__ == "__main__":
    main()
