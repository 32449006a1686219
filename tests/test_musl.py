"""Alpine has no glibc: whatever a project there locks has a wheel for musl."""

import tomllib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import programs
import pytest
import questions
from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from extensions.decisions import Answers, decide, read_requirements, read_tools

MACHINES = ("aarch64", "x86_64")
# What projects answer that decides their dependencies, beside framework and workspace
BRING_PACKAGES = ("dependency_manager", "database", "cache", "task_queue", "telemetry")

Package = Mapping[str, Any]


def requirements_of(framework: str) -> list[str]:
    """List all that projects of a framework on Alpine may ask for, with their tools.

    The other answers only add to it, so that one resolution stands for all of them.
    """
    choices = {key: questions.choices()[key] for key in BRING_PACKAGES}
    choices |= {"framework": [framework], "base_image": ["alpine"], "workspace": ["", "harbour"]}
    asked = set()
    for values in product(*choices.values()):
        answers = Answers.of(dict(zip(choices, values, strict=True)))
        for names in decide(answers).dependencies.values():
            asked.update(names)
    return sorted(asked)


def resolve(requirements: list[str]) -> list[Package]:
    """Lock requirements for every Python and platform, with all files there are."""
    locked = programs.run(
        *("uv", "pip", "compile", "--quiet", "--universal", "--format", "pylock.toml"),
        *("--python-version", min(questions.choices()["python_version"]), "-"),
        text="\n".join(requirements),
    )
    packages: list[Package] = tomllib.loads(locked)["packages"]
    return packages


@pytest.fixture(scope="module")
def requirements() -> list[list[str]]:
    """List what is locked together: the requirements of each framework, and the tools."""
    return [*map(requirements_of, questions.choices()["framework"]), sorted(read_tools().values())]


@pytest.fixture(scope="module")
def packages(requirements: list[list[str]]) -> list[Package]:
    """Lock them all side by side: an index takes longer to answer than uv to think."""
    with ThreadPoolExecutor() as pool:
        return [package for locked in pool.map(resolve, requirements) for package in locked]


def tags(version: str, machine: str) -> set[Tag]:
    """List the tags of the wheels that a Python on Alpine can install."""
    number = [int(part) for part in version.split(".")]
    platforms = [f"musllinux_1_{minor}_{machine}" for minor in range(3)]
    own = cpython_tags(number, abis=[f"cp{version.replace('.', '')}"], platforms=platforms)
    return {*own, *compatible_tags(number, platforms=platforms)}


def is_wanted(package: Package, version: str, machine: str) -> bool:
    """Say whether a locked package is for a Python on Alpine."""
    environment = {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{version}.0",
        "python_version": version,
        "sys_platform": "linux",
    }
    return "marker" not in package or Marker(package["marker"]).evaluate(environment)


def has_wheel(package: Package, usable: set[Tag]) -> bool:
    """Say whether one of the wheels of a package can be installed."""
    files = [wheel["url"].rpartition("/")[2] for wheel in package.get("wheels", ())]
    return any(usable & parse_wheel_filename(file)[3] for file in files)


def test_every_requirement_is_resolved(requirements: list[list[str]]) -> None:
    files = [file for layer in read_requirements().values() for file in layer.values()]

    resolved = {name for names in requirements for name in names}
    assert resolved == {*read_tools().values(), *(name for file in files for name in file)}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("version", questions.choices()["python_version"])
def test_every_dependency_has_a_wheel_for_musl(
    packages: list[Package], version: str, machine: str
) -> None:
    usable = tags(version, machine)
    missing = {
        package["name"]
        for package in packages
        if is_wanted(package, version, machine) and not has_wheel(package, usable)
    }
    assert not missing, 'BASES["alpine"] must name what it takes to build these'
