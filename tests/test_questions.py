"""Every question explains itself, and refuses what would break a file."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import generated
import pytest
import questions
import stacks
import yaml
from conftest import Render
from copier.errors import UserMessageError
from repository import ROOT

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
    ("workspace", "Harbour"),
    ("workspace", "harbour_api"),
    ("workspace", "harbour api"),
    ("workspace", "h" * 51),
    ("shared_servers", ["web"]),
    ("shared_servers", "database; reboot"),
    ("shared_servers", ["database", "database"]),
    ("shared_servers", ["cache"]),
    ("shared_servers", {"database": True}),
    ("os_packages_build", "libpq-dev; reboot"),
    ("os_packages_build", {"libpq-dev": True}),
    ("os_packages_build", ["libpq-dev; reboot"]),
    ("os_packages_runtime", ["--yes"]),
    ("os_packages_runtime", ["libpq5", "libpq5"]),
    ("large_dependencies", ["torch>=2"]),
    ("large_dependencies", ["torch", "Torch"]),
    ("large_dependencies", {"torch": True}),
    ("package_formats", ["deb"]),
    ("package_formats", ["wheel", "snap"]),
    ("package_formats", ["wheel", "deb", "deb"]),
    ("package_formats", {"wheel": True}),
]

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
    template: Path, tmp_path: Path, key: str, value: questions.Answer
) -> None:
    author = {"author_name": "Ada Lovelace"} if key == "author_email" else {}
    author |= {"framework": "cli"} if key == "package_formats" else {}
    author |= {"workspace": "harbour"} if key == "shared_servers" else {}

    with pytest.raises(UserMessageError, match=r": Try .") as refusal:
        generated.render(template, tmp_path / "project", {**author, key: value})

    prefix = f"The answer to {key}: "
    sentence = str(refusal.value).removeprefix(prefix)
    prompt = f"Validation error for question '{key}': "
    assert len(prompt + sentence.partition(": ")[0]) <= 80  # what one line of a terminal shows
    assert str(refusal.value).startswith(prefix)
    assert sentence == sentence.strip()
    assert "\n" not in sentence
    assert ". " not in sentence
    assert generated.files(tmp_path) == []


@pytest.mark.parametrize(
    ("key", "value", "advice"),
    [
        ("ci", "github", "Try none: the root"),
        ("dependency_updates", "renovate", "Try none: the root"),
        ("reverse_proxy", "nginx", "Try none: the root"),
        ("port", 9000, "Try 8000: the gateway"),
        ("project_slug", "harbour", "Try another: Compose takes harbour"),
        ("project_slug", "harbour-production", "Try another: Compose takes harbour"),
    ],
)
def test_what_the_root_of_a_workspace_has_is_refused_in_its_services(
    template: Path, tmp_path: Path, key: str, value: questions.Answer, advice: str
) -> None:
    answers = {"workspace": "harbour", key: value}
    asked = "workspace" if key == "project_slug" else key  # which comes first
    with pytest.raises(UserMessageError, match=f"^The answer to {asked}: {advice}"):
        generated.render(template, tmp_path / "project", answers)

    assert generated.files(tmp_path) == []
    generated.render(template, tmp_path / "project", {key: value})


@pytest.mark.parametrize("key", questions.choices())
def test_an_answer_outside_the_choices_is_refused(template: Path, tmp_path: Path, key: str) -> None:
    choices = ", ".join(questions.choices(questions.read_questions())[key])
    for answer in ("surprise", ""):
        sentence = f'The answer to {key}: Choose one of {choices}, not "{answer}"'
        with pytest.raises(UserMessageError, match=f"^{re.escape(sentence)}$"):
            generated.render(template, tmp_path / "project", {key: answer})

    assert generated.files(tmp_path) == []


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        (key, answer)
        for key in (*questions.asked(), *questions.ADOPTION)
        for answer in (None, {"a": 1}, [["a"]], True)
        # Lists of packages may be empty.
        if answer is not None or not key.startswith(("os_packages_", "large_"))
        if answer is not True or key != "details"
    ],
    ids=str,
)
def test_an_answer_of_a_wrong_type_is_refused_in_a_sentence(
    template: Path, tmp_path: Path, key: str, answer: Any
) -> None:
    with pytest.raises(UserMessageError) as refusal:
        generated.render(template, tmp_path / "project", {key: answer})

    assert re.fullmatch(rf"The answer to {key}: \w+ .+[^.]", str(refusal.value))
    assert generated.files(tmp_path) == []


@pytest.mark.parametrize("options", [("--data", "port=eighty"), ("--data-file", "answers.yml")])
def test_a_refusal_is_the_last_line_and_no_traceback(
    template: Path, tmp_path: Path, options: tuple[str, str]
) -> None:
    (tmp_path / "answers.yml").write_text("port: null\n", "utf-8")
    command = ("copy", "--defaults", "--trust", *options, str(template), "project")
    result = stacks.execute("copier", *command, cwd=tmp_path)

    assert result.returncode == 1
    given = '"eighty"' if options[0] == "--data" else "null"
    last = f"The answer to port: Write a whole number, not {given}"
    assert result.stdout.splitlines()[-1] == last
    assert "Traceback" not in result.stdout
    assert not (tmp_path / "project").exists()


def test_what_the_settings_say_is_refused_alike(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "settings.yml"
    settings.write_text("defaults: {database: oracle}\n", "utf-8")
    monkeypatch.setenv("COPIER_SETTINGS_PATH", str(settings))

    with pytest.raises(UserMessageError, match=r"^The answer to database in Copier's settings"):
        generated.render(template, tmp_path / "project", {})


def test_an_answer_may_be_a_number_where_text_is_expected(render: Render) -> None:
    answers = generated.read_answers(render({"python_version": 3.13, "port": "9000"}))

    assert (answers["python_version"], answers["port"]) == ("3.13", 9000)


@pytest.mark.parametrize(
    ("key", "advice"),
    [("databse", "did you mean database"), ("colour", "there are project_name, ")],
)
def test_an_answer_to_no_question_is_refused(
    template: Path, tmp_path: Path, key: str, advice: str
) -> None:
    with pytest.raises(UserMessageError, match=f"^No question is called {key}: {advice}"):
        generated.render(template, tmp_path / "project", {key: "sqlite"})

    assert generated.files(tmp_path) == []


def test_each_python_says_how_long_it_is_supported() -> None:
    ends = yaml.safe_load((ROOT / "catalogue" / "pythons.yaml").read_text("utf-8"))
    choices = questions.asked()["python_version"]["choices"]

    assert sorted(ends) == sorted(choices.values())
    for label, version in choices.items():
        assert f" until {date.fromisoformat(f'{ends[version]}-01'):%B %Y}" in label


@pytest.mark.parametrize("key", questions.asked())
def test_a_question_explains_itself(key: str) -> None:
    question = questions.asked()[key]

    assert question["help"].split("? ")[0].removesuffix("?") + "?" in question["help"]
    assert "default" in question
    assert "choices" in question or "validator" in question or question["type"] == "bool"


def test_a_computed_answer_is_hidden_and_not_kept(render: Render) -> None:
    computed = questions.read_questions().keys() - questions.asked().keys()
    service = generated.read_answers(render({"author_name": "Ada Lovelace"}))
    program = generated.read_answers(render({"framework": "cli"}))
    part = generated.read_answers(render({"workspace": "harbour"}))

    assert computed
    kept = {key for key in (*service, *program, *part) if not key.startswith("_")}
    assert kept == questions.asked().keys()


def test_the_default_answers_give_a_good_service(render: Render) -> None:
    answers = generated.read_answers(render({}))

    assert {key: value for key, value in answers.items() if not key.startswith("_")} == {
        "project_name": "Harbour API",
        "project_slug": "harbour-api",
        "package_name": "harbour_api",
        "description": "Software that is built, tested and run in containers",
        "author_name": "",
        "organization": "",
        "framework": "fastapi",
        "dependency_manager": "uv",
        "database": "postgresql",
        "base_image": "slim",
        "python_version": "3.14",
        "port": 8000,
        "cache": "none",
        "task_queue": "none",
        "workspace": "",
        "reverse_proxy": "none",
        "telemetry": "none",
        "deployment": "compose",
        "ci": "github",
        "details": False,
        "dependency_updates": "dependabot",
        "license": "proprietary",
        "os_packages_build": [],
        "os_packages_runtime": [],
        "large_dependencies": [],
    }


@pytest.mark.parametrize(
    ("given", "key", "default"),
    [
        ({"framework": "flask"}, "database", "postgresql"),
        ({"framework": "cli"}, "database", "none"),
        ({"framework": "job"}, "database", "none"),
        ({"ci": "gitlab"}, "dependency_updates", "renovate"),
        ({"ci": "none"}, "dependency_updates", "none"),
        ({"workspace": "harbour"}, "ci", "none"),
        ({"workspace": "harbour"}, "dependency_updates", "none"),
    ],
)
def test_a_default_follows_from_earlier_answers(
    render: Render, given: questions.Answers, key: str, default: str
) -> None:
    assert generated.read_answers(render(given))[key] == default


@pytest.mark.parametrize(
    ("given", "unasked"),
    [
        (
            {"framework": "cli"},
            {
                "port": 9000,
                "cache": "valkey",
                "task_queue": "celery",
                "reverse_proxy": "nginx",
                "telemetry": "opentelemetry",
            },
        ),
        ({"framework": "job"}, {"port": 9000, "task_queue": "celery", "reverse_proxy": "nginx"}),
        ({"base_image": "distro"}, {"python_version": "3.12"}),
        ({}, {"shared_servers": ["database"]}),
        ({}, {"author_email": "ada@example.com"}),
    ],
    ids=["cli", "job", "distro", "single", "nobody"],
)
def test_an_answer_to_what_is_not_asked_is_neither_kept_nor_used(
    render: Render, given: questions.Answers, unasked: questions.Answers
) -> None:
    plain, project = render(given), render({**given, **unasked})

    assert not unasked.keys() & generated.read_answers(project).keys()
    assert generated.read_tree(project) == generated.read_tree(plain)


@pytest.mark.parametrize(("name", "slug"), DERIVED_SLUGS.items())
def test_the_slug_is_derived_from_the_name(render: Render, name: str, slug: str) -> None:
    project = render({"project_name": name})

    answers = generated.read_answers(project)
    assert (answers["project_name"], answers["project_slug"]) == (name, slug)
    assert answers["package_name"] == slug.replace("-", "_")
    assert (project / "src" / slug.replace("-", "_") / "__init__.py").is_file()


def test_the_package_is_derived_from_the_slug(render: Render) -> None:
    answers = generated.read_answers(render({"project_slug": "tide-tables"}))

    assert answers["package_name"] == "tide_tables"
