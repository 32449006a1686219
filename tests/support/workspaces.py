"""Workspaces of several services: rendered alone, and made with their services."""

from collections.abc import Mapping
from typing import Any

import questions
from combinations import covering_array

SERVICES: Mapping[str, Mapping[str, Any]] = {
    "no services": {},
    "one service": {"services": ["users"]},
    "three services": {
        "services": ["users", "tide-tables", "tally"],
        "calls": {"tide-tables": ["users", "tally"]},
    },
}
# What decides the files of a workspace
FACTORS = {
    "database": [each for each in questions.choices()["database"] if each != "sqlite"],
    **{key: questions.choices()[key] for key in ("cache", "ci", "license", "deployment")},
    "dependency_updates": questions.choices()["dependency_updates"],
    "base_image": ["slim", "hardened"],
    "services": list(SERVICES),
}
WORKSPACES: Mapping[str, dict[str, Any]] = {
    f"{number:02}-{row['database']}-{row['ci']}": {
        **row,
        **{"services": [], **SERVICES[row["services"]]},
        "framework": "workspace",
        "project_name": "Harbour",
    }
    for number, row in enumerate(covering_array([FACTORS]), start=1)
}
