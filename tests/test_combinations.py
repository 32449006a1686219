"""The combinations that the other tests render are few, and leave no two answers out."""

from collections.abc import Mapping, Sequence

import pytest
from combinations import COMBINATIONS, all_pairs, covering_array, factors, pairs_of


@pytest.mark.parametrize(
    "values",
    [
        factors(),
        {"one": "ab", "other": "ab"},
        {"one": "a", "other": "b", "third": "c"},
        {"one": "abcde", "other": "abcd", "third": "abcd", "fourth": "ab", "fifth": "abc"},
    ],
    ids=["questions", "minimal", "constant", "wide"],
)
def test_every_two_values_meet(values: Mapping[str, Sequence[str]]) -> None:
    rows = covering_array(values)

    assert set().union(*map(pairs_of, rows)) == all_pairs(values)
    assert all(row.keys() == values.keys() for row in rows)


def test_there_are_few_combinations() -> None:
    largest, second = sorted(map(len, factors().values()))[:-3:-1]
    assert largest * second <= len(COMBINATIONS) <= 2 * largest * second


def test_the_choice_of_combinations_does_not_change() -> None:
    assert covering_array(factors()) == covering_array(dict(reversed(factors().items())))


def test_no_two_projects_have_the_same_name() -> None:
    names = [answers["project_name"] for answers in COMBINATIONS.values()]
    assert len(set(names)) == len(names)
