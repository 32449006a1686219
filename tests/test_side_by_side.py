"""Two generated projects run side by side on one machine."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import generated
import locking
import pytest
import questions
import stacks
from conftest import Render
from programs import tool
from stacks import Stack

ANSWERS: questions.Answers = {"database": "none"}
ADOPTED: questions.Answers = {"own_files": ["app.py"], "entry_point": "app:app"}
SLUGS = ("harbour-api", "tide-tables")


@pytest.fixture
def projects(template: Path, tmp_path: Path) -> list[Path]:
    """Render two projects that differ in nothing but their names."""
    return [
        generated.render(template, tmp_path / slug, {**ANSWERS, "project_slug": slug})
        for slug in SLUGS
    ]


def give_ports(project: Path, **environment: str) -> dict[str, str]:
    """Give a project ports of its own."""
    result = stacks.execute("make", "--silent", "ports", cwd=project, **environment)
    assert result.returncode == 0, result.stdout
    ports = generated.parse_environment((project / ".env").read_text("utf-8"))
    for name, port in ports.items():
        if name.endswith("_PORT"):  # of several, the first
            address = f"{name.removesuffix('_PORT')} is at localhost:{port.partition('-')[0]}\n"
            assert address in result.stdout
    return ports


def test_every_port_can_be_set(projects: list[Path]) -> None:
    for project in projects:
        assert give_ports(project).keys() == set(stacks.ports_of(project))


def test_projects_get_ports_of_their_own(projects: list[Path]) -> None:
    one, other = (set(give_ports(project).values()) for project in projects)
    assert len(one) == len(other) > 1
    assert not one & other


def test_ports_stay_what_they_are(projects: list[Path]) -> None:
    assert give_ports(projects[0]) == give_ports(projects[0])


def test_a_second_checkout_gets_others(projects: list[Path]) -> None:
    first = give_ports(projects[0])
    second = give_ports(projects[0], COMPOSE_PROJECT_NAME="harbour-api-2")
    assert first.keys() == second.keys()
    assert not set(first.values()) & set(second.values())


def test_other_settings_are_kept(projects: list[Path]) -> None:
    settings = projects[0] / ".env"
    settings.write_text("LOG_LEVEL=DEBUG\nWEB_PORT=8000\n# mine\n", "utf-8")
    assert give_ports(projects[0])["LOG_LEVEL"] == "DEBUG"
    text = settings.read_text("utf-8")
    assert "# mine\n" in text
    assert text.count("WEB_PORT=") == 1
    assert "WEB_PORT=8000" not in text


@pytest.mark.parametrize("value", ["3", '"3"', "'3'", "3 # of them"])
def test_replicas_get_ports_of_their_own(projects: list[Path], value: str) -> None:
    (projects[0] / ".env").write_text(f"WEB_REPLICAS={value}\n", "utf-8")
    given = give_ports(projects[0])
    assert given["WEB_REPLICAS"] == value
    first, last = map(int, given.pop("PRODUCTION_PORT").split("-"))
    assert last - first == 2
    others = {int(port) for name, port in given.items() if name.endswith("_PORT")}
    assert not others & {*range(first, last + 1)}


@pytest.mark.parametrize("port", [1024, 8000, 8001, 8002, 8003, 8080, 8081])
@pytest.mark.parametrize(
    ("proxy", "adopted"),
    [("none", {}), ("nginx", {}), ("none", ADOPTED)],
    ids=["", "nginx", "adopted"],
)
def test_development_and_two_replicas_take_no_port_twice(
    render: Render, port: int, proxy: str, adopted: questions.Answers
) -> None:
    project = render({"port": port, "reverse_proxy": proxy, "cache": "valkey", **adopted})
    files = [file.read_text("utf-8") for file in project.glob("compose*.yaml")]
    usual = dict(re.findall(r"\$\{(\w+_PORT):-(\d+)\}", "".join(files)))
    assert usual.keys() == set(stacks.ports_of(project))
    production = int(usual["PRODUCTION_PORT"])
    taken = [*map(int, usual.values()), *([] if proxy == "nginx" else [production + 1])]
    assert len(set(taken)) == len(taken)
    example = generated.parse_environment((project / ".env.example").read_text("utf-8"))
    assert usual.items() <= example.items()


def test_environments_are_two_projects_of_compose(render: Render) -> None:
    project = render({})
    names = [
        generated.parse(project / name)["name"] for name in ("compose.yaml", "compose.prod.yaml")
    ]
    assert names == ["harbour-api", "harbour-api-production"]


def test_no_other_stack_is_taken_for_development(render: Render) -> None:
    result = stacks.execute("make", "dump", "STACK=prod", "DOCKER=echo", cwd=render({}))
    assert result.returncode != 0
    assert 'STACK is production or development, not "prod"' in result.stdout


@pytest.mark.parametrize("target", ["logs", "down"])
def test_a_target_works_on_the_stack_that_is_named(render: Render, target: str) -> None:
    project = render({})
    for stack, file in (("development", ""), ("production", " --file compose.prod.yaml")):
        result = stacks.execute("make", target, f"STACK={stack}", "DOCKER=echo", cwd=project)
        assert result.returncode == 0
        assert (f"compose{' --file compose.yaml' if file else ''}{file} {target}") in result.stdout


@pytest.mark.parametrize("target", ["up", "shell", "clean", "migrate", "test-containers"])
def test_a_target_for_development_refuses_production(render: Render, target: str) -> None:
    result = stacks.execute("make", target, "STACK=production", "DOCKER=echo", cwd=render({}))
    assert result.returncode != 0
    assert "This is for development only: leave out STACK=production" in result.stdout


@pytest.mark.parametrize(
    ("answers", "command"),
    [({}, "make secrets"), ({"database": "postgresql", **ADOPTED}, "sh scripts/secrets.sh")],
)
def test_secrets_are_made_where_letters_have_an_encoding(
    render: Render, tmp_path: Path, answers: questions.Answers, command: str
) -> None:
    project = shutil.copytree(render(answers), tmp_path / "project")
    (programs := tmp_path / "bin").mkdir()
    # As on macOS: in UTF-8 it stops at the first byte that is no letter.
    (programs / "tr").write_text(
        f'#!/bin/sh\n[ "$LC_ALL" = C ] && exec {tool("tr")} "$@"\nexit 1\n'
    )
    (programs / "tr").chmod(0o755)
    path = os.pathsep.join((str(programs), os.environ["PATH"]))
    made = stacks.execute(*command.split(), cwd=project, PATH=path, LC_ALL="C.UTF-8")
    assert made.returncode == 0, made.stdout
    secrets = [file for file in (project / "secrets").iterdir() if not file.name.startswith(".")]
    assert secrets
    assert {len(secret.read_text("utf-8")) for secret in secrets} == {40}


@pytest.fixture
def running(engine: None, projects: list[Path]) -> Iterator[list[Stack]]:
    """Start the development stacks of both."""
    with ExitStack() as both:
        started = []
        for project in projects:
            locking.lock(project)
            give_ports(project)
            stack = Stack(project, stacks.DEVELOPMENT)
            started.append(both.enter_context(stack.running()))
        yield started
    for project in projects:
        image = f"{project.name}:development"
        stacks.execute("docker", "image", "rm", "--force", image, cwd=project)


@pytest.mark.docker
def test_both_answer(running: list[Stack]) -> None:
    for stack in running:
        port = generated.parse_environment((stack.project / ".env").read_text("utf-8"))["WEB_PORT"]
        assert stack.address() == f"127.0.0.1:{port}"
        assert stack.ask("/ready").status == 200
    assert len({container["Id"] for one in running for container in one.containers("web")}) == 2
