"""Every combination gives files that parse, are tidy and hold no trace of what was not chosen."""

import re
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path, PurePosixPath

import kit
import pathspec
from combinations import COMBINATIONS
from conftest import Render

# What a project holds whatever was chosen, and what depends on an answer.
ALWAYS = {
    ".copier-answers.yml",
    ".dockerignore",
    ".editorconfig",
    ".env.example",
    ".gitattributes",
    ".gitignore",
    ".pre-commit-config.yaml",
    "Dockerfile",
    "Dockerfile.dev",
    "LICENSE",
    "Makefile",
    "README.md",
    "compose.override.yaml",
    "compose.prod.yaml",
    "compose.yaml",
    "pyproject.toml",
    "scripts/entrypoint.sh",
    "scripts/lock.sh",
}
CHOSEN = (
    ("ci", {"github"}, ".github/workflows/*"),
    ("dependency_updates", {"dependabot"}, ".github/dependabot.yml"),
    ("dependency_manager", {"pip"}, "requirements/*"),
    ("database", {"postgresql", "sqlite"}, "migrations/*"),
    ("database", {"postgresql"}, "secrets/*"),
)

# The answers to a question with which alone a project may speak of something.
TRACES: tuple[tuple[str, set[str], tuple[str, ...]], ...] = (
    ("framework", {"fastapi"}, ("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "httpx")),
    ("framework", {"fastapi"}, ("async def", "watchfiles", "router")),
    ("framework", {"flask"}, ("flask", "gunicorn", "blueprint", "render_template")),
    ("dependency_manager", {"uv"}, (r"\buv\b", r"\buv_", "astral")),
    ("dependency_manager", {"pip"}, ("pip-tools", "pip-compile", r"\bpip\b", "requirements/")),
    ("database", {"postgresql", "sqlite"}, ("sqlalchemy", "alembic", "migrat", "database", "note")),
    ("database", {"postgresql"}, ("postgres", "psycopg", "psql", "adminer", "pg_isready")),
    ("database", {"sqlite"}, ("sqlite", r"app\.db")),
    ("database", {"none"}, ("texts",)),
    ("ci", {"github"}, (r"\.github/workflows", "github-actions", "setup-", "cache-from")),
    ("dependency_updates", {"dependabot"}, ("dependabot", "package-ecosystem", "cooldown")),
    ("base_image", {"slim"}, (r"\d-slim-",)),
    ("license", {"mit"}, (r"\bMIT\b",)),
    ("license", {"apache-2.0"}, ("apache",)),
    ("license", {"proprietary"}, ("proprietary", "all rights reserved")),
    *(
        ("python_version", {version}, (rf"(python|python-version: |=).?{version}(?!\d)",))
        for version in kit.choices()["python_version"]
    ),
)
# Answers are named in the first, whatever they are; the full text of a licence is in the second.
UNTRACED = {".copier-answers.yml", "LICENSE"}

LEFTOVERS = {
    ".html": "{#-",  # Flask reads its own templates with the same tags
    ".mako": "{%",
}


def listing(project: Path) -> dict[str, str]:
    """Map the relative path of each file to its text."""
    return {
        file.relative_to(project).as_posix(): file.read_text("utf-8") for file in kit.files(project)
    }


def holds(paths: Iterable[str], pattern: str) -> bool:
    """Say whether a path matches a pattern such as those in .gitignore."""
    return any(pathspec.GitIgnoreSpec.from_lines([pattern]).match_files(paths))


def manifest() -> Mapping[str, list[str]]:
    """Map each table of the manifest to the patterns in it."""
    text = (kit.ROOT / "manifest.jinja").read_text("utf-8")
    tables = re.findall(r"set (\w+) = [{\[](.*?)[}\]] -?%}", text, re.DOTALL)
    return {name: re.findall(r"^ *'(/[^']+)'", table, re.MULTILINE) for name, table in tables}


def test_the_files_are_those_of_the_answers(combination: str, project: Path) -> None:
    paths = listing(project)
    answers = kit.read_answers(project)

    assert paths.keys() >= ALWAYS
    for key, values, pattern in CHOSEN:
        assert holds(paths, pattern) == (answers[key] in values), f"{pattern} in {combination}"


def test_every_file_parses(project: Path) -> None:
    for file in kit.files(project):
        kit.parse(file)


def test_make_lists_its_targets(project: Path) -> None:
    listed = kit.run("make", "--warn-undefined-variables", cwd=project)

    assert re.search(r"^ +up +\w", listed, re.MULTILINE)
    assert "warning" not in listed


def test_nothing_of_the_template_language_is_left(project: Path) -> None:
    for path, text in listing(project).items():
        own = re.sub(r"\$\{\{.*?\}\}", "", text)
        leftovers = (LEFTOVERS.get(PurePosixPath(path).suffix) or "{{ {% {#").split()
        assert not [tag for tag in leftovers if tag in path + own], path


def test_white_space_is_tidy(project: Path) -> None:
    for path, text in listing(project).items():
        blank_lines = 2 if path.endswith((".py", ".mako")) else 1
        assert not re.search(r"[ \t]$", text, re.MULTILINE), f"{path} has trailing white space"
        assert "\n" * (blank_lines + 2) not in text, f"{path} has too many blank lines in a row"
        assert not text.startswith("\n"), f"{path} begins with a blank line"
        assert not text or re.search(r"[^\n]\n\Z", text), f"{path} must end with one line feed"
        assert "\r" not in text, f"{path} has carriage returns"


def test_what_was_not_chosen_leaves_no_trace(project: Path) -> None:
    answers = kit.read_answers(project)
    texts = {path: text for path, text in listing(project).items() if path not in UNTRACED}
    banned = chain.from_iterable(
        words for key, values, words in TRACES if answers[key] not in values
    )

    found = [
        f"{path}: {match.group()} in {line.strip()!r}"
        for word in banned
        for path, text in texts.items()
        for line in (path, *text.splitlines())
        if (match := re.search(word, line, re.IGNORECASE))
    ]
    assert not found, "\n".join(found)


def test_every_traced_word_can_be_found(projects: Mapping[str, Path]) -> None:
    for key, values, words in TRACES:
        chosen = [p for p in projects.values() if kit.read_answers(p)[key] in values]
        text = "\n".join(chain.from_iterable(chain(*listing(p).items()) for p in chosen))
        for word in words:
            assert re.search(word, text, re.IGNORECASE), f"{word} stands nowhere"


def test_the_same_answers_give_the_same_bytes(
    combination: str, project: Path, render: Render
) -> None:
    again = render(COMBINATIONS[combination])

    assert listing(again) == listing(project)
    for file in kit.files(project):
        assert file.stat().st_mode == (again / file.relative_to(project)).stat().st_mode, file


def test_every_line_of_the_manifest_decides_something(projects: Mapping[str, Path]) -> None:
    paths = {name: listing(project).keys() for name, project in projects.items()}
    tables = manifest()

    assert all(tables[name] for name in ("kept", "yours"))
    for pattern in tables["kept"]:
        assert {holds(present, pattern) for present in paths.values()} == {True, False}, pattern
    for pattern in tables["yours"]:
        assert any(holds(present, pattern) for present in paths.values()), pattern


def test_every_pin_of_the_catalogue_is_used(projects: Mapping[str, Path]) -> None:
    slipway = kit.load_extension()
    text = "\n".join(chain.from_iterable(listing(p).values() for p in projects.values()))
    images = {
        slipway.read_images()[name]
        for name in slipway.read_images()
        if not name.startswith("python-")  # an image for each answer: see test_decisions.py
    }

    unused = {pin for pin in images | set(slipway.read_actions().values()) if pin not in text}
    assert unused == set()


def test_every_pin_comes_from_the_catalogue(projects: Mapping[str, Path]) -> None:
    slipway = kit.load_extension()
    for project in projects.values():
        texts = listing(project)
        for path, text in texts.items():
            if path.startswith(".github/workflows/"):
                pins = set(re.findall(r"uses: (.+)$", text, re.MULTILINE))
                assert pins <= set(slipway.read_actions().values()), path
            if path.startswith("Dockerfile"):
                stages = set(re.findall(r" AS (\w+)$", text, re.MULTILINE)) | {"scratch"}
                images = set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) - stages
                assert images <= set(slipway.read_images().values()), path


def test_every_path_of_the_template_suits_windows() -> None:
    paths = [file.relative_to(kit.ROOT).as_posix() for file in kit.files(kit.ROOT / "template")]

    assert paths
    for path in paths:
        assert not set('"|:<>?*\\') & set(path), path
        assert len(path) < 200, path
        assert all(part == part.rstrip(" .") for part in PurePosixPath(path).parts), path
