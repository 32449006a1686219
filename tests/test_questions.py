"""Every question explains itself, refuses what would break a file and keeps the rest unchanged."""

import ast
import html
from pathlib import Path

import jinja2
import kit
import pytest
from conftest import Render

BAD_ANSWERS = [
    ("project_name", ""),
    ("project_name", " Harbour"),
    ("project_name", "7 Seas"),
    ("project_name", 'Harbour "API"'),
    ("project_name", "Harbour\nAPI"),
    ("project_name", "{{ harbour }}"),
    ("project_name", "H" * 61),
    ("project_slug", ""),
    ("project_slug", "Harbour"),
    ("project_slug", "harbour_api"),
    ("project_slug", "harbour--api"),
    ("project_slug", "harbour-"),
    ("project_slug", "häfen"),
    ("project_slug", "h" * 51),
    ("package_name", ""),
    ("package_name", "harbour-api"),
    ("package_name", "1st"),
    ("package_name", "_harbour"),
    ("package_name", "class"),
    ("package_name", "match"),
    ("package_name", "json"),
    ("package_name", "flask"),
    ("package_name", "pydantic_settings"),
    ("package_name", "tests"),
    ("description", ""),
    ("description", "  "),
    ("description", "two\nlines"),
    ("description", "a bell\a"),
    ("description", "an override \u202e of direction"),
    ("description", "x" * 201),
    ("author_name", "Ada\tLovelace"),
    ("author_name", "A" * 101),
    ("author_email", "ada"),
    ("author_email", "ada@example"),
    ("author_email", "ada@example.com\n"),
    ("author_email", '"ada"@example.com'),
    ("organization", "line\u2028separator"),
    ("port", 80),
    ("port", 65536),
]

# What is awkward in YAML, TOML, JSON, Python, shell, HTML and Jinja, or to write from left to right
AWKWARD_TEXTS = {
    "quotes": '"double" \'single\' """triple""" `back`',
    "backslashes": r"C:\new\table \" \\ \u0041 \N{BULLET} \ ",
    "shell": "$(touch /tmp/x) `id` $HOME ${HOME:-x} %PATH% ; && | > !!",
    "jinja": "{{ 7 * 7 }} {% raw %} %} {# no #} {%- endraw -%} }}",
    "yaml": "- a: b # c, [d], {e}, &f *g !h | > @i %j ? k",
    "markup": "<script>alert('&amp;')</script> [link](x) *bold*",
    "format": "%s %(name)s {0} {name!r} %%",
    "unicode": "🚢 Größe ﬁ 漢字 e\u0301",
    "right to left": "ميناء שלום 123",
    "constant": "null",
    "number": "0x1F",
}

DERIVED_SLUGS = {
    "Harbour API": "harbour-api",
    "Häfen für Öl": "hafen-fur-ol",
    "Café Zoë": "cafe-zoe",
    "Ports & Piers (EU)": "ports-piers-eu",
    "港口": "service",
    "ميناء": "service",
    "港口 2": "service-2",
    "H" * 60: "h" * 50,
}


@pytest.mark.parametrize(("key", "value"), BAD_ANSWERS)
def test_a_bad_answer_is_refused_with_an_example(
    template: Path, tmp_path: Path, key: str, value: str | int
) -> None:
    author = {"author_name": "Ada Lovelace"} if key == "author_email" else {}

    with pytest.raises(ValueError, match="for example") as refusal:
        kit.render(template, tmp_path / "project", {**author, key: value})

    prefix = f"Validation error for question '{key}': "
    sentence = str(refusal.value).removeprefix(prefix)
    assert str(refusal.value).startswith(prefix)
    assert sentence == sentence.strip()
    assert "\n" not in sentence
    assert ". " not in sentence
    assert kit.files(tmp_path) == []


