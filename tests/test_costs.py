"""The table by which long scopes come first names scopes that exist."""

import importlib

import pytest
from costs import COSTS, cost


@pytest.mark.parametrize("scope", COSTS)
def test_a_scope_that_is_named_has_tests(scope: str) -> None:
    path, _, name = scope.partition("::")
    module = importlib.import_module(path.removeprefix("tests/").removesuffix(".py"))
    holder = getattr(module, name) if name else module

    tests = [each for each in dir(holder) if each.startswith("test_")]
    assert tests
    assert cost(f"{scope}::{tests[0]}[one::other]") == COSTS[scope]


def test_what_is_not_named_costs_nothing() -> None:
    assert cost("tests/test_costs.py::test_what_is_not_named_costs_nothing") == 0
