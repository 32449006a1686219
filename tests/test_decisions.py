"""The decisions are pure, follow the ingredients and leave nothing of the catalogue unused."""

import dataclasses
import inspect
import re
from functools import cache, partial
from ipaddress import IPv4Network
from itertools import chain, product
from typing import Any

import generated
import jinja2
import pytest
import questions
import repository
import yaml
from combinations import COMBINATIONS, arbitrary
from repository import ROOT

slipway = repository.load_extension()
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


@cache
def stacks() -> list[tuple[questions.Answers, Any]]:
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
    }
    return words | {word for word, fact in facts.items() if fact}


def decide(**answers: questions.Answer) -> Any:
    """Decide by the default answers and these."""
    given = {key: value for key, value in answers.items() if key in DEFAULT}
    lists = {key: tuple(value) for key, value in given.items() if isinstance(value, list)}
    return slipway.decide(**{**DEFAULT, **given, **lists})


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


def test_every_stack_is_decided_consistently() -> None:
    for answers, decisions in stacks():
        assert decisions.is_web == (decisions.service == "web"), answers
        assert decisions.has_database == bool(decisions.database_driver), answers
        assert decisions.has_database == ("DATABASE_URL" in decisions.environment), answers
        assert decisions.has_database == ("migrate" in decisions.services), answers
        assert decisions.has_server_database == ("database" in decisions.volumes), answers
        assert decisions.has_server_database == bool(decisions.images["database"]), answers
        assert decisions.has_cache == (answers.get("cache", "none") != "none"), answers
        assert decisions.has_cache == bool(decisions.images["cache"]), answers
        assert decisions.has_task_queue == ("broker" in decisions.volumes), answers
        assert decisions.has_proxy == ("proxy" in decisions.production_services), answers
        assert set(decisions.services) <= set(decisions.development_services), answers
        assert set(decisions.services) <= set(decisions.production_services), answers
        assert decisions.images["python"], answers
        assert decisions.manifests, answers
        assert decisions.locks, answers
        assert all(decisions.dependencies["base"]), answers
        assert decisions.license_id, answers


def test_what_is_not_asked_decides_nothing() -> None:
    later = {"cache": "valkey", "task_queue": "celery", "reverse_proxy": "nginx"}
    assert decide(framework="cli", **later) == decide(framework="cli")
    assert decide(framework="job", **{**later, "cache": "none"}) == decide(framework="job")


def test_what_is_unanswered_stands_for_the_defaults() -> None:
    defaults = {key: questions.keep({})[key] for key in PARAMETERS if key not in questions.ADOPTION}
    slug = {"project_slug": ""}  # nothing else is decided by it, and it has no default of its own
    packages = {"os_packages_build": (), "os_packages_runtime": ()}
    adoption = {"own_files": (), "entry_point": "", "database_scheme": ""}
    assert {**defaults, **slug, **packages, **adoption} == DEFAULT


def test_the_context_is_complete_before_the_first_answer() -> None:
    context: dict[str, Any] = {}
    slipway.Slipway(jinja2.Environment(autoescape=True)).hook(context)

    assert context == vars(decide())


@pytest.mark.parametrize(("layer", "ingredients"), REQUIREMENTS, ids=label)
def test_every_list_of_requirements_counts_somewhere(
    layer: str, ingredients: frozenset[str]
) -> None:
    assert any(ingredients <= ingredients_of(answers) for answers, _ in stacks())


def test_requirements_count_where_all_their_ingredients_are() -> None:
    for answers, decisions in stacks():
        present = ingredients_of(answers)
        for layer, files in slipway.read_requirements().items():
            counting = [lines for ingredients, lines in files.items() if ingredients <= present]
            assert set(decisions.dependencies[layer]) == set(chain.from_iterable(counting)), answers


def test_dependencies_follow_framework_and_database() -> None:
    assert {"fastapi", "sqlalchemy", "psycopg"} <= names(decide().dependencies["base"])
    assert not {"flask", "aiosqlite"} & names(decide().dependencies["base"])
    assert "aiosqlite" in names(decide(database="sqlite").dependencies["base"])
    flask = decide(framework="flask", database="sqlite").dependencies
    assert not {"fastapi", "aiosqlite", "psycopg"} & names(flask["base"])
    assert "gunicorn" in names(flask["production"])
    assert "sqlalchemy" not in names(decide(database="none").dependencies["base"])


