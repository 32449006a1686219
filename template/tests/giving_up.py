"""How tests end that lack what they need."""

import os
from typing import NoReturn

import pytest


def give_up(reason: str) -> NoReturn:
    """End the tests with one sentence."""
    sentence = f"{reason} See docs/development.md."
    if "PYTEST_XDIST_WORKER" in os.environ:  # what ends a worker is not shown
        pytest.fail(sentence, pytrace=False)
    pytest.exit(sentence, returncode=2)
