"""A small set of projects in which every two answers meet: a covering array of strength two."""

from collections.abc import Mapping, Sequence
from itertools import combinations, product

from kit import Answers, choices

# Answers in free text that decide what is written, besides the questions with choices.
IDENTITIES: Mapping[str, Answers] = {
    "nobody": {},
    "author": {"author_name": "Zoë O'Neill", "author_email": "zoe@example.com"},
    "organisation": {"author_name": "Zoë O'Neill", "organization": "Quay & Sons"},
}

Value = tuple[str, str]  # of a factor
Pair = tuple[Value, Value]


def factors() -> dict[str, list[str]]:
    """Map each factor to its values."""
    return {**choices(), "identity": list(IDENTITIES)}


def pairs_of(row: Mapping[str, str]) -> set[Pair]:
    """List every two values that meet in a row."""
    return set(combinations(sorted(row.items()), 2))


def all_pairs(values: Mapping[str, Sequence[str]]) -> set[Pair]:
    """List every two values that have to meet in some row."""
    return {
        ((one, first), (other, second))
        for one, other in combinations(sorted(values), 2)
        for first, second in product(values[one], values[other])
    }


def covering_array(values: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """Choose rows greedily: a missing pair, then for each factor the value with most of them."""
    missing = all_pairs(values)
    rows = []
    while missing:
        row = dict(min(missing))
        for factor in sorted(values.keys() - row.keys(), key=lambda key: (-len(values[key]), key)):
            gains = {
                value: len(pairs_of({**row, factor: value}) & missing) for value in values[factor]
            }
            row[factor] = max(gains, key=lambda value: gains[value])
        missing -= pairs_of(row)
        rows.append(row)
    return rows


def to_answers(number: int, row: Mapping[str, str]) -> Answers:
    """Turn a row into answers, with a name that no other project has."""
    answers = {key: value for key, value in row.items() if key != "identity"}
    return {"project_name": f"Service {number:02}", **answers, **IDENTITIES[row["identity"]]}


COMBINATIONS: Mapping[str, Answers] = {
    f"{number:02}-{row['framework']}-{row['dependency_manager']}-{row['database']}": to_answers(
        number, row
    )
    for number, row in enumerate(covering_array(factors()), start=1)
}
