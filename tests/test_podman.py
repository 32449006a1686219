"""Podman builds and runs a project as Docker does, and one script finds which engine is there."""

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import generated
import locking
import manifests
import programs
import pytest
import stacks
from conftest import Render
from manifests import Pods
from stacks import PRODUCTION, Stack

IMAGE = "quay.io/podman/stable"
ANSWERS = {"database": "postgresql", "reverse_proxy": "nginx", "deployment": "kubernetes"}
OVERLAY = "compose.podman.yaml"
DEVELOPMENT_FILES = ("--file", "compose.yaml", "--file", "compose.override.yaml")
DOCKER = "Engine {};containerd 2.0;"
# A container within a container may not ask for more than the outer one has.
LIMITS = '[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n'
# It stands for systemd, whose timers run the health checks.
TIMER = "while sleep 1; do podman ps --quiet | xargs --max-args=1 podman healthcheck run; done"


@pytest.fixture(scope="module")
def project(render: Render) -> Path:
    """Render a project with services of all kinds."""
    return render(ANSWERS)


@pytest.fixture(scope="module")
def podman(engine: None, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start Podman in a container, with the images that are pulled; name the container."""
    folder = tmp_path_factory.mktemp("podman")
    name, socket = f"harbour-{folder.parent.name}-{os.getpid()}", folder / "podman.sock"
    (folder / "limits.conf").write_text(LIMITS, "utf-8")
    locking.lock(project)
    programs.run("make", "secrets", cwd=project)
    mounts = (f"--volume={path}:{path}" for path in (folder, project))
    variables = (
        f"--env=CONTAINERS_CONF_OVERRIDE={folder / 'limits.conf'}",
        "--env=STORAGE_DRIVER=overlay",
    )
    options = ("run", "--detach", "--privileged", "--name", name, *mounts, *variables)
    service = ("podman", "system", "service", "--time=0", f"unix://{socket}")
    try:
        programs.run("docker", *options, "--entrypoint=", IMAGE, *service)
        programs.run("docker", "exec", "--detach", name, "sh", "-c", TIMER)
        for image in pulled(project):
            give(name, image, folder / "image.tar")
        stacks.eventually(socket.exists)
        programs.run("docker", "exec", name, "chmod", "666", str(socket))
        yield name
    finally:
        programs.run("docker", "rm", "--force", "--volumes", name)


def pulled(project: Path) -> set[str]:
    """List the images that a project pulls."""
    return {
        line.split()[1]
        for file in generated.files(
            project, "Dockerfile", "Dockerfile.dev", "nginx/Dockerfile", "compose*.yaml"
        )
        for line in file.read_text("utf-8").splitlines()
        if line.split()[:1] in (["FROM"], ["image:"]) and ".io/" in line
    }


def give(podman: str, image: str, file: Path) -> None:
    """Copy an image into Podman, which may give a short name another registry."""
    if stacks.execute("docker", "image", "inspect", image, cwd=file.parent).returncode != 0:
        programs.run("docker", "pull", image)
    programs.run("docker", "save", "--output", str(file), image)
    file.chmod(0o644)
    loaded = programs.run("docker", "exec", podman, "podman", "load", "--input", str(file))
    programs.run("docker", "exec", podman, "podman", "tag", loaded.split()[-1], image)


def in_podman(podman: str, project: Path, files: tuple[str, ...]) -> Stack:
    """Let Compose ask Podman, as "podman compose" does."""
    socket = programs.run("docker", "inspect", "--format", "{{json .Args}}", podman).split(
        "unix://"
    )[1]
    variables = {"DOCKER_HOST": "unix://" + socket.split('"')[0], "DOCKER_BUILDKIT": "0"}
    return Stack(project, (*files, "--file", OVERLAY), variables)


@pytest.mark.docker
def test_development_answers_and_leaves_other_users_alone(podman: str, project: Path) -> None:
    stack = in_podman(podman, project, DEVELOPMENT_FILES)
    ask = "import urllib.request as r; print(r.urlopen('http://localhost:8000/ready').status)"
    project.chmod(0o755)
    user = ("--user", "1234", f"--volume={project}:/app:z", "harbour-api:development", "id", "-u")
    with stack.running():
        assert stack.compose("exec", "-T", "web", "python", "-c", ask).strip() == "200"
        write = "touch mine; stat --format=%u . mine; rm mine"
        edit = ("--user=developer", "web", "sh", "-euc", write)
        assert len(set(stack.compose("exec", "-T", *edit).split())) == 1  # owner of both
        assert (
            programs.run("docker", "exec", podman, "podman", "run", "--rm", *user).strip() == "1234"
        )


@pytest.mark.docker
def test_production_answers_through_the_proxy(podman: str, project: Path) -> None:
    stack = in_podman(podman, project, PRODUCTION)
    ask = ("curl", "--fail", "--silent", "--show-error", "http://localhost:8080/ready")
    with stack.running():
        assert '"ok"' in stack.compose("exec", "-T", "proxy", *ask)


# Creates a note and waits for what the worker makes of it.
MEASURE = """\
import json, time, urllib.request as r
def ask(path, body=None):
    headers = {"Content-Type": "application/json", "Host": "localhost"}
    with r.urlopen(r.Request("http://localhost:8000" + path, body, headers)) as answer:
        return json.load(answer)
note = ask("/api/notes", b'{"title": "Tide", "body": "High at noon"}')
for _ in range(60):
    try:
        print(ask(f"/api/notes/{note['id']}/figures")["words"])
        break
    except r.HTTPError:
        time.sleep(1)
"""


@pytest.mark.docker
@pytest.mark.thorough
def test_pods_work_on_tasks(podman: str, render: Render) -> None:
    """Run before those of the fixture below, which have the same names."""
    slug = stacks.own_name()
    stack = {"framework": "flask", "database": "mysql", "task_queue": "celery"}
    project = render({**stack, "deployment": "kubernetes", "project_slug": slug})
    locking.lock(project)
    programs.run("docker", "build", "--tag", f"{slug}:0.1.0", str(project))
    pods = Pods(podman, manifests.build(project, "development"))
    try:
        for image in pods.images:
            stacks.execute(
                *("sh", "-c", 'docker save "$0" | docker exec -i "$1" podman load', image, podman),
                cwd=project,
            )
        pods.run("tag", f"{slug}:0.1.0", f"localhost/{slug}:0.1.0")
        with pods.playing():
            assert pods.said_while_waiting.keys() == {"beat", "web", "worker"}
            stacks.eventually(lambda: "heartbeat" in pods.execute("worker", "ls", "/tmp"))  # noqa: S108
            assert pods.execute("web", "python", "-c", MEASURE) == "3\n"
            assert pods.inspect("beat")["State"]["Running"]
            assert pods.stop("worker") == 0
    finally:
        stacks.remove_images(slug)


@pytest.fixture(scope="module")
def pods(podman: str, project: Path) -> Iterator[Pods]:
    """Start all that the overlay development has, with the images of production.

    Podman passes over probes, preStop, fsGroup and more than one replica.
    """
    in_podman(podman, project, PRODUCTION).compose("build", "web", "proxy")
    pods = Pods(podman, manifests.build(project, "development"))
    for name in ("harbour-api", "harbour-api-proxy"):
        pods.run("tag", f"{name}:latest", f"localhost/{name}:0.1.0")
    with pods.playing():
        yield pods


@pytest.mark.docker
def test_pods_wait_for_the_migration_and_answer(pods: Pods) -> None:
    assert pods.said_while_waiting.keys() == {"web"}
    assert pods.inspect("migrate")["State"]["ExitCode"] == 0
    retry = ("--retry", "30", "--retry-delay", "1", "--retry-all-errors")
    ask = ("curl", "--fail", "--silent", *retry, "http://localhost:8080/ready")
    assert pods.execute("proxy", *ask) == '{"status":"ok"}'


@pytest.mark.docker
def test_pods_keep_to_the_restricted_standard(pods: Pods) -> None:
    users = {"web": 10001, "migrate": 10001, "proxy": 101, "database": 999}
    for name, user in users.items():
        container = pods.inspect(name)
        assert container["Config"]["User"].split(":")[0] == str(user), name
        assert container["HostConfig"]["ReadonlyRootfs"], name
        assert not container["EffectiveCaps"], name
        assert "no-new-privileges" in container["HostConfig"]["SecurityOpt"], name
    write = "touch /app/mine 2>/dev/null || touch /tmp/mine && echo written"
    assert pods.execute("web", "sh", "-c", write) == "written\n"


@pytest.mark.docker
def test_pods_stop_cleanly(pods: Pods) -> None:
    for name in ("proxy", "web"):
        assert pods.stop(name) == 0, name


def environments(project: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read each of a project's Compose files."""
    for file in sorted(project.glob("compose*.yaml")):
        if file.name != OVERLAY:
            compose = generated.parse(file)
            services = compose["services"].items()
            # What is not a mapping is taken away by one of Compose's tags.
            left = {name: entry for name, entry in services if isinstance(entry, dict)}
            yield file.name, {**compose, "services": left}


def test_nothing_is_left_that_its_api_refuses(projects: Mapping[str, Path]) -> None:
    for name, project in projects.items():
        taken = generated.parse(project / OVERLAY)["services"]
        shared = generated.parse(project / "compose.yaml")["services"]
        assert taken.keys() <= shared.keys(), name
        # A member of a workspace shares servers, and a workspace wants Docker.
        servers = str(generated.read_answers(project).get("shared_servers"))
        for file, compose in environments(project):
            for service, entry in compose["services"].items():
                if service in servers:
                    continue
                where, left = f"{service} of {file} in {name}", taken.get(service, {})
                if "secrets" in (entry.get("build") or {}):
                    assert "secrets" in left["build"], where
                if "start_interval" in (entry.get("healthcheck") or {}):
                    assert "start_interval" in left["healthcheck"], where


def test_every_network_is_declared(projects: Mapping[str, Path]) -> None:
    for name, project in projects.items():
        for file, compose in environments(project):
            named = {
                each for entry in compose["services"].values() for each in entry.get("networks", [])
            }
            assert named <= compose.get("networks", {}).keys(), f"{file} in {name}"


def install(folder: Path, **programs: str) -> dict[str, str]:
    """Fill a folder with programs; return the environment that has nothing else on its PATH."""
    folder.mkdir()
    for name, text in programs.items():
        program = folder / name
        program.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    for name in ("sh", "make", "sed", "awk", "date"):
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    return {"PATH": str(folder)}


def docker(version: str) -> str:
    """Write a docker whose engine has this version, or none answers."""
    answer = f"echo '{version}'" if version else "exit 1"
    return f'if [ "$1" = version ]; then {answer}; else echo "Docker version 29.0"; fi'


def podman_command(version: str) -> str:
    """Write a podman of this version."""
    return f'if [ "$1" = version ]; then echo {version}; else echo "podman version {version}"; fi'


@pytest.mark.parametrize(
    ("programs", "command", "sentence"),
    [
        ({"docker": docker(DOCKER.format("25.0.0"))}, "docker", ""),
        ({"docker": docker(DOCKER.format("100.1"))}, "docker", ""),
        ({"docker": docker("Podman Engine 5.4.2;")}, "docker", ""),
        ({"docker": podman_command("5.4.2")}, "docker", ""),
        ({"podman": podman_command("5.4.2")}, "podman", ""),
        (
            {"podman": podman_command("10.0.0"), "docker": docker(DOCKER.format("29.0"))},
            "docker",
            "",
        ),
        (
            {},
            "",
            "There is no command docker here: install Docker Engine 25 or newer, or Podman 5.",
        ),
        ({"docker": docker("")}, "", "No Docker Engine answers: start it, then run this again."),
        (
            {"docker": docker(DOCKER.format("24.0.7"))},
            "",
            "Docker Engine 24.0.7 is too old for the health checks: install 25 or newer.",
        ),
        (
            {"docker": docker(DOCKER.format("9.1"))},
            "",
            "Docker Engine 9.1 is too old for the health checks: install 25 or newer.",
        ),
        (
            {"podman": podman_command("4.9.4")},
            "",
            "Podman 4.9.4 is too old: install Podman 5 or newer.",
        ),
    ],
)
def test_the_engine_is_found_or_named(
    project: Path, tmp_path: Path, programs: dict[str, str], command: str, sentence: str
) -> None:
    environment = install(tmp_path / "bin", **programs) | {"DOCKER": ""}
    result = stacks.execute("sh", "scripts/engine.sh", cwd=project, **environment)
    assert (result.returncode == 0, result.stdout.strip()) == (bool(command), command or sentence)


def test_make_uses_the_engine_or_says_what_is_missing(project: Path, tmp_path: Path) -> None:
    missing = install(tmp_path / "nothing") | {"DOCKER": ""}
    assert "install Docker" in stacks.execute("make", "dump", cwd=project, **missing).stdout
    there = install(tmp_path / "podman", podman=podman_command("5.4.2")) | {"DOCKER": ""}
    shown = stacks.execute(
        "make", "--dry-run", "up", "production-down", cwd=project, **there
    ).stdout
    assert shown.splitlines() == [
        f"podman compose {' '.join(DEVELOPMENT_FILES)} --file {OVERLAY} up --build",
        f"podman compose {' '.join(PRODUCTION)} --file {OVERLAY} down",
    ]


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"DOCKER": "podman"}, "This needs Docker: with Podman, make production replaces what "),
        ({"TAG": "1.0:7"}, 'TAG must be the tag of an image, as in TAG=1.2.3, not "1.0:7".'),
        ({"TAG": "-q"}, 'TAG must be the tag of an image, as in TAG=1.2.3, not "-q".'),
        (
            {"DEPLOY_TIMEOUT": "2m"},
            'DEPLOY_TIMEOUT must be a number of seconds, such as 120, not "',
        ),
        ({"WEB_REPLICAS": "two"}, 'WEB_REPLICAS must be a number, such as 2, not "two".'),
    ],
)
def test_a_deployment_that_cannot_be_is_refused(
    project: Path, tmp_path: Path, variables: dict[str, str], sentence: str
) -> None:
    engines = {"podman": podman_command("5.4.2"), "docker": docker(DOCKER.format("29.0"))}
    path = f"{install(tmp_path / 'bin', **engines)['PATH']}:{os.environ['PATH']}"
    result = stacks.execute("sh", "scripts/deploy.sh", cwd=project, PATH=path, **variables)
    assert result.returncode == 1
    assert result.stdout.startswith(sentence)
    assert result.stdout.count("\n") == 1
    assert not (project / ".env.lock").is_symlink()


@pytest.mark.parametrize("at_work", [True, False])
def test_a_deployment_waits_for_nobody_who_was_killed(
    project: Path, tmp_path: Path, at_work: bool
) -> None:
    holder = os.getpid() if at_work else 2**22 + 1  # more than there can be
    silent = docker(DOCKER.format("29.0")).replace(
        "else ", 'elif [ "$1" = compose ]; then exit 7; else '
    )
    path = f"{install(tmp_path / 'bin', docker=silent)['PATH']}:{os.environ['PATH']}"
    lock = project / ".env.lock"
    lock.symlink_to(str(holder))
    result = stacks.execute("sh", "scripts/deploy.sh", cwd=project, PATH=path)
    assert (result.returncode == 1) == at_work
    assert ("Another deployment is at work here" in result.stdout) == at_work
    assert lock.is_symlink() == at_work
    lock.unlink(missing_ok=True)
