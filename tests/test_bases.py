"""A base image brings its own Python and packages, and takes those of the distribution."""

import re
from pathlib import Path
from typing import Any, ClassVar

import generated
import pytest
import questions
from conftest import Render
from container_promises import Service
from copier.errors import UserMessageError
from metrics_promises import Metrics
from stacks import Stack


@pytest.mark.parametrize("key", ["os_packages_build", "os_packages_runtime"])
@pytest.mark.parametrize("base", ["slim", "alpine"])
def test_what_is_no_package_is_refused_with_an_example(
    template: Path, tmp_path: Path, key: str, base: str
) -> None:
    answers: dict[str, Any] = {"base_image": base, key: ["$(id)"]}
    with pytest.raises(UserMessageError, match=rf"^The answer to {key}: Try \w+-dev "):
        generated.render(template, tmp_path / "project", answers)
    assert generated.files(tmp_path) == []


def test_a_distribution_decides_its_python(render: Render) -> None:
    project = render({"base_image": "distro", "python_version": "3.12"})

    about = generated.parse(project / "pyproject.toml")["project"]
    assert about["requires-python"] == ">=3.13"
    assert "python_version" not in generated.read_answers(project)
    for file in generated.files(project):
        assert "3.12" not in file.read_text("utf-8"), file


@pytest.mark.parametrize("base", questions.choices()["base_image"])
def test_packages_are_installed_where_they_are_needed(render: Render, base: str) -> None:
    answers: dict[str, Any] = {
        "base_image": base,
        "os_packages_build": ["zlib-dev"],
        "os_packages_runtime": ["zlib"],
    }
    project = render(answers)

    (build,) = stages_of(project / "Dockerfile", "build")
    final = (project / "Dockerfile").read_text("utf-8").split("\nFROM ")[-1]
    assert "  zlib-dev" in build
    assert "  zlib-dev" not in final
    own = r"\nCOPY (?!--from=authorities)"  # those seldom change
    assert "  zlib" in re.split(own, final)[0]
    assert "  zlib-dev" in re.split(own, build)[0]
    (base_stage,) = stages_of(project / "Dockerfile.dev", "base")
    assert "  zlib-dev" in re.split(own, base_stage)[0]


@pytest.mark.parametrize("manager", questions.choices()["dependency_manager"])
def test_what_is_for_developers_only_is_where_nothing_is_installed(
    render: Render, manager: str
) -> None:
    project = render({"dependency_manager": manager})
    *earlier, final = (project / "Dockerfile.dev").read_text("utf-8").split("\nFROM ")
    assert "        git \\\n" in final
    assert "RUN --mount=type=cache" not in final
    assert not [stage for stage in earlier if re.search(r"^ +git\b", stage, re.MULTILINE)]
    asked = render({"dependency_manager": manager, "os_packages_build": ["git"]})
    for file, name in (("Dockerfile", "build"), ("Dockerfile.dev", "base")):
        assert not [stage for stage in stages_of(project / file, name) if " git " in stage]
        assert [stage for stage in stages_of(asked / file, name) if "        git \\\n" in stage]


def stages_of(dockerfile: Path, name: str) -> list[str]:
    """List the stages of this name, of which there is one."""
    stages = dockerfile.read_text("utf-8").split("\nFROM ")
    return [stage for stage in stages if stage.partition("\n")[0].endswith(f" AS {name}")]


@pytest.mark.docker
class TestDistro(Service, Metrics):
    """Debian's own Python, with packages of Debian for the build and for the service."""

    answers: ClassVar[dict[str, Any]] = {
        "base_image": "distro",
        "os_packages_build": ["libpq-dev"],
        "os_packages_runtime": ["libpq5", "python3-click", "python3-markdown"],
        "telemetry": "prometheus",
    }

    def test_python_is_debians(self, production: Stack, development: Stack) -> None:
        for stack in (production, development):
            assert python(stack, "sys.version_info[:2], sys.base_prefix") == "(3, 13) /usr"

    def test_packages_are_where_they_are_needed(
        self, production: Stack, development: Stack
    ) -> None:
        assert {"libpq-dev", "libpq5", "git"} <= packages(development)
        assert {"libpq5", "ca-certificates"} <= packages(production)
        assert not {"libpq-dev", "git", "python3-pip"} & packages(production)

    def test_no_log_tells_when_packages_were_installed(self, production: Stack) -> None:
        look = "find /var/log /var/cache/ldconfig /var/lib/apt/lists -type f"
        logs = set(production.compose("exec", "-T", "--user=0", "web", "sh", "-c", look).split())
        assert not {log for log in logs if re.search("apt|dpkg|alternatives|aux-cache", log)}

    def test_modules_of_debian_can_be_imported(self, production: Stack, development: Stack) -> None:
        for stack in (production, development):
            assert python(stack, "markdown.__file__").startswith("/usr/lib/python3/")

    def test_a_locked_module_comes_first(self, production: Stack, development: Stack) -> None:
        for stack in (production, development):
            assert python(stack, "click.__file__").startswith("/opt/venv/")


def python(stack: Stack, expressions: str) -> str:
    """Let Python in a container print expressions."""
    code = f"import sys, click, markdown; print({expressions})"
    return stack.compose("exec", "-T", "web", "python", "-c", code).strip()


def packages(stack: Stack) -> set[str]:
    """List Debian's packages in a container."""
    query = ("dpkg-query", "--show", "--showformat", "${Package}\n")
    return set(stack.compose("exec", "-T", "web", *query).split())
