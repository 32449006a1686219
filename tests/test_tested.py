"""The table of what has run names every answer, and tests that give it."""

import importlib
import re
import sys
from collections import Counter
from typing import Any

import pytest
import questions
from repository import ROOT
from test_threat_model import CODE, exists

DOCUMENT = (ROOT / "docs" / "tested.md").read_text("utf-8")
ROW = re.compile(r"^\| `(\w+)` \| `(\S+)` \| (.*?) ?\| (.*?) ?\|$", re.MULTILINE)
ROWS = ROW.findall(DOCUMENT)
FRAMEWORKS = [*questions.choices()["framework"], "workspace"]
OFFERED = {**questions.choices(), "framework": FRAMEWORKS}
# Questions whose answers reach a container; the others are about the repository.
STACK = set(questions.choices()) - {"ci", "dependency_updates", "license"}


def class_of(test: str) -> Any:
    """Find the class of tests that the table names."""
    path, name = test.split("::")
    module = importlib.import_module(path.removeprefix("tests/").removesuffix(".py"))
    return getattr(module, name)


def answers_of(test: str) -> questions.Answers:
    """Complete the answers that a class of tests, or its module, gives to the template."""
    tests = class_of(test)
    answers = getattr(tests, "answers", None)
    return questions.keep(sys.modules[tests.__module__].ANSWERS if answers is None else answers)


def test_every_answer_has_one_row() -> None:
    listed = Counter((question, answer) for question, answer, *_ in ROWS)

    assert listed == Counter((key, each) for key, every in OFFERED.items() for each in every)
    assert len(ROWS) == len(re.findall(r"^\| `", DOCUMENT, re.MULTILINE))


@pytest.mark.parametrize(
    ("question", "answer", "runs", "instead"), ROWS, ids=["-".join(row[:2]) for row in ROWS]
)
def test_an_answer_is_given_by_its_tests_or_checked_instead(
    question: str, answer: str, runs: str, instead: str
) -> None:
    classes, tests = CODE.findall(runs), CODE.findall(instead)

    assert bool(classes) != bool(tests)
    assert not classes or question in STACK
    assert [test for test in classes if answers_of(test).get(question) != answer] == []
    assert [test for test in tests if not exists(test)] == []


@pytest.mark.parametrize("test", sorted({CODE.findall(runs)[0] for _, _, runs, _ in ROWS if runs}))
def test_every_answer_is_run_without_being_thorough(test: str) -> None:
    marks = getattr(class_of(test), "pytestmark", [])

    assert "thorough" not in {mark.name for mark in marks}


def test_every_framework_has_run_with_mysql() -> None:
    given = {
        (answers["framework"], answers["database"])
        for question, _, runs, _ in ROWS
        if question == "database"
        for answers in map(answers_of, CODE.findall(runs))
    }

    assert {framework for framework, database in given if database == "mysql"} == set(
        questions.choices()["framework"]
    )
