"""The decisions are pure, follow the ingredients and leave nothing of the catalogue unused."""

import dataclasses
import inspect
import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import jinja2
import kit
import pytest
import yaml

slipway = kit.load_extension()
PARAMETERS = tuple(inspect.signature(slipway.decide).parameters)
DEFAULT = slipway.UNANSWERED
REQUIREMENTS = [
    (layer, ingredients)
    for layer, files in slipway.read_requirements().items()
    for ingredients in files
]


def label(part: str | frozenset[str]) -> str:
    """Name a layer or its ingredients, on every worker alike."""
    return part if isinstance(part, str) else "+".join(sorted(part))


def stacks() -> Iterator[dict[str, str]]:
    """Make every set of answers that decisions depend on."""
    for values in product(*(kit.choices()[key] for key in PARAMETERS)):
        yield dict(zip(PARAMETERS, values, strict=True))


def decide(**answers: str) -> Any:
    """Decide by the default answers and these."""
    return slipway.decide(**{**DEFAULT, **answers})


def names(requirements: tuple[str, ...]) -> set[str]:
    """Strip requirements down to the names of distributions."""
    return {re.split(r"[^\w.-]", requirement)[0] for requirement in requirements}


def test_a_decision_is_remembered_and_cannot_be_changed() -> None:
    decisions = decide()

    assert decide() is decisions
    with pytest.raises(dataclasses.FrozenInstanceError):
        decisions.is_fastapi = False


def test_a_decision_depends_on_the_answers_alone() -> None:
    before = decide(framework="flask")
    slipway.decide.cache_clear()

    assert decide(framework="flask") == before


def test_every_stack_can_be_decided() -> None:
    for stack in stacks():
        decisions = slipway.decide(**stack)
        assert decisions.has_database == bool(decisions.database_driver), stack
        assert all(decisions.dependencies["base"]), stack
        assert decisions.license_id, stack


def test_the_defaults_are_those_of_the_questions() -> None:
    assert {key: kit.asked()[key]["default"] for key in PARAMETERS} == DEFAULT


def test_the_context_is_complete_before_the_first_answer() -> None:
    context: dict[str, Any] = {}
    slipway.Slipway(jinja2.Environment(autoescape=True)).hook(context)

    assert context == vars(decide())


@pytest.mark.parametrize(("layer", "ingredients"), REQUIREMENTS, ids=label)
def test_requirements_count_where_all_their_ingredients_are(
    layer: str, ingredients: frozenset[str]
) -> None:
    listed = set(slipway.read_requirements()[layer][ingredients])
    holders = [
        stack for stack in stacks() if listed <= set(slipway.decide(**stack).dependencies[layer])
    ]

    assert holders, "no answers lead to this file"
    for stack in holders:
        present = {"common", *stack.values()} | ({"database"} - {stack["database"]})
        assert ingredients <= present


def test_dependencies_follow_framework_and_database() -> None:
    assert {"fastapi", "sqlalchemy", "psycopg"} <= names(decide().dependencies["base"])
    assert not {"flask", "aiosqlite"} & names(decide().dependencies["base"])
    assert "aiosqlite" in names(decide(database="sqlite").dependencies["base"])
    flask = decide(framework="flask", database="sqlite").dependencies
    assert not {"fastapi", "aiosqlite", "psycopg"} & names(flask["base"])
    assert "gunicorn" in names(flask["production"])
    assert "sqlalchemy" not in names(decide(database="none").dependencies["base"])


def test_requirements_are_sorted_ranges() -> None:
    for stack in stacks():
        for requirements in slipway.decide(**stack).dependencies.values():
            packages = [slipway.package_of(requirement) for requirement in requirements]
            assert packages == sorted(set(packages))
            assert all(re.search(r">=\d", requirement) for requirement in requirements)


def test_every_image_has_a_name_and_a_version() -> None:
    images = slipway.read_images()

    assert images
    for image in images.values():
        assert re.fullmatch(r"([\w.-]+/)*[\w.-]+:\d[\w.-]*", image), image


def test_every_python_has_an_image_on_every_base() -> None:
    for version, base in product(kit.choices()["python_version"], kit.choices()["base_image"]):
        image = decide(python_version=version, base_image=base).images["python"]
        assert image.startswith(f"python:{version}-"), image


def test_every_action_is_pinned_by_commit_and_named_by_version() -> None:
    text = (slipway.CATALOGUE / "workflows" / "actions.yml").read_text("utf-8")
    listed = re.findall(r"uses: *([^@\s]+)", text)

    assert listed == sorted(set(listed))
    assert list(slipway.read_actions()) == listed
    for name, pin in slipway.read_actions().items():
        assert re.fullmatch(re.escape(name) + r"@[0-9a-f]{40} # v\d+\.\d+\.\d+", pin), pin


def test_every_pre_commit_hook_is_pinned_by_version() -> None:
    assert slipway.read_pre_commit()
    for revision in slipway.read_pre_commit().values():
        assert re.fullmatch(r"v?\d+(\.\d+)+", revision), revision


@pytest.mark.parametrize(
    "text", ["", "plain", 'a "b"', "a\\b", "🚢", "שלום", "null", "1.0", "a: b # c", "{{ x }}"]
)
def test_quoted_text_is_read_alike_everywhere(text: str) -> None:
    literal = slipway.quoted(text)

    assert yaml.safe_load(literal) == text
    assert kit.PARSERS[".toml"](f"key = {literal}") == {"key": text}
    assert kit.PARSERS[".json"](literal) == text
    assert kit.PARSERS[".py"](literal).body[0].value.value == text


@pytest.mark.parametrize(
    ("validator", "answer"),
    [
        (slipway.name_problem, "Harbour API"),
        (slipway.name_problem, "Zoë's Café & Söhne (EU) v1.0"),
        (slipway.name_problem, "港口"),
        (slipway.slug_problem, "harbour-api-2"),
        (slipway.package_problem, "harbour_api_2"),
        (slipway.text_problem, ""),
        (slipway.text_problem, "x" * 200),
        (slipway.email_problem, ""),
        (slipway.email_problem, "ada.king+tide@sub.example.co.uk"),
        (slipway.port_problem, 1024),
        (slipway.port_problem, 65535),
    ],
)
def test_a_good_answer_is_accepted(validator: Any, answer: str | int) -> None:
    assert validator(answer) == ""


@pytest.mark.parametrize("text", ["Harbour API", "Größe", "港口", "9 Lives", "x" * 80, "-", ""])
def test_every_name_gives_a_valid_slug_and_package(text: str) -> None:
    slug = slipway.slugify(text)

    assert slipway.slug_problem(slug) == ""
    assert slipway.package_problem(slug.replace("-", "_")) == ""
