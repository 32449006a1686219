"""What the template generates: rendered, read and parsed."""

import ast
import configparser
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import copier
import programs
import questions
import yaml

PYTHON_IN_MARKDOWN = re.compile(r"^```python\n.*?^```$", re.DOTALL | re.MULTILINE)


class ComposeLoader(yaml.SafeLoader):
    """Reads YAML in which Compose's own tags (!reset, !override) may stand."""


ComposeLoader.add_multi_constructor("!", lambda _loader, _suffix, node: node.value)


def render(template: Path, destination: Path, answers: questions.Answers) -> Path:
    """Render a project."""
    copier.run_copy(
        str(template),
        destination,
        data=dict(answers),
        defaults=True,
        overwrite=True,
        quiet=True,
        skip_tasks=True,
        unsafe=True,
    )
    return destination


def files(project: Path, *patterns: str) -> list[Path]:
    """List the files of a project that match any of the patterns, or all of them."""
    found = {file for pattern in patterns or ("**/*",) for file in project.glob(pattern)}
    return sorted(file for file in found if file.is_file())


def read_tree(project: Path) -> dict[str, str]:
    """Map the relative path of each file to its text."""
    return {
        file.relative_to(project).as_posix(): file.read_text("utf-8") for file in files(project)
    }


def read_answers(project: Path) -> dict[str, questions.Answer]:
    """Read what Copier remembers."""
    answers: dict[str, questions.Answer] = yaml.safe_load(
        (project / ".copier-answers.yml").read_text("utf-8")
    )
    return answers


def untidiness(file: Path) -> str:
    """Say what is wrong with the white space of a file; "" if nothing is."""
    text = file.read_bytes().decode()
    blank_lines = 2 if file.suffix in (".py", ".mako") else 1
    prose = PYTHON_IN_MARKDOWN.sub("```", text) if file.suffix == ".md" else text
    faults = {
        "trailing white space": re.search(r"[ \t]$", text, re.MULTILINE),
        "too many blank lines in a row": "\n" * (blank_lines + 2) in prose,
        "a blank line at the beginning": text.startswith("\n"),
        "no single line feed at the end": text and not re.search(r"[^\n]\n\Z", text),
        "carriage returns": "\r" in text,
    }
    return ", ".join(fault for fault, found in faults.items() if found)


def parse(file: Path) -> Any:
    """Read a file in its language; None where it is free text."""
    parser = PARSERS.get(file.name) or PARSERS.get(file.suffix)
    return parser(file.read_text("utf-8")) if parser else None


def parse_yaml(text: str) -> Any:
    """Read YAML; a list if it holds several documents."""
    documents = list(yaml.load_all(text, ComposeLoader))
    return documents[0] if len(documents) == 1 else documents


def parse_ini(text: str) -> configparser.RawConfigParser:
    """Read INI, of which .editorconfig is a dialect that may begin outside a section."""
    parser = configparser.RawConfigParser()
    parser.read_string(f"[before the first section]\n{text}")
    return parser


def parse_shell(text: str) -> None:
    """Let the shell of the first line read a script without running it."""
    shell = text.splitlines()[0].rpartition("/")[2].split()[-1]
    programs.run(shell, "-n", text=text)


def parse_environment(text: str) -> dict[str, str]:
    """Read lines such as NAME=value."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


PARSERS: Mapping[str, Callable[[str], Any]] = {
    ".py": ast.parse,
    ".toml": tomllib.loads,
    ".json": json.loads,
    ".yml": parse_yaml,
    ".yaml": parse_yaml,
    ".ini": parse_ini,
    ".sh": parse_shell,
    ".editorconfig": parse_ini,
    ".env.example": parse_environment,
    "Pipfile": tomllib.loads,
}


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Take these permissions from all files that are made meanwhile."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)
