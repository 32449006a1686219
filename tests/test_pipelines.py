"""The list of what only a forge can show names tests that exist."""

import re

from repository import ROOT
from test_threat_model import CODE, exists

DOCUMENT = (ROOT / "docs" / "pipelines.md").read_text("utf-8")
HEADING = "| what needs "


def test_every_line_of_a_table_names_tests() -> None:
    lines = [line for line in DOCUMENT.splitlines() if line.startswith("| ")]
    rows = [line.strip("| ").split(" | ") for line in lines if not line.startswith(HEADING)]

    assert rows
    for what, instead, tests in rows:
        assert what
        assert instead
        named = CODE.findall(tests)
        assert named, what
        assert [test for test in named if not exists(test)] == []
    assert len(lines) - len(rows) == len(re.findall(r"^\|---", DOCUMENT, re.MULTILINE))
