"""The table by which long scopes come first names scopes that exist."""

import importlib

import pytest
from costs import COSTS, cost
from repository import ROOT


@pytest.mark.parametrize("scope", COSTS)
def test_a_scope_that_is_named_has_tests(scope: str) -> None:
    path, _, name = scope.partition("::")
    module = importlib.import_module(path.removeprefix("tests/").removesuffix(".py"))
    holder = getattr(module, name) if name else module

    tests = [each for each in dir(holder) if each.startswith("test_")]
    assert tests
    assert cost(f"{scope}::{tests[0]}[one::other]") == COSTS[scope]


def test_what_a_class_repeats_is_run_by_another() -> None:
    modules = [importlib.import_module(file.stem) for file in (ROOT / "tests").glob("test_*.py")]
    classes = {
        each
        for module in modules
        for name, each in vars(module).items()
        if name.startswith("Test") and isinstance(each, type)
    }
    for each in classes:
        for name in vars(each).get("repeats", ()):
            others = [
                other
                for other in classes - {each}
                if hasattr(other, name)
                and name not in getattr(other, "repeats", ())
                and "thorough" not in {mark.name for mark in getattr(other, "pytestmark", [])}
            ]
            assert hasattr(each, name), f"{each.__name__} has no {name}"
            assert others, f"nobody else runs {name} of {each.__name__}"


def test_what_is_not_named_costs_nothing() -> None:
    assert cost("tests/test_costs.py::test_what_is_not_named_costs_nothing") == 0
