"""The decisions are pure, follow the ingredients and leave nothing of the catalogue unused."""

import re
from functools import cache, partial
from ipaddress import IPv4Network
from itertools import chain, product
from typing import Any

import generated
import pytest
import questions
import yaml
from combinations import COMBINATIONS, arbitrary
from packaging.requirements import Requirement
from repository import ROOT

from extensions import decisions
from extensions.answers import (
    email_problem,
    name_problem,
    package_problem,
    packages_problem,
    port_problem,
    read_taken_names,
    slug_problem,
    text_problem,
)
from extensions.decisions import (
    CATALOGUE,
    Answers,
    Decisions,
    place_of,
    read_actions,
    read_choices,
    read_images,
    read_pre_commit,
    read_requirements,
    subnet_of,
)
from extensions.filters import quoted, slugify

REQUIREMENTS = [
    (layer, ingredients) for layer, files in read_requirements().items() for ingredients in files
]


def label(part: str | frozenset[str]) -> str:
    """Name a layer or its ingredients, on every worker alike."""
    return part if isinstance(part, str) else "+".join(sorted(part))


@cache
def stacks() -> list[tuple[questions.Answers, Decisions]]:
    """Decide on many projects, among them every two answers that can meet."""
    return [
        (kept, decide(**{**kept, **defaults}))
        for kept, defaults in map(questions.settle, (*COMBINATIONS.values(), *arbitrary(500)))
    ]


def ingredients_of(answers: questions.Answers) -> set[str]:
    """List what the files of the catalogue may be called by, in a project with these answers."""
    words = {"common", *(value for value in answers.values() if isinstance(value, str))}
    facts = {
        "web": answers["framework"] in ("fastapi", "flask"),
        "program": answers["framework"] in ("cli", "job"),
        "database": answers["database"] != "none",
        "mysql-protocol": answers["database"] in ("mysql", "mariadb"),
        "cache": answers.get("cache", "none") != "none",
        "services": answers.get("workspace", "") != "",
    }
    return words | {word for word, fact in facts.items() if fact}


def decide(**answers: questions.Answer) -> Decisions:
    """Decide by these answers, and by the first choice where there is none."""
    return decisions.decide(Answers.of(answers))


def names(requirements: list[str]) -> set[str]:
    """Strip requirements down to the names of distributions."""
    return {Requirement(requirement).name for requirement in requirements}


def test_a_decision_is_remembered() -> None:
    assert decide(framework="flask") is decide(framework="flask")


def test_a_decision_depends_on_the_answers_alone() -> None:
    before = vars(decide(framework="flask"))
    decisions.decide.cache_clear()

    assert vars(decide(framework="flask")) == before


def test_every_choice_has_the_facts_that_follow() -> None:
    names = [name for table in read_choices().values() for name in next(iter(table.values()))]

    assert len(set(names)) == len(names)
    for question, table in read_choices().items():
        assert list(table) == questions.choices(questions.read_questions())[question]
        kinds = [{name: type(fact) for name, fact in facts.items()} for facts in table.values()]
        assert all(kind == kinds[0] for kind in kinds), question


def test_every_stack_is_decided_consistently() -> None:
    for answers, facts in stacks():
        assert facts.is_web == (facts.service == "web"), answers
        assert facts.has_database == bool(facts.database_driver), answers
        assert facts.has_database == ("DATABASE_URL" in facts.environment), answers
        assert facts.has_database == ("migrate" in facts.compose_services), answers
        assert facts.has_server_database == ("database" in facts.volumes), answers
        assert facts.has_server_database == bool(facts.images["database"]), answers
        assert facts.has_cache == (answers.get("cache", "none") != "none"), answers
        assert facts.has_cache == bool(facts.images["cache"]), answers
        assert facts.has_task_queue == ("broker" in facts.volumes), answers
        assert facts.has_proxy == ("proxy" in facts.production_services), answers
        assert set(facts.compose_services) <= set(facts.development_services), answers
        there = {*facts.production_services, *facts.shared_services}
        assert set(facts.compose_services) <= there, answers
        assert facts.images["python"], answers
        assert facts.manifests, answers
        assert facts.locks, answers
        assert all(facts.dependencies["base"]), answers
        assert facts.license_id, answers


def test_what_is_not_asked_decides_nothing() -> None:
    later = {"cache": "valkey", "task_queue": "celery", "reverse_proxy": "nginx"}
    job = {**later, "cache": "none"}
    assert vars(decide(framework="cli", **later)) == vars(decide(framework="cli"))
    assert vars(decide(framework="job", **job)) == vars(decide(framework="job"))


def test_until_a_question_is_asked_its_default_decides() -> None:
    defaults = {**questions.keep({}), "project_slug": ""}
    assert vars(decide()) == vars(decide(**defaults))


