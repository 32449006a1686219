"""The combinations that the other tests render are few, and leave no two answers out."""

from collections.abc import Sequence

import pytest
import questions
from combinations import (
    COMBINATIONS,
    MEMBERS,
    Factors,
    all_meetings,
    arbitrary,
    covering_array,
    factors,
    meetings,
    shapes,
)


@pytest.mark.parametrize("strength", [2, 3])
@pytest.mark.parametrize(
    "shapes",
    [
        [{"one": "ab", "other": "ab", "third": "ab"}],
        [{"one": "a", "other": "b", "third": "c"}],
        [{"one": "abcde", "other": "abcd", "third": "abcd", "fourth": "ab", "fifth": "abc"}],
        [{"one": "a", "other": "ab", "third": "ab"}, {"one": "b", "other": "ab", "fourth": "ab"}],
    ],
    ids=["minimal", "constant", "wide", "two shapes"],
)
def test_all_values_meet_that_can(shapes: Sequence[Factors], strength: int) -> None:
    rows = covering_array(shapes, strength)

    met = set().union(*(meetings(row, strength) for row in rows))
    assert met == all_meetings(shapes, strength)
    assert all(row.keys() in [shape.keys() for shape in shapes] for row in rows)


def test_every_two_answers_meet_that_can() -> None:
    rows = covering_array(list(shapes()))

    met = set().union(*(meetings(row, 2) for row in rows))
    assert met == all_meetings(list(shapes()), 2)
    assert len(rows) == len(COMBINATIONS.keys() - MEMBERS.keys())


def test_no_project_is_outside_the_shapes() -> None:
    possible = all_meetings(list(shapes()), 2)
    for given in arbitrary(1000):
        row = {
            key: str(value)
            for key, value in questions.keep(given).items()
            if key in questions.choices()
        }
        assert meetings(row, 2) <= possible, given


def test_a_combination_answers_only_what_is_asked() -> None:
    for answers in COMBINATIONS.values():
        assert answers.keys() <= questions.keep(answers).keys()


def test_there_are_few_combinations() -> None:
    largest, second = sorted(map(len, factors().values()))[:-3:-1]
    assert largest * second <= len(COMBINATIONS) <= 2 * largest * second


def test_the_choice_of_combinations_does_not_change() -> None:
    reordered = [{key: shape[key] for key in sorted(shape, reverse=True)} for shape in shapes()]
    assert covering_array(list(shapes())) == covering_array(reordered)
