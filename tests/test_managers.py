"""Every dependency manager installs what its lock says, and leaves nothing else in the image."""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import kit
import pytest
import reproduction
import stacks
from conftest import Render

MANAGERS = kit.choices()["dependency_manager"]
MANIFESTS = ("pyproject.toml", "Pipfile", "requirements/*.in")
LOCKS = ("*.lock", "requirements/*.txt")
WITH_MANAGERS = pytest.mark.parametrize("manager", MANAGERS)

pytestmark = pytest.mark.docker


@dataclass(frozen=True)
class Service:
    """The default service, locked by one manager, and its production image."""

    project: Path
    image: str
    files: Mapping[Path, bytes]  # the manifests and the locks

    def build(self, dockerfile: str = "Dockerfile") -> str:
        """Build an image that has to fail; return what was printed."""
        arguments = ("build", "--progress=plain", f"--file={dockerfile}", ".")
        result = stacks.execute("docker", *arguments, cwd=self.project)
        assert result.returncode != 0, result.stdout
        return result.stdout

    def run(self, script: str) -> str:
        """Run a script in the production image; return what it prints."""
        arguments = ("run", "--rm", "--entrypoint=sh", self.image, "-euc", script)
        return kit.run("docker", *arguments)

    def put_back(self) -> None:
        """Undo what was done to the manifests and the locks."""
        for file, content in self.files.items():
            file.write_bytes(content)


ServiceOf = Callable[[str], Service]


@pytest.fixture(scope="module")
def service_of(engine: None, render: Render) -> Iterator[ServiceOf]:
    """Make the service of a manager when it is first asked for; remove the images in the end."""
    images = []

    @cache
    def make(manager: str) -> Service:
        image = f"harbour-{uuid.uuid4().hex[:8]}"
        project = render({"dependency_manager": manager, "project_slug": image})
        stacks.lock(project)
        reproduction.build(project, image)
        images.append(image)
        files = [*kit.files(project, *MANIFESTS), *kit.files(project, *LOCKS)]
        return Service(project, image, {file: file.read_bytes() for file in files})

    yield make
    if images:
        kit.run("docker", "image", "rm", "--force", *images)


@WITH_MANAGERS
def test_a_second_lock_changes_nothing(service_of: ServiceOf, manager: str) -> None:
    service = service_of(manager)
    stacks.lock(service.project)
    assert {file: file.read_bytes() for file in service.files} == service.files


@WITH_MANAGERS
def test_a_stale_lock_is_refused(service_of: ServiceOf, manager: str) -> None:
    service = service_of(manager)
    for file in kit.files(service.project, *MANIFESTS):
        text = file.read_text("utf-8")
        file.write_text(re.sub(r"^(\W*structlog\W*?)>=[\d.]+", r"\1<1", text, flags=re.MULTILINE))
    try:
        assert re.search(r"(make|uv) lock", service.build())
    finally:
        service.put_back()


@WITH_MANAGERS
@pytest.mark.parametrize("dockerfile", ["Dockerfile", "Dockerfile.dev"])
def test_a_missing_lock_is_refused(service_of: ServiceOf, manager: str, dockerfile: str) -> None:
    service = service_of(manager)
    for file in kit.files(service.project, *LOCKS):
        file.unlink()
    try:
        assert re.search(r"(make|uv) lock|development\.txt", service.build(dockerfile))
    finally:
        service.put_back()


@WITH_MANAGERS
def test_no_tool_is_in_the_production_image(service_of: ServiceOf, manager: str) -> None:
    service = service_of(manager)
    assert service.run("ls /opt").split() == ["venv"]
    assert service.run("command -v uv poetry pipenv || true") == ""
    installed = set(service.run("cd /opt/venv && ls bin lib/python*/site-packages").split())
    assert not installed & {"pip", "setuptools", "uv", "poetry", "pipenv", "virtualenv", "pytest"}


def test_the_images_of_all_managers_hold_the_same(service_of: ServiceOf) -> None:
    every = [service_of(manager) for manager in MANAGERS]
    sizes = [
        int(kit.run("docker", "image", "inspect", "--format={{.Size}}", service.image))
        for service in every
    ]
    assert max(sizes) <= 1.03 * min(sizes), dict(zip(MANAGERS, sizes, strict=True))

    listings = [service.run("cd /opt/venv && find lib -name '*.py*' | sort") for service in every]
    assert listings[1:] == listings[:1] * (len(every) - 1)


@WITH_MANAGERS
def test_the_same_source_and_lock_give_the_same_image(service_of: ServiceOf, manager: str) -> None:
    service = service_of(manager)
    again = f"{service.image}:again"
    reproduction.build(service.project, again, "--no-cache")
    try:
        assert reproduction.digest(again) == reproduction.digest(service.image)
    finally:
        kit.run("docker", "image", "rm", "--force", again)


def test_the_user_does_not_tell_the_day_of_the_build(service_of: ServiceOf) -> None:
    arguments = ("run", "--rm", "--user=0", "--entrypoint=grep", service_of("uv").image)
    assert kit.run("docker", *arguments, "^app:", "/etc/shadow").startswith("app:!::")