def test_what_is_no_answer_decides_like_none() -> None:
    wrong: tuple[Any, ...] = (None, 5, "oracle", ["oracle"], {})
    for answer in wrong:
        answers = dict.fromkeys(questions.choices(), answer)
        assert vars(decisions.decide(Answers.of(answers))) == vars(decide())
    assert Answers.of({"own_files": ["app.py", 5]}) == Answers.of({"own_files": ["app.py"]})


@pytest.mark.parametrize("typed", ["gdal geos", "gdal, geos", "gdal,geos", ["gdal", "geos"]])
def test_packages_are_listed_as_people_type_them(typed: object) -> None:
    assert packages_problem(typed, "slim") == ""
    assert Answers.of({"os_packages_build": typed}).os_packages_build == ("gdal", "geos")


@pytest.mark.parametrize("typed", ["", None, []])
def test_no_packages_are_typed_as_nothing(typed: object) -> None:
    assert packages_problem(typed, "slim") == ""
    assert Answers.of({"os_packages_build": typed}).os_packages_build == ()


def test_the_context_has_all_facts_before_the_first_answer() -> None:
    template = questions.question_environment().from_string("")

    assert vars(decide()).items() <= template.new_context({"_copier_conf": {}}).get_all().items()


@pytest.mark.parametrize(("layer", "ingredients"), REQUIREMENTS, ids=label)
def test_every_list_of_requirements_counts_somewhere(
    layer: str, ingredients: frozenset[str]
) -> None:
    assert any(ingredients <= ingredients_of(answers) for answers, _ in stacks())


def test_requirements_count_where_all_their_ingredients_are() -> None:
    for answers, facts in stacks():
        present = ingredients_of(answers)
        for layer, files in read_requirements().items():
            counting = [lines for ingredients, lines in files.items() if ingredients <= present]
            assert set(facts.dependencies[layer]) == set(chain.from_iterable(counting)), answers


def test_dependencies_follow_framework_and_database() -> None:
    assert {"fastapi", "sqlalchemy", "psycopg"} <= names(decide().dependencies["base"])
    assert not {"flask", "aiosqlite"} & names(decide().dependencies["base"])
    assert "aiosqlite" in names(decide(database="sqlite").dependencies["base"])
    flask = decide(framework="flask", database="sqlite").dependencies
    assert not {"fastapi", "aiosqlite", "psycopg"} & names(flask["base"])
    assert "gunicorn" in names(flask["production"])
    assert "sqlalchemy" not in names(decide(database="none").dependencies["base"])


def test_requirements_are_sorted_ranges() -> None:
    for _, facts in stacks():
        for requirements in facts.dependencies.values():
            packages = [Requirement(requirement).name for requirement in requirements]
            assert packages == sorted(sorted(set(packages)), key=place_of)
            assert all(re.search(r">=\d", requirement) for requirement in requirements)


def test_every_image_has_a_registry_a_name_and_a_version() -> None:
    images = read_images()

    assert images
    for name, image in images.items():
        version = "stable" if "nginx" in image else r"(qemu-)?v?\d"  # nginx supports only its last
        assert re.fullmatch(
            rf"(docker|ghcr|dhi|gcr)\.io/([\w.-]+/)*[\w-]+:(trixie|bookworm|nonroot|{version})[\w.-]*",
            image,
        ), name


def test_every_python_has_an_image_on_every_base() -> None:
    pythons = product(questions.choices()["python_version"], questions.choices()["base_image"])
    images = {
        (version, base): decide(python_version=version, base_image=base).images["python"]
        for version, base in pythons
        if base not in ("distro", "distroless")
    }
    assert all(f"/python:{version}-" in image for (version, _), image in images.items())
    assert len(set(images.values())) == len(images)


@pytest.mark.parametrize("base", ["distro", "distroless"])
def test_a_distribution_has_one_python(base: str) -> None:
    kept, defaults = questions.settle({"base_image": base, "python_version": "3.12"})

    assert "python_version" not in kept
    assert defaults["python_version"] == "3.13"
    assert decide(**kept, **defaults).images["python"].startswith("docker.io/library/debian:")


def test_every_action_is_pinned_by_commit_and_named_by_version() -> None:
    text = (CATALOGUE / "workflows" / "actions.yml").read_text("utf-8")
    listed = re.findall(r"uses: *([^@\s]+)", text)

    assert listed == sorted(set(listed))
    assert list(read_actions()) == listed
    for name, pin in read_actions().items():
        assert re.fullmatch(re.escape(name) + r"@[0-9a-f]{40} # v\d+\.\d+\.\d+", pin), pin


