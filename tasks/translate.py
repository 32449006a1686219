"""Translates the answers of earlier releases, before an update asks for those of the new one.

Copier forgets the answer to a question that has another name now, and silently takes the default
for a value that is no choice any more.
"""

from collections.abc import Callable, Mapping
from typing import Any

# For each question that was renamed, split or dropped, or lost a choice: what replaces its answer
# in this release. CONTRIBUTING.md has an example of each.
REPLACED: dict[str, Callable[[Any], dict[str, Any]]] = {}


def translate(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the answers of earlier releases by those of this one; twice changes nothing."""
    translated: dict[str, Any] = {}
    for key, answer in answers.items():
        translated |= REPLACED[key](answer) if key in REPLACED else {key: answer}
    return translated