@pytest.mark.parametrize("key", kit.choices())
def test_an_answer_outside_the_choices_is_refused(template: Path, tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match=f"Invalid choice for '{key}'"):
        kit.render(template, tmp_path / "project", {key: "surprise"})

    assert kit.files(tmp_path) == []


def test_an_answer_to_no_question_is_refused(template: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="frame_work"):
        kit.render(template, tmp_path / "project", {"frame_work": "flask"})


@pytest.mark.parametrize("key", kit.asked())
def test_a_question_explains_itself(key: str) -> None:
    question = kit.asked()[key]

    assert question["help"].split("? ")[0].removesuffix("?") + "?" in question["help"]
    assert "default" in question
    assert "choices" in question or "validator" in question or question["type"] == "bool"


def test_a_computed_answer_is_hidden_and_not_kept(render: Render) -> None:
    computed = kit.read_questions().keys() - kit.asked().keys()
    kept = kit.read_answers(render({"author_name": "Ada Lovelace"}))

    assert computed
    assert {key for key in kept if not key.startswith("_")} == kit.asked().keys()


def test_the_default_answers_give_a_good_service(render: Render) -> None:
    answers = kit.read_answers(render({}))

    assert (
        answers.items()
        >= {
            "project_name": "Harbour API",
            "project_slug": "harbour-api",
            "package_name": "harbour_api",
            "framework": "fastapi",
            "dependency_manager": "uv",
            "database": "postgresql",
            "python_version": "3.14",
            "base_image": "slim",
            "port": 8000,
            "ci": "github",
            "dependency_updates": "dependabot",
            "license": "proprietary",
        }.items()
    )


def test_dependabot_is_the_default_on_github_only(render: Render) -> None:
    assert kit.read_answers(render({"ci": "none"}))["dependency_updates"] == "none"


@pytest.mark.parametrize(("name", "slug"), DERIVED_SLUGS.items())
def test_the_slug_is_derived_from_the_name(render: Render, name: str, slug: str) -> None:
    project = render({"project_name": name})

    answers = kit.read_answers(project)
    assert (answers["project_name"], answers["project_slug"]) == (name, slug)
    assert answers["package_name"] == slug.replace("-", "_")
    assert (project / "src" / slug.replace("-", "_") / "__init__.py").is_file()


def test_the_package_is_derived_from_the_slug(render: Render) -> None:
    answers = kit.read_answers(render({"project_slug": "tide-tables"}))

    assert answers["package_name"] == "tide_tables"


@pytest.mark.parametrize("framework", kit.choices()["framework"])
@pytest.mark.parametrize("text", AWKWARD_TEXTS.values(), ids=AWKWARD_TEXTS)
def test_awkward_text_is_kept_unchanged(render: Render, framework: str, text: str) -> None:
    project = render(
        {
            "framework": framework,
            "description": text,
            "author_name": text,
            "author_email": "ada@example.com",
            "organization": text,
            "license": "mit",
        }
    )

    parsed = {file.relative_to(project).as_posix(): kit.parse(file) for file in kit.files(project)}
    answers = parsed[".copier-answers.yml"]
    assert [answers[key] for key in ("description", "author_name", "organization")] == [text] * 3
    about = parsed["pyproject.toml"]["project"]
    assert about["description"] == text
    assert about["authors"] == [{"name": text, "email": "ada@example.com"}]
    assert text in (project / "LICENSE").read_text("utf-8")
    if framework == "fastapi":
        assert text in constants(parsed["src/harbour_api/app.py"])
    if framework == "flask":
        assert text in served_page(project / "src" / "harbour_api" / "templates")


def constants(module: ast.Module) -> set[object]:
    """List every literal of a module."""
    return {node.value for node in ast.walk(module) if isinstance(node, ast.Constant)}


def served_page(templates: Path) -> str:
    """Render the page that all pages extend, as Flask would, back to plain text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates), autoescape=True, undefined=jinja2.StrictUndefined
    )
    page = environment.get_template("base.html").render(url_for=lambda *_, **__: "")
    return html.unescape(page)
