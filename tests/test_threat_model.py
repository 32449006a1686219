"""The threat model, the promises and the guarantees name files and tests that exist."""

import ast
import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import generated
import pytest
import questions
from conftest import Render
from repository import ROOT

DOCUMENTS = [
    (ROOT / "docs" / name).read_text("utf-8") for name in ("threat-model.md", "promises.md")
]
HEADING = re.compile(r"^\| (threat|promise) \|")
ROW = re.compile(r"^\| (?!(?:threat|promise) |-)(.+?) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
ROWS = [row for document in DOCUMENTS for row in ROW.findall(document)]
CODE = re.compile(r"`(.+?)`")
SHARED = (
    "attacks",
    "secrets_in_logs",
    "fuzzing",
    "container_promises",
    "database_promises",
    "manual",
    "metrics_promises",
    "packages",
    "page_promises",
    "telemetry_promises",
    "deployments",
)  # modules with classes of tests, which others inherit

# Together these have every file that a row may name.
PROJECTS: tuple[questions.Answers, ...] = (
    {
        "author_name": "Zoë",
        "author_email": "zoe@example.com",
        "reverse_proxy": "nginx",
        "telemetry": "opentelemetry",
    },
    {"framework": "flask", "reverse_proxy": "nginx", "ci": "gitlab"},
    {"framework": "job", "ci": "gitlab"},
    {"deployment": "kubernetes"},
)


class Members(NamedTuple):
    """What a test module or a class of tests holds."""

    tests: set[str]
    bases: list[str]


@pytest.fixture(scope="module")
def files(render: Render) -> set[str]:
    """List the files of some projects."""
    return {path for answers in PROJECTS for path in generated.read_tree(render(answers))}


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_every_file_and_every_test_exists(files: set[str], row: tuple[str, ...]) -> None:
    _, _, holders, tests = map(CODE.findall, row)

    assert holders
    assert tests
    assert [path for path in holders if path not in files and not (ROOT / path).is_file()] == []
    assert [test for test in tests if not exists(test)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=["threats", "promises"])
def test_every_line_of_a_table_is_read(document: str) -> None:
    lines = [line for line in document.splitlines() if line.startswith("| ")]
    headings = [line for line in lines if HEADING.search(line)]

    assert len(headings) == len(re.findall("^## ", document, re.MULTILINE))
    assert len(ROW.findall(document)) == len(lines) - len(headings)


def test_every_guarantee_of_an_update_has_a_test() -> None:
    text = (ROOT / "docs" / "updates.md").read_text("utf-8")
    _, _, table = text.partition("| guaranteed | tested by |\n|---|---|\n")
    rows = table.partition("\n\n")[0].splitlines()

    assert len(rows) == 5
    for row in rows:
        tests = [name for name in CODE.findall(row) if name.startswith("tests/")]
        assert tests, row
        assert [test for test in tests if not exists(test)] == []


def test_a_test_that_is_not_there_is_missed() -> None:
    assert exists(
        "tests/test_containers.py::TestFastapiWithUvAndSqlite::test_data_survives_down_and_up"
    )
    assert not exists("tests/test_containers.py::TestFastapiWithUvAndSqlite::test_nothing")
    assert not exists("tests/test_threat_model.py::test_nothing")


@cache
def read_tests() -> Mapping[str, Members]:
    """Map each module and each of its classes, by pytest's names, to the tests that it holds."""
    found = {}
    for file in generated.files(ROOT / "tests", "*.py", "support/*.py"):
        path = file.relative_to(ROOT).as_posix()
        module = ast.parse(file.read_text("utf-8"))
        parts: dict[str, ast.Module | ast.ClassDef] = {path: module}
        parts |= {f"{path}::{n.name}": n for n in module.body if isinstance(n, ast.ClassDef)}
        for name, part in parts.items():
            tests = {node.name for node in part.body if isinstance(node, ast.FunctionDef)}
            bases = [ast.unparse(base) for base in getattr(part, "bases", ())]
            found[name] = Members(tests, bases)
    return found


def exists(test: str) -> bool:
    """Say whether pytest would find a test by its name, also one that a class inherits."""
    holder, _, name = test.rpartition("::")
    return holder.startswith("tests/test_") and has(holder, name)


def has(holder: str, test: str) -> bool:
    """Say whether a module or class has a test, or inherits it from its module or a shared one."""
    members = read_tests().get(holder)
    if members is None:
        return False
    modules = (holder.split("::")[0], *(f"tests/support/{name}.py" for name in SHARED))
    return test in members.tests or any(
        has(f"{module}::{base}", test) for base in members.bases for module in modules
    )
