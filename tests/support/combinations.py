"""A small set of projects in which every two answers meet: a covering array of strength two."""

import random
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import combinations, product

import questions
from questions import Answers

from extensions.decisions import BUILT_FORMATS

# Answers in free text that decide what is written, besides the questions with choices.
IDENTITIES: Mapping[str, Answers] = {
    "nobody": {},
    "author": {"author_name": "Zoë O'Neill", "author_email": "zoe@example.com"},
    "organisation": {"author_name": "Zoë O'Neill", "organization": "Quay & Sons"},
    "long names": {"project_slug": "harbour" + "-of-many-ships" * 3},
}
PACKAGES: Mapping[str, Mapping[str, Answers]] = {
    "no packages": {},
    "packages to build": {
        "apt": {"os_packages_build": ["libgdal-dev", "libgeos++-dev"]},
        "apk": {"os_packages_build": ["gdal-dev", "geos-dev"]},
    },
    "packages to run": {
        "apt": {"os_packages_runtime": ["libgdal36", "python3-gdal"]},
        "apk": {"os_packages_runtime": ["gdal", "py3-gdal"]},
    },
    "packages for both": {
        "apt": {"os_packages_build": ["libgdal-dev"], "os_packages_runtime": ["libgdal36"]},
        "apk": {"os_packages_build": ["gdal-dev"], "os_packages_runtime": ["gdal"]},
    },
}

WITHOUT_SHELL = ("distroless", "hardened")  # base images that can install nothing

Factors = Mapping[str, Sequence[str]]  # what can vary in a project, with its values
Value = tuple[str, str]  # of a factor
Values = tuple[Value, ...]


def factors() -> dict[str, list[str]]:
    """Map each factor to its values."""
    return {**questions.choices(), "identity": list(IDENTITIES), "packages": list(PACKAGES)}


def shapes(everything: Factors | None = None) -> Iterator[Factors]:
    """List the kinds of projects that differ in what is asked, by the factors that each one has.

    What is asked depends on few answers; a test compares this with arbitrary projects.
    """
    everything = factors() if everything is None else everything
    usual = questions.keep({}).keys()
    deciders = [
        key
        for key in questions.choices()
        if any(questions.keep({key: value}).keys() != usual for value in everything.get(key, ()))
    ]
    for values in product(*(everything[key] for key in deciders)):
        decided = dict(zip(deciders, values, strict=True))
        hidden = questions.asked().keys() - questions.keep(decided).keys()
        yield {
            factor: [decided[factor]] if factor in decided else everything[factor]
            for factor in everything.keys() - hidden
        }


def meetings(row: Mapping[str, str], strength: int) -> set[Values]:
    """List every two (or three, …) values that meet in a row."""
    return set(combinations(sorted(row.items()), strength))


def all_meetings(shapes: Sequence[Factors], strength: int) -> set[Values]:
    """List every two (or three, …) values that meet in some row of some shape."""
    return {
        tuple(zip(chosen, values, strict=True))
        for shape in shapes
        for chosen in combinations(sorted(shape), strength)
        for values in product(*(shape[factor] for factor in chosen))
    }


def complete(start: Values, shape: Factors, missing: set[Values]) -> dict[str, str]:
    """Add to the first values of a row, for each factor, the one with most missing meetings."""
    row = dict(start)
    for factor in sorted(shape.keys() - row.keys(), key=lambda key: (-len(shape[key]), key)):
        others = list(combinations(sorted(row.items()), len(start) - 1))
        gains = {
            value: sum(tuple(sorted((*other, (factor, value)))) in missing for other in others)
            for value in shape[factor]
        }
        row[factor] = max(shape[factor], key=lambda value: gains[value])
    return row


def covering_array(
    shapes: Sequence[Factors], strength: int = 2, met: Set[Values] = frozenset()
) -> list[dict[str, str]]:
    """Choose rows greedily: a missing meeting, completed in the shape that serves it best."""
    missing = all_meetings(shapes, strength) - met
    rows = []
    while missing:
        start = min(missing)
        candidates = [
            complete(start, shape, missing)
            for shape in shapes
            if all(value in shape.get(factor, ()) for factor, value in start)
        ]
        row = max(candidates, key=lambda row: len(meetings(row, strength) & missing))
        missing -= meetings(row, strength)
        rows.append(row)
    return rows


def arbitrary(count: int) -> list[Answers]:
    """Answer all questions with choices at random, but always alike, also those not asked."""
    chance = random.Random(0)  # noqa: S311
    return [
        {key: chance.choice(values) for key, values in questions.choices().items()}
        for _ in range(count)
    ]


def to_answers(row: Mapping[str, str]) -> Answers:
    """Turn a row into answers."""
    answers = {key: value for key, value in row.items() if key in questions.choices()}
    manager = "apk" if row["base_image"] == "alpine" else "apt"
    packages = dict(PACKAGES[row["packages"]].get(manager, {}))
    if row["base_image"] in WITHOUT_SHELL:
        packages.pop("os_packages_runtime", None)  # is refused
    # Half of the programs that can come in other formats do.
    can_be_packed = row["framework"] == "cli" and row["base_image"] in ("slim", "full")
    is_packed = can_be_packed and row["packages"] == "no packages"
    formats: Answers = {"package_formats": ["wheel", *BUILT_FORMATS]} if is_packed else {}
    # Those of organisations have large dependencies.
    is_large = row["identity"] == "organisation"
    large: Answers = {"large_dependencies": ["torch", "SciPy"]} if is_large else {}
    return {**answers, **IDENTITIES[row["identity"]], **packages, **large, **formats}


# Services of a workspace, of which less is asked
WORKSPACE = "quay-of-harbours"
STACKS: Sequence[Answers] = (
    {
        "framework": "fastapi",
        "database": "postgresql",
        "cache": "valkey",
        "task_queue": "celery",
        "telemetry": "opentelemetry",
        "deployment": "kubernetes",
        "shared_servers": ["database", "cache"],
    },
    {
        "framework": "flask",
        "dependency_manager": "poetry",
        "database": "mysql",
        "cache": "redis",
        "telemetry": "prometheus",
        "shared_servers": ["database"],
        **IDENTITIES["long names"],
    },
    {"framework": "fastapi", "dependency_manager": "pip", "database": "none"},
)
MEMBERS: Mapping[str, Answers] = {
    f"member-{stack['framework']}-{stack['database']}": questions.keep(
        {"workspace": WORKSPACE, **stack}
    )
    for stack in STACKS
}

# All have the same name, so that files which no answer changes are the same, and read once.
COMBINATIONS: Mapping[str, Answers] = {
    **{
        "-".join(
            (f"{number:02}", *(row[key] for key in ("framework", "dependency_manager", "database")))
        ): to_answers(row)
        for number, row in enumerate(covering_array(list(shapes())), start=1)
    },
    **MEMBERS,
}
