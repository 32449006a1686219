"""Images are built from a private index, whose credentials nothing keeps, or from wheels."""

import base64
import gzip
import hashlib
import os
import re
import tarfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import kit
import pytest
import stacks
from conftest import Render
from pip._internal.models.index import PyPI

SERVER = Path(__file__).with_name("package_index.py")
EXAMPLE = "https://packages.example.com/simple"  # of the README
PASSWORD = uuid.uuid4().hex
LEVEL = uuid.uuid4().hex  # of the tide: no build finds an earlier run's package in the cache
LOGIN = f"ada:{PASSWORD}"
SECRETS = tuple(text.encode() for text in (PASSWORD, base64.b64encode(LOGIN.encode()).decode()))

# The only dependency, which no other index has
PROJECT = """
[project]
name = "quay"
version = "1"
requires-python = ">=3.14,<4"
dependencies = ["harbour-tides"]

[dependency-groups]
production = []
"""
MANIFESTS = {
    "uv": {"pyproject.toml": PROJECT},
    "pip": {
        "requirements/base.in": "harbour-tides\n",
        "requirements/production.in": "-r base.in\n",
        "requirements/testing.in": "-r base.in\n",
    },
    "poetry": {
        "pyproject.toml": PROJECT
        + "[tool.poetry]\npackage-mode = false\n[tool.poetry.group.production]\noptional = true\n"
    },
    "pipenv": {
        "Pipfile": '[requires]\npython_version = "3.14"\n[packages]\nharbour-tides = "*"\n'
        "[production]\n[dev-packages]\n"
    },
}
TAGS = ("build", "latest", "development")
MOUNT = "--secret=id=netrc,env=INDEX_CREDENTIALS"
WITH_MANAGERS = pytest.mark.parametrize("manager", MANIFESTS)

pytestmark = pytest.mark.docker


@dataclass(frozen=True)
class Index:
    """A package index that asks for credentials, in a container beside those of builds."""

    container: str
    host: str

    @property
    def credentials(self) -> str:
        """Write what a netrc file would say."""
        return f"machine {self.host} login {LOGIN.replace(':', ' password ')}"

    def log(self) -> str:
        """List the requests and how they ended."""
        return kit.run("docker", "logs", self.container)


@dataclass(frozen=True)
class Service:
    """A service that needs a private package, locked and built by one manager."""

    project: Path
    image: str
    environment: dict[str, str]

    def run(self, name: str, *arguments: str) -> str:
        """Run a program that knows the credentials; return what it printed."""
        result = stacks.execute(name, *arguments, cwd=self.project, **self.environment)
        assert result.returncode == 0, result.stdout
        return result.stdout

    def tides(self, tag: str) -> str:
        """Let an image use the private package."""
        code = "import harbour_tides; print(harbour_tides.LEVEL)"
        arguments = ("run", "--rm", "--entrypoint=python", f"{self.image}:{tag}", "-c", code)
        return kit.run("docker", *arguments).strip()


ServiceOf = Callable[[str], Service]