def test_requirements_are_sorted_ranges() -> None:
    for _, decisions in stacks():
        for requirements in decisions.dependencies.values():
            packages = [slipway.package_of(requirement) for requirement in requirements]
            assert packages == sorted(sorted(set(packages)), key=slipway.place_of)
            assert all(re.search(r">=\d", requirement) for requirement in requirements)


def test_every_image_has_a_registry_a_name_and_a_version() -> None:
    images = slipway.read_images()

    assert images
    for name, image in images.items():
        version = "stable" if "nginx" in image else r"(qemu-)?v?\d"  # nginx supports only its last
        assert re.fullmatch(
            rf"(docker|ghcr)\.io/([\w.-]+/)+[\w.-]+:(trixie|{version})[\w.-]*", image
        ), name


def test_every_python_has_an_image_on_every_base() -> None:
    pythons = product(questions.choices()["python_version"], questions.choices()["base_image"])
    images = {
        (version, base): decide(python_version=version, base_image=base).images["python"]
        for version, base in pythons
        if base != "distro"
    }
    assert all(
        image.startswith(f"docker.io/library/python:{version}-")
        for (version, _), image in images.items()
    )
    assert len(set(images.values())) == len(images)


def test_a_distribution_has_one_python() -> None:
    kept, defaults = questions.settle({"base_image": "distro", "python_version": "3.12"})

    assert "python_version" not in kept
    assert defaults["python_version"] == "3.13"
    assert decide(**kept, **defaults).images["python"].startswith("docker.io/library/debian:")


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


def test_no_project_may_be_called_like_a_dependency() -> None:
    taken = slipway.read_taken_names()
    wanted = {name for _, decisions in stacks() for name in installed_by(decisions)}
    tests = {file.stem for file in generated.files(ROOT / "template", "*tests*/*.py*")}

    assert {"psycopg_binary", "pyyaml", "starlette"} <= taken["distributions"]
    assert {"dateutil", "starlette", "yaml"} <= taken["packages"]
    distributions = {name.replace("_", "-") for name in taken["distributions"]} | wanted
    assert {name for name in distributions if not slipway.slug_problem(name)} == set()
    packages = taken["distributions"] | taken["packages"]
    assert {name for name in packages if not slipway.package_problem(name)} == set()
    assert {name for name in tests if not slipway.package_problem(name.split(".")[0])} == set()


def installed_by(decisions: Any) -> set[str]:
    """Name what a project asks for, on all layers."""
    return {name for layer in decisions.dependencies.values() for name in names(layer)}


@pytest.mark.parametrize(
    "text", ["", "plain", 'a "b"', "a\\b", "🚢", "שלום", "null", "1.0", "a: b # c", "{{ x }}"]
)
def test_quoted_text_is_read_alike_everywhere(text: str) -> None:
    literal = slipway.quoted(text)

    assert yaml.safe_load(literal) == text
    assert generated.PARSERS[".toml"](f"key = {literal}") == {"key": text}
    assert generated.PARSERS[".json"](literal) == text
    assert generated.PARSERS[".py"](literal).body[0].value.value == text


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
        (partial(slipway.packages_problem, base_image="slim"), []),
        (
            partial(slipway.packages_problem, base_image="slim"),
            ["libgeos++-dev", "g++", "2ping", "linux6.12", "libsqlite3-0"],
        ),
        (partial(slipway.packages_problem, base_image="distro"), ["python3-gdal", "libpq5"]),
        (
            partial(slipway.packages_problem, base_image="alpine"),
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
        "libpq5",
        7,
        None,
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
    problem = slipway.packages_problem(answer, base)

    assert "for example: [" in problem
    assert "\n" not in problem


@pytest.mark.parametrize("name", ["so_x", "R", "libpq5-"])
def test_some_names_are_for_alpine_only(name: str) -> None:
    assert slipway.packages_problem([name], "alpine") == ""
    assert slipway.packages_problem([name], "distro")


@pytest.mark.parametrize("text", ["Harbour API", "Größe", "港口", "9 Lives", "x" * 80, "-", ""])
def test_every_name_gives_a_valid_slug_and_package(text: str) -> None:
    slug = slipway.slugify(text)

    assert slipway.slug_problem(slug) == ""
    assert slipway.package_problem(slug.replace("-", "_")) == ""


def test_every_project_has_a_private_network_of_its_own() -> None:
    slugs = [f"harbour-{number}" for number in range(200)]
    networks = {IPv4Network(slipway.subnet_of(slug)) for slug in slugs}

    assert len(networks) == len(slugs)
    assert all(network.subnet_of(IPv4Network("10.128.0.0/9")) for network in networks)
