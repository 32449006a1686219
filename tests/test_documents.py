"""Documents lead to what they name, here and in projects."""

import re
from pathlib import Path

import generated
import pytest
from repository import ROOT

DOCUMENTS = [*ROOT.glob("*.md"), *generated.files(ROOT / "docs", "**/*.md")]
DECISIONS = (ROOT / "docs" / "decisions.md").read_text("utf-8")
COMPOSE_DEFAULT = re.compile(r"\$\{([A-Z_]+):-([^}]*)\}")
FIELD = re.compile(r"^    ([a-z_]+): \S.*$", re.MULTILINE)
SETTING = re.compile(r"^\| `([A-Z_]+)` \| (.+?) \| .+ \|$", re.MULTILINE)
# What Compose says differently, and the document in words
OF_COMPOSE = {"ALLOWED_HOSTS"}
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")


def anchors(text: str) -> set[str]:
    """List the anchors that GitHub gives to the headings of a document."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def check_links(document: Path) -> None:
    """Follow the links of a document that stay in its repository."""
    for path, anchor in LINK.findall(document.read_text("utf-8")):
        if path.startswith("../../../"):  # in the root of a workspace, around the service
            continue
        target = document.parent / path if path else document
        assert target.exists(), path
        if anchor:
            assert anchor in anchors(target.read_text("utf-8")), f"{path}#{anchor}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    check_links(document)


def test_the_index_lists_every_decision_once() -> None:
    listed = re.findall(r"^  - \[(.+)\]\(#", DECISIONS, re.MULTILINE)

    assert sorted(listed) == sorted(re.findall(r"^## (.+)$", DECISIONS, re.MULTILINE))


def test_the_page_to_begin_with_names_what_there_is() -> None:
    text = (ROOT / "AGENTS.md").read_text("utf-8")
    paths = re.findall(
        r"`((?:docs|tests|template\S*|tasks|tools|slipway|catalogue|extensions)/[^`]*)`", text
    )
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []
    commands = re.findall(r"`(\.venv/bin/[^`]+)`", text)
    modules = {*re.findall(r"-m (tools\.\w+)", text)}
    assert all((ROOT / f"{module.replace('.', '/')}.py").exists() for module in modules)
    named = [word for command in commands for word in command.split() if word.startswith("tests/")]
    assert [path for path in named if not (ROOT / path).exists()] == []
    assert modules
    assert named


# In projects


def documents_of(project: Path) -> list[Path]:
    """List the documents of a project."""
    return generated.files(project, "*.md", "docs/*.md")


def test_the_first_page_is_short(project: Path) -> None:
    assert len((project / "README.md").read_text("utf-8").splitlines()) <= 90


def test_every_link_of_a_project_leads_somewhere(project: Path) -> None:
    for document in documents_of(project):
        check_links(document)


def test_the_first_page_leads_to_every_document(project: Path) -> None:
    linked = {path for path, _ in LINK.findall((project / "README.md").read_text("utf-8"))}
    found = {file.relative_to(project).as_posix() for file in documents_of(project)}

    assert found - linked == {"README.md", "CHANGELOG.md", "SECURITY.md"}


def test_documents_name_targets_that_there_are(project: Path) -> None:
    targets = set(
        re.findall(r"^([\w-]+):", (project / "Makefile").read_text("utf-8"), re.MULTILINE)
    )
    for document in documents_of(project):
        text = document.read_text("utf-8")
        named = re.findall(r"(?:`|^|&& )make ([a-z][\w-]*)", text, re.MULTILINE)
        assert set(named) <= targets, document.name


def test_a_document_lists_every_setting(project: Path) -> None:
    listed = dict(SETTING.findall((project / "docs" / "settings.md").read_text("utf-8")))
    (module,) = project.glob("src/*/settings.py")
    text = module.read_text("utf-8").partition("(BaseSettings, ")[2].partition("\n    @")[0]
    fields = {name.upper() for name in FIELD.findall(text)}
    compose = {
        match.groups()
        for file in generated.files(project, "compose*.yaml")
        if file.name != "compose.workspace.yaml"  # where ports are any that are free
        for match in COMPOSE_DEFAULT.finditer(file.read_text("utf-8"))
    }

    assert "LOG_FORMAT" in fields
    assert fields | {name for name, _ in compose} <= listed.keys()
    for name, default in compose:
        usual = f"`{default}`" if default else "none"
        assert name in OF_COMPOSE or listed[name] == usual, name


def test_a_wrong_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("[Logs](docs/logs.md)\n", "utf-8")
    with pytest.raises(AssertionError):
        check_links(tmp_path / "README.md")
