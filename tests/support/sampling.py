"""Which cases of a test every run has; the others take --thorough."""

from collections.abc import Iterable
from typing import Any

import pytest
from _pytest.mark import ParameterSet


def some(cases: Iterable[Any], one_in: int) -> list[ParameterSet]:
    """Leave the first of so many cases, and each that comes so many later, to every run."""
    found = [
        case
        if isinstance(case, ParameterSet)
        else pytest.param(*(case if isinstance(case, tuple) else (case,)))
        for case in cases
    ]
    return [
        pytest.param(
            *case.values,
            marks=[*case.marks, *([pytest.mark.thorough] if number % one_in else [])],
            id=case.id,
        )
        for number, case in enumerate(found)
    ]
