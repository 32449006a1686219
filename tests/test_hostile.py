"""Whatever the questions accept is kept unchanged, in files that still parse and are formatted."""

import ast
import html
from pathlib import Path
from typing import Any

import generated
import jinja2
import programs
import pytest
import questions
from conftest import Render
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.text import Text

from extensions.answers import (
    email_problem,
    name_problem,
    package_problem,
    slug_problem,
    text_problem,
)
from extensions.filters import literal, markdown, quoted, rich, slugify

# What is awkward in YAML, TOML, JSON, Python, shell, HTML, Markdown, Rich and Jinja, or to write
FRAGMENTS = [
    *r"""
    ' " ''' ` ``` \ \\ \" \' \N{BULLET} \u0041 \x $(touch x) `id` $HOME ${X:-y} $$ %PATH% !! && ; |
    {{ }} {{7*7}} {% %} {%-endraw-%} {# #} { } # #! : - -- --- ? & &a * *a !h @i %j ` [ [d] ] {e} ,
    <script> </title> <!-- --> ]]> > &amp; &lt [link](x) <http://x.y> *b* _i_ __init__ [bold] [/] +
    ~~ ~ 1. 1) = %s %(name)s {0} {name!r} %% null yes 0x1F 🚢 👩‍🚀 ß ﬁ 漢字 é ميناء שלום Гавань
    """.split(),
    *('"""', " ", "\u00a0", "\u2013", "\u2019", "e\u0301", ": ", " #", "- "),
]
AWKWARD = {
    "quotes": '"double" \'single\' """triple""" `back`',
    "backslashes": r"C:\new\table \" \\ \u0041 \N{BULLET} \a" + "\\",
    "shell": "$(touch /tmp/x) `id` $HOME ${HOME:-x} %PATH% ; && | > !!",
    "jinja": "{{ 7 * 7 }} {% raw %} %} {# no #} {%- endraw -%} }}",
    "yaml": "- a: b # c, [d], {e}, &f *g !h | > @i %j ? k",
    "markup": "<script>alert('&amp;')</script> [link](x) *bold* <!-- [bold]rich[/bold]",
    "format": "%s %(name)s {0} {name!r} %%",
    "unicode": "🚢 Größe ﬁ 漢字 e\u0301 \u2013 \u2018\u2019",
    "right to left": "ميناء שלום 123",
    "heading": "# of berths = 2",
    "list": "1. of berths",
    "constant": "null",
    "number": "0x1F",
    "one word": "x" * 200,
    "words": ("Ports, piers & quays " * 9).strip(),
}
PACKAGE_LISTS: list[list[str]] = [[], ["g++"], ["libgeos++-dev", "libgdal36"], ["python3-gdal"]]

fragments = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=3), max_size=12).map("".join)


def accepted(maximum: int) -> st.SearchStrategy[str]:
    """Make lines of text that a question accepts."""
    texts = st.sampled_from(list(AWKWARD.values())) | fragments
    return texts.filter(lambda text: not text_problem(text, maximum))


names = st.text("aßÉéж港שع09 .&'()+-_", min_size=1, max_size=60).filter(
    lambda name: not name_problem(name) and not slug_problem(slugify(name))
)
slugs = st.from_regex(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", fullmatch=True).filter(
    lambda slug: not slug_problem(slug)
)
packages = st.from_regex(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", fullmatch=True).filter(
    lambda name: not package_problem(name)
)
projects = st.fixed_dictionaries(
    {
        "framework": st.sampled_from(questions.choices()["framework"]),
        "dependency_manager": st.sampled_from(questions.choices()["dependency_manager"]),
        "license": st.sampled_from(questions.choices()["license"]),
        "project_name": names,
        "project_slug": slugs,
        "package_name": packages,
        "description": accepted(200).filter(bool),
        "author_name": accepted(100).filter(bool),
        "author_email": st.emails().filter(lambda address: not email_problem(address)),
        "organization": accepted(100),
        "os_packages_build": st.sampled_from(PACKAGE_LISTS),
        "os_packages_runtime": st.sampled_from(PACKAGE_LISTS),
    }
)


@settings(max_examples=500)
@given(text=st.sampled_from(list(AWKWARD.values())) | accepted(200).filter(bool))
def test_text_is_written_so_that_each_language_reads_it_alike(text: str) -> None:
    assert generated.PARSERS[".toml"](f"key = {quoted(text)}") == {"key": text}
    assert generated.PARSERS[".json"](quoted(text)) == text
    assert generated.PARSERS[".yaml"](quoted(text)) == text
    assert ast.literal_eval(quoted(text)) == text
    assert ast.literal_eval(literal(text)) == text
    assert shown_by_rich(rich(text)) == text
    assert plain_text(f"{markdown(text)}\n") == [text]


