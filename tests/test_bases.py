"""A base image brings its own Python and packages, and takes those of the distribution."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import generated
import pytest
import questions
import stacks
from attacks import WebAttacks
from combinations import WITHOUT_SHELL
from conftest import Render
from container_promises import Busy, SelfTested, Service, WithoutShell, Workplace
from copier.errors import UserMessageError
from metrics_promises import Metrics
from stacks import Stack

# A program that prints what it was given.
SHOW_ITSELF = """#!/bin/sh
echo "${0##*/} ${PROMETHEUS_MULTIPROC_DIR:-}"
for word; do echo "[$word]"; done
"""


@pytest.mark.parametrize("key", ["os_packages_build", "os_packages_runtime"])
@pytest.mark.parametrize("base", ["slim", "alpine"])
def test_what_is_no_package_is_refused_with_an_example(
    template: Path, tmp_path: Path, key: str, base: str
) -> None:
    answers: dict[str, Any] = {"base_image": base, key: ["$(id)"]}
    with pytest.raises(UserMessageError, match=rf"^The answer to {key}: Try \w+-dev "):
        generated.render(template, tmp_path / "project", answers)
    assert generated.files(tmp_path) == []


def test_an_image_without_a_shell_refuses_what_it_cannot_have(
    template: Path, tmp_path: Path
) -> None:
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"base_image": "distroless", "python_version": "3.14"}, "python_version: Try 3.13: "),
        ({"base_image": "distroless", "os_packages_runtime": ["libpq5"]}, r"runtime: Try \[\]: "),
        ({"base_image": "hardened", "os_packages_runtime": ["libpq5"]}, r"runtime: Try \[\]: "),
    ]
    for answers, sentence in refusals:
        with pytest.raises(UserMessageError, match=sentence):
            generated.render(template, tmp_path / "project", answers)
    assert generated.files(tmp_path) == []


@pytest.mark.parametrize("framework", ["fastapi", "flask", "job"])
def test_both_entry_points_start_the_same(render: Render, tmp_path: Path, framework: str) -> None:
    answers: questions.Answers = {
        "framework": framework,
        "database": "postgresql",
        "task_queue": "celery",
        "telemetry": "prometheus",
    }
    with_shell, without = (
        render({**answers, "base_image": base}) / "scripts" for base in ("slim", "distroless")
    )
    for name in ("alembic", "celery", "flask", "gunicorn", "python", "tide", "uvicorn"):
        (tmp_path / name).write_text(SHOW_ITSELF, "utf-8")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    services = ["job", "scheduler"] if framework == "job" else ["web", "worker", "beat"]
    for arguments in ([], *([name] for name in services), ["migrate"], ["tide", "--high", "a b"]):
        for settings in ({}, {"METRICS": "true", "MIGRATE": "no", "WORKER_CONCURRENCY": "3"}):
            shell, python = (
                stacks.execute(program, str(file), *arguments, cwd=tmp_path, PATH=path, **settings)
                for program, file in (
                    ("sh", with_shell / "entrypoint.sh"),
                    (sys.executable, without / "entrypoint.py"),
                )
            )
            assert shell.stdout
            assert python.stdout == shell.stdout.replace("[--host]\n[]", "[--host=]"), arguments
            assert python.returncode == shell.returncode == 0


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_every_job_that_pulls_a_hardened_image_logs_in(render: Render, ci: str) -> None:
    project = render({"base_image": "hardened", "deployment": "kubernetes", "ci": ci})
    jobs = {
        name: str(job)
        for file in generated.files(project, ".github/workflows/*.yml", ".gitlab-ci.yml")
        for name, job in (generated.parse(file).get("jobs") or generated.parse(file)).items()
    }
    pulling = re.compile(
        r"build-push-action|scripts/audit\.sh|buildx build|make (image|production|k8s-check)"
    )
    building = {name for name, job in jobs.items() if pulling.search(job)}
    assert len(building) >= 4
    for name in building:
        before = re.findall(r"'extends': '(\.docker)'", jobs[name])
        assert "scripts/log-in.sh" in jobs[name] + "".join(jobs[each] for each in before), name


def test_a_login_without_its_secrets_ends_with_a_sentence(render: Render, tmp_path: Path) -> None:
    project = render({"base_image": "hardened"})
    (tmp_path / "docker").write_text('#!/bin/sh\n[ $1 = login ] || exit 0\necho "$@" $(cat)\n')
    (tmp_path / "docker").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    command = ("sh", "scripts/log-in.sh")

    refused = stacks.execute(*command, cwd=project, PATH=path, DHI_USERNAME="ada")
    assert refused.returncode == 1
    assert "give CI the secrets DHI_USERNAME and DHI_TOKEN" in refused.stdout
    secrets = {"DHI_USERNAME": "ada", "DHI_TOKEN": "tide"}
    said = stacks.execute(*command, cwd=project, PATH=path, **secrets).stdout
    assert said == "login --username ada --password-stdin dhi.io tide\n"


def test_a_distribution_decides_its_python(render: Render) -> None:
    project = render({"base_image": "distro", "python_version": "3.12"})

    about = generated.parse(project / "pyproject.toml")["project"]
    assert about["requires-python"] == ">=3.13"
    assert "python_version" not in generated.read_answers(project)
    for file in generated.files(project):
        assert "3.12" not in file.read_text("utf-8"), file


@pytest.mark.parametrize("base", questions.choices()["base_image"])
def test_packages_are_installed_where_they_are_needed(render: Render, base: str) -> None:
    answers: dict[str, Any] = {"base_image": base, "os_packages_build": ["zlib-dev"]}
    if base not in WITHOUT_SHELL:
        answers["os_packages_runtime"] = ["zlib"]
    project = render(answers)

    (build,) = stages_of(project / "Dockerfile", "build")
    final = (project / "Dockerfile").read_text("utf-8").split("\nFROM ")[-1]
    assert "  zlib-dev" in build
    assert "  zlib-dev" not in final
    own = r"\nCOPY (?!--from=authorities)"  # those seldom change
    assert ("  zlib" in re.split(own, final)[0]) == (base not in WITHOUT_SHELL)
    assert ("\nRUN " in final) == (base not in WITHOUT_SHELL)
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
class TestDistro(Metrics, Service):
    """Debian's own Python, with packages of Debian for the build and for the service."""

    answers: ClassVar[dict[str, Any]] = {
        "base_image": "distro",
        "os_packages_build": ["libpq-dev"],
        "os_packages_runtime": ["libpq5", "python3-click", "python3-markdown"],
        "telemetry": "prometheus",
    }
    repeats = (
        "test_a_migration_can_be_written",
        "test_data_survives_down_and_up",
        "test_development_is_reached_on_a_network_without_ipv4",
        "test_its_own_tests_pass_inside",
    )

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