@pytest.fixture(scope="module")
def index(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """Build a package and serve it."""
    source = tmp_path_factory.mktemp("harbour-tides")
    (source / "harbour_tides.py").write_text(f'LEVEL = "{LEVEL}"\n', "utf-8")
    (source / "pyproject.toml").write_text(
        '[project]\nname = "harbour-tides"\nversion = "1.0"\nrequires-python = ">=3"\n'
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n',
        "utf-8",
    )
    kit.run("hatchling", "build", "--target", "wheel", cwd=source)
    served = tmp_path_factory.mktemp("served")
    folder = served / "simple" / "harbour-tides"
    folder.mkdir(parents=True)
    (wheel,) = (source / "dist").iterdir()
    wheel.rename(folder / wheel.name)
    digest = hashlib.sha256((folder / wheel.name).read_bytes()).hexdigest()
    link = f'<a href="{wheel.name}#sha256={digest}">{wheel.name}</a>\n'
    (folder / "index.html").write_text(link, "utf-8")

    image = kit.load_extension().read_images()["python-3.14-slim"]
    container = kit.run(
        *("docker", "run", "--detach", "--rm", f"--volume={SERVER.parent}:/tests:ro"),
        *(f"--volume={served}:/served:ro", image, "python", "-u", f"/tests/{SERVER.name}"),
        *("/served", LOGIN, PyPI.simple_url),
    ).strip()
    try:
        address = "{{.NetworkSettings.Networks.bridge.IPAddress}}"
        host = kit.run("docker", "inspect", "--format", address, container).strip()
        yield Index(container, host)
    finally:
        kit.run("docker", "rm", "--force", container)


def point_at(project: Path, manager: str, host: str) -> None:
    """Name the index as the README says, but without TLS."""
    readme = (project / "README.md").read_text("utf-8")
    assert EXAMPLE in readme
    address = f"http://{host}:8080/simple"
    for source in re.findall(r"^```toml\n(\[\[.+?)```", readme, re.DOTALL | re.MULTILINE):
        with next(iter(kit.files(project, *MANIFESTS[manager]))).open("a") as manifest:
            manifest.write(source.replace(EXAMPLE, address).replace("ssl = true", "ssl = false"))
    stages = {"Dockerfile": "build", **({"Dockerfile.dev": "base"} if manager == "pip" else {})}
    for name, stage in stages.items():
        text = (project / name).read_text("utf-8")
        setting = f"ENV PIP_INDEX_URL={address} PIP_TRUSTED_HOST={host}"
        assert f" AS {stage}\n" in text
        text = text.replace(f" AS {stage}\n", f" AS {stage}\n{setting}\n")
        (project / name).write_text(text, "utf-8")


@pytest.fixture(scope="module")
def service_of(
    index: Index, render: Render, bare_path: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceOf]:
    """Make the service of a manager when it is first asked for; remove the images in the end."""
    docker = tmp_path_factory.mktemp("docker")
    (docker / "docker").symlink_to(kit.tool("docker"))
    environment = {
        "PATH": f"{docker}{os.pathsep}{bare_path}",  # lock in a container
        "INDEX_CREDENTIALS": index.credentials,
    }
    services = []

    @cache
    def make(manager: str) -> Service:
        image = f"harbour-{uuid.uuid4().hex[:8]}"
        answers = {"framework": "cli", "dependency_manager": manager, "project_slug": image}
        project = render({**answers, "package_name": "harbour"})
        for name, text in MANIFESTS[manager].items():
            (project / name).write_text(text, "utf-8")
        for file in kit.files(project, "requirements/development.in"):
            tool = re.findall("^pip-tools.+", file.read_text("utf-8"), re.MULTILINE)
            file.write_text("\n".join(["-r testing.in", *tool, ""]), "utf-8")
        point_at(project, manager, index.host)
        service = Service(project, image, environment)
        services.append(service)
        return service

    yield make
    tags = [f"{service.image}:{tag}" for service in services for tag in TAGS]
    stacks.execute("docker", "image", "rm", "--force", *tags, cwd=docker)


@WITH_MANAGERS
def test_a_private_index_serves_who_has_the_credentials_and_nothing_keeps_them(
    service_of: ServiceOf, index: Index, manager: str, tmp_path: Path
) -> None:
    service = service_of(manager)
    log = [service.run("sh", "scripts/lock.sh")]
    assert "harbour-tides" in "".join(kit.read_tree(service.project).values())

    without = stacks.execute("docker", "build", "--progress=plain", ".", cwd=service.project)
    assert without.returncode != 0
    assert re.search(r"\b401 Unauthorized|set INDEX_CREDENTIALS", without.stdout), without.stdout
    assert "Traceback" not in without.stdout

    served = index.log()
    build = ("build", "--progress=plain", MOUNT)
    log.append(service.run("docker", *build, "--target=build", f"--tag={service.image}:build", "."))
    log.append(service.run("docker", *build, f"--tag={service.image}:latest", "."))
    log.append(service.run("docker", "compose", "--progress=plain", "build"))
    assert [service.tides(tag) for tag in ("latest", "development")] == [LEVEL] * 2
    asked = index.log().removeprefix(served)
    answered = re.findall(r'"GET /simple/harbour-tides/(\S*) HTTP/1.1" 200', asked)
    assert any(answered), asked  # the wheel, which Poetry keeps for the second image
    assert len(answered) >= 2, asked

    project = kit.read_tree(service.project)
    images = [f"{service.image}:{tag}" for tag in TAGS]
    details = kit.run("docker", "image", "inspect", *images)
    history = "".join(kit.run("docker", "history", "--no-trunc", image) for image in images)
    for text in (without.stdout, *log, *project.values(), details, history):
        assert not [secret for secret in SECRETS if secret in text.encode()], text
    kit.run("docker", "save", "--output", tmp_path / "images", *images)
    for content in contents(tmp_path / "images"):
        assert not [secret for secret in SECRETS if secret in content]
    if manager == "pip":
        assert f"{index.host}:8080" not in "".join(
            text for path, text in project.items() if path.endswith(".txt")
        )


@WITH_MANAGERS
def test_vendored_wheels_are_enough_where_there_is_no_network(
    service_of: ServiceOf, index: Index, manager: str
) -> None:
    service = service_of(manager)
    if not kit.files(service.project, "*.lock", "requirements/*.txt"):
        service.run("sh", "scripts/lock.sh")
    make = ("--silent", "-C", str(service.project))
    refused = stacks.execute("make", *make, "image-offline", cwd=service.project)
    assert refused.returncode != 0
    assert re.search("^The wheels are missing .* run 'make vendor'", refused.stdout)

    service.run("make", *make, "vendor")
    wheels = {file.name for file in (service.project / "wheels").glob("*.whl")}
    assert wheels == {"harbour_tides-1.0-py3-none-any.whl"}

    kit.run("docker", "image", "rm", "--force", f"{service.image}:latest")
    served = index.log()
    service.run("make", *make, "image-offline")
    assert service.tides("latest") == LEVEL
    assert index.log() == served

    lock = next(iter(kit.files(service.project, "*.lock", "requirements/production.txt")))
    lock.write_text(lock.read_text("utf-8") + "\n", "utf-8")
    refused = stacks.execute("make", *make, "image-offline", cwd=service.project)
    assert refused.returncode != 0
    assert re.search(f"^The wheels .* do not fit .*{lock.name}:", refused.stdout)


def contents(saved: Path) -> Iterator[bytes]:
    """Read all that saved images consist of: descriptions, and layers as archives."""
    with tarfile.open(saved) as archive:
        for member in archive:
            if file := archive.extractfile(member):
                content = file.read()
                yield gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
