"""Documents lead to what they name."""

import re
from pathlib import Path

import generated
import pytest
from repository import ROOT

DOCUMENTS = [*ROOT.glob("*.md"), *generated.files(ROOT / "docs", "**/*.md")]
DECISIONS = (ROOT / "docs" / "decisions.md").read_text("utf-8")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")


def anchors(text: str) -> set[str]:
    """List the anchors that GitHub gives to the headings of a document."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    for path, anchor in LINK.findall(document.read_text("utf-8")):
        target = document.parent / path if path else document
        assert target.exists(), path
        if anchor:
            assert anchor in anchors(target.read_text("utf-8")), f"{path}#{anchor}"


def test_the_index_lists_every_decision_once() -> None:
    listed = re.findall(r"^  - \[(.+)\]\(#", DECISIONS, re.MULTILINE)

    assert sorted(listed) == sorted(re.findall(r"^## (.+)$", DECISIONS, re.MULTILINE))