@pytest.mark.docker
@pytest.mark.thorough
class TestDistroless(WithoutShell, Workplace, Busy, Service, WebAttacks):
    """Debian's own Python without the rest of Debian, for the default service."""

    answers: ClassVar[dict[str, Any]] = {"base_image": "distroless"}

    def test_python_is_debians(self, production: Stack, development: Stack) -> None:
        for stack in (production, development):
            look = "import sys; print(sys.version_info[:2], sys.base_prefix)"
            shown = stack.compose("exec", "-T", "web", "python", "-c", look)
            assert shown == "(3, 13) /usr\n"


@pytest.mark.docker
@pytest.mark.thorough
class TestHardenedBehindNginx(WithoutShell, SelfTested, WebAttacks):
    """Docker's hardened Python, and a driver that is linked to a library of Debian."""

    answers: ClassVar[dict[str, Any]] = {
        "framework": "flask",
        "base_image": "hardened",
        "reverse_proxy": "nginx",
    }

    @pytest.fixture(scope="class")
    @classmethod
    def production(cls, project: Path) -> Iterator[Stack]:
        with Stack(project, stacks.PRODUCTION).running() as stack:
            yield stack


def python(stack: Stack, expressions: str) -> str:
    """Let Python in a container print expressions."""
    code = f"import sys, click, markdown; print({expressions})"
    return stack.compose("exec", "-T", "web", "python", "-c", code).strip()


def packages(stack: Stack) -> set[str]:
    """List Debian's packages in a container."""
    query = ("dpkg-query", "--show", "--showformat", "${Package}\n")
    return set(stack.compose("exec", "-T", "web", *query).split())