def test_every_pre_commit_hook_is_pinned_by_version() -> None:
    assert read_pre_commit()
    for revision in read_pre_commit().values():
        assert re.fullmatch(r"v?\d+(\.\d+)+", revision), revision


def test_no_project_may_be_called_like_a_dependency() -> None:
    taken = read_taken_names()
    wanted = {name for _, facts in stacks() for name in installed_by(facts)}
    tests = {file.stem for file in generated.files(ROOT / "template", "*tests*/*.py*")}

    assert {"psycopg_binary", "pyyaml", "starlette"} <= taken["distributions"]
    assert {"dateutil", "starlette", "yaml"} <= taken["packages"]
    distributions = {name.replace("_", "-") for name in taken["distributions"]} | wanted
    assert {name for name in distributions if not slug_problem(name)} == set()
    packages = taken["distributions"] | taken["packages"]
    assert {name for name in packages if not package_problem(name)} == set()
    assert {name for name in tests if not package_problem(name.split(".")[0])} == set()


def installed_by(facts: Decisions) -> set[str]:
    """Name what a project asks for, on all layers."""
    return {name for layer in facts.dependencies.values() for name in names(layer)}


@pytest.mark.parametrize(
    "text", ["", "plain", 'a "b"', "a\\b", "🚢", "שלום", "null", "1.0", "a: b # c", "{{ x }}"]
)
def test_quoted_text_is_read_alike_everywhere(text: str) -> None:
    literal = quoted(text)

    assert yaml.safe_load(literal) == text
    assert generated.PARSERS[".toml"](f"key = {literal}") == {"key": text}
    assert generated.PARSERS[".json"](literal) == text
    assert generated.PARSERS[".py"](literal).body[0].value.value == text


@pytest.mark.parametrize(
    ("validator", "answer"),
    [
        (name_problem, "Harbour API"),
        (name_problem, "Zoë's Café & Söhne (EU) v1.0"),
        (name_problem, "港口"),
        (slug_problem, "harbour-api-2"),
        (package_problem, "harbour_api_2"),
        (text_problem, ""),
        (text_problem, "x" * 200),
        (email_problem, ""),
        (email_problem, "ada.king+tide@sub.example.co.uk"),
        (port_problem, 1024),
        (port_problem, 65535),
        (partial(packages_problem, base_image="slim"), []),
        (
            partial(packages_problem, base_image="slim"),
            ["libgeos++-dev", "g++", "2ping", "linux6.12", "libsqlite3-0"],
        ),
        (partial(packages_problem, base_image="distro"), ["python3-gdal", "libpq5"]),
        (
            partial(packages_problem, base_image="alpine"),
            ["py3-gdal", "so_x", "libstdc++", "R"],
        ),
    ],
)
def test_a_good_answer_is_accepted(validator: Any, answer: str | int) -> None:
    assert validator(answer) == ""


@pytest.mark.parametrize("base", questions.choices()["base_image"])
@pytest.mark.parametrize(
    "answer",
    [
        "libpq5;",
        7,
        {"libpq5": ""},
        [None],
        [5],
        [["libpq5"]],
        [""],
        ["libpq5", "libpq5"],
        ["libpq5 gcc"],
        ["libpq5=17.0-1"],
        ["libpq5\n"],
        ["libpq5:arm64"],
        ["libpq5; rm -rf /"],
        ["--allow-unauthenticated"],
        ["-o=Dir::Etc=/tmp"],
        ["_libpq"],
        ["../libpq5.deb"],
        ["$(id)"],
        ["`id`"],
        ["${HOME}"],
        ["a|b"],
        ["é"],
        ["a" * 101],
    ],
    ids=str,
)
def test_a_bad_list_of_packages_is_refused(answer: object, base: str) -> None:
    problem = packages_problem(answer, base)

    assert problem.startswith(("Try libgdal-dev", "Try gdal-dev"))
    assert "\n" not in problem


@pytest.mark.parametrize("name", ["so_x", "R", "libpq5-"])
def test_some_names_are_for_alpine_only(name: str) -> None:
    assert packages_problem([name], "alpine") == ""
    assert packages_problem([name], "distro")


@pytest.mark.parametrize("text", ["Harbour API", "Größe", "港口", "9 Lives", "x" * 80, "-", ""])
def test_every_name_gives_a_valid_slug_and_package(text: str) -> None:
    slug = slugify(text)

    assert slug_problem(slug) == ""
    assert package_problem(slug.replace("-", "_")) == ""


def test_every_project_has_a_private_network_of_its_own() -> None:
    slugs = [f"harbour-{number}" for number in range(200)]
    networks = {IPv4Network(subnet_of(slug)) for slug in slugs}

    assert len(networks) == len(slugs)
    assert all(network.subnet_of(IPv4Network("10.128.0.0/9")) for network in networks)