@settings(max_examples=300)
@given(name=names)
def test_a_name_is_read_as_it_was_written(name: str) -> None:
    assert plain_text(f"# {markdown(name)}\n") == [name]
    assert ast.literal_eval(f'"""{name}."""') == f"{name}."


@settings(max_examples=500)
@given(text=st.text() | fragments | st.sampled_from(["flask", "test_flask", "json", "h" * 51]))
def test_what_is_refused_is_refused_in_one_sentence_with_a_good_example(text: str) -> None:
    for validate in (name_problem, slug_problem, package_problem, text_problem, email_problem):
        problem = validate(text)
        assert not problem or validate(problem.removeprefix("Try ").partition(": ")[0]) == ""
        assert problem == " ".join(problem.split())
        assert ". " not in problem
        assert problem.isprintable()


@settings(max_examples=300)
@given(text=st.text(max_size=70))
def test_every_name_suggests_a_repository_and_a_package(text: str) -> None:
    slug = slugify(text)
    assume(not slug_problem(slug))
    assert slug.isascii()
    assert slug.replace("-", "_").isidentifier()


@settings(max_examples=300)
@given(name=packages)
def test_an_accepted_package_can_be_imported(name: str) -> None:
    assert len(ast.parse(f"import {name}\nfrom {name}.{name} import {name}").body) == 2


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_text_is_kept_unchanged(render: Render, name: str) -> None:
    text, frameworks = AWKWARD[name], questions.choices()["framework"]
    answers = {
        "project_name": "Zoë's Café & Söhne (EU) v1.0",
        "project_slug": "cafe",
        "package_name": "cafe_2",
        "framework": frameworks[list(AWKWARD).index(name) % len(frameworks)],
        "description": text,
        "author_name": text[:100].strip(),
        "author_email": "ada@example.com",
        "organization": text[:100].strip(),
        "license": "mit",
    }
    check(render(answers), answers)


@settings(max_examples=20)
@given(answers=projects)
def test_what_is_accepted_is_kept_unchanged(render: Render, answers: dict[str, Any]) -> None:
    check(render(answers), answers)


def check(project: Path, answers: questions.Answers) -> None:
    """Check that a project holds what was answered, letter by letter, in tidy files that parse."""
    parsed = {
        file.relative_to(project).as_posix(): generated.parse(file)
        for file in generated.files(project)
    }
    name, text = answers["project_name"], str(answers["description"])
    assert parsed[".copier-answers.yml"].items() >= answers.items()
    about = parsed["pyproject.toml"]["project"]
    assert about["name"] == answers["project_slug"]
    assert about["description"] == text
    assert about["authors"] == [{"name": answers["author_name"], "email": answers["author_email"]}]
    holder = str(answers["organization"] or answers["author_name"])
    assert holder in (project / "LICENSE").read_text("utf-8")
    assert plain_text((project / "README.md").read_text("utf-8"))[:2] == [name, text]
    source = project / "src" / str(answers["package_name"])
    if answers["framework"] == "fastapi":
        assert {name, text} <= constants(source / "app.py")
    if answers["framework"] == "flask":
        assert {name, text} <= served_texts(source / "templates")
    if answers["framework"] == "cli":
        assert text in map(shown_by_rich, constants(source / "cli.py"))
    for file in generated.files(project):
        assert not generated.untidiness(file), file
    programs.run("ruff", "check", "--no-cache", "--quiet", cwd=project)
    programs.run("ruff", "format", "--check", "--no-cache", "--quiet", cwd=project)


def plain_text(page: str) -> list[str]:
    """Read the text of each block of a page in Markdown; the first two must have no markup."""
    tokens = MarkdownIt("commonmark").enable(["strikethrough", "table"]).parse(page)
    blocks = [token.children or [] for token in tokens if token.type == "inline"]
    assert {child.type for block in blocks[:2] for child in block} <= {"text"}
    return ["".join(child.content for child in block) for block in blocks]


def shown_by_rich(text: str) -> str:
    """Read Rich's markup, in which the pictures called :by_name: stay as they are."""
    return Text.from_markup(text, emoji=False).plain


def constants(module: Path) -> set[str]:
    """List every text in a module."""
    nodes = ast.walk(ast.parse(module.read_text("utf-8")))
    values = (node.value for node in nodes if isinstance(node, ast.Constant))
    return {value for value in values if isinstance(value, str)}


def served_texts(templates: Path) -> set[str]:
    """Render the page that all pages extend, as Flask would, and list its lines without tags."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates), autoescape=True, undefined=jinja2.StrictUndefined
    )
    page = environment.get_template("base.html").render(
        url_for=lambda *_, **__: "", get_flashed_messages=list
    )
    lines = [line.strip().partition(">")[2].rpartition("</")[0] for line in page.split("\n")]
    return {html.unescape(line) for line in lines}
