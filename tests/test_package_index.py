"""Images are built from a private index, whose credentials nothing keeps, or from wheels.

The index is certified by an authority of its own, and half of what the service needs lies in the
project itself.
"""

import base64
import gzip
import hashlib
import os
import re
import shutil
import ssl
import tarfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import generated
import image_digests
import programs
import pytest
import stacks
from conftest import Render
from pip._internal.models.index import PyPI
from repository import ROOT
from sampling import some

from extensions import decisions

SERVER = ROOT / "tests" / "support" / "index_server.py"
PYTHON = decisions.read_images()["python-3.14-slim"]
EXAMPLE = "https://packages.example.com/simple"  # of docs/dependencies.md
PASSWORD = uuid.uuid4().hex
LEVEL = uuid.uuid4().hex  # of the tide: no build finds an earlier run's package in the cache
LOGIN = f"ada:{PASSWORD}"
SECRETS = tuple(text.encode() for text in (PASSWORD, base64.b64encode(LOGIN.encode()).decode()))

# A package in the project, and its only dependency, which no other index has
PACKAGE = """
[project]
name = "{name}"
version = "1.0"
requires-python = ">=3"
dependencies = {dependencies}

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""
CHART = "libs/harbour-charts/src/harbour_charts/__init__.py"
LIBS = {
    "libs/harbour-charts/pyproject.toml": PACKAGE.format(
        name="harbour-charts", dependencies=["harbour-tides"]
    ),
    CHART: "from harbour_tides import LEVEL\n\nCHART = 'first'\n",
}
PROJECT = """
[project]
name = "quay"
version = "1"
requires-python = ">=3.14,<4"
dependencies = ["harbour-charts"]

[dependency-groups]
production = []
"""
MANIFESTS = {
    "uv": {
        "pyproject.toml": PROJECT
        + '[tool.uv.sources]\nharbour-charts = { path = "libs/harbour-charts", editable = true }\n'
    },
    "pip": {
        "requirements/base.in": "./libs/harbour-charts\n",
        "requirements/production.in": "-r base.in\n",
        "requirements/testing.in": "-r base.in\n",
    },
    "poetry": {
        "pyproject.toml": PROJECT + "[tool.poetry.dependencies]\n"
        'harbour-charts = { path = "libs/harbour-charts", develop = true }\n'
        "[tool.poetry]\npackage-mode = false\n[tool.poetry.group.production]\noptional = true\n"
    },
    "pipenv": {
        "Pipfile": '[requires]\npython_version = "3.14"\n[packages]\n'
        'harbour-charts = { path = "./libs/harbour-charts", editable = true }\n'
        "[production]\n[dev-packages]\n"
    },
}
TUGS = "tugs @ git+https://git.invalid/tugs.git"
GIT_DEPENDENCY: Mapping[str, Callable[[str], str]] = {
    "uv": lambda text: text.replace('["harbour-charts"', f'["{TUGS}", "harbour-charts"'),
    "pip": lambda text: f"{text}{TUGS}\n",
    "poetry": lambda text: text.replace('["harbour-charts"', f'["{TUGS}", "harbour-charts"'),
    "pipenv": lambda text: text.replace(
        "[packages]\n",
        '[packages]\ntugs = { git = "https://git.invalid/tugs.git", ref = "main" }\n',
    ),
}
TAGS = ("build", "latest", "development")
MOUNT = "--secret=id=netrc,env=INDEX_CREDENTIALS"
WITH_MANAGERS = pytest.mark.parametrize("manager", some(MANIFESTS, one_in=4))

pytestmark = pytest.mark.docker


@dataclass(frozen=True)
class Index:
    """A package index that asks for credentials, in a container beside those of builds."""

    container: str
    host: str
    authority: Path  # the certificate that certifies the index

    @property
    def credentials(self) -> str:
        """Write what a netrc file would say."""
        return f"machine {self.host} login {LOGIN.replace(':', ' password ')}"

    @property
    def address(self) -> str:
        """Name the index without its credentials."""
        return f"https://{self.host}:8443/simple"

    def log(self) -> str:
        """List the requests and how they ended."""
        return programs.run("docker", "logs", self.container)


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

    def build(self) -> None:
        """Build both images, and lock before that if nothing is locked."""
        if not generated.files(self.project, "*.lock", "requirements/*.txt"):
            self.run("sh", "scripts/lock.sh")
        self.run("docker", "build", MOUNT, f"--tag={self.image}:latest", ".")
        self.run("docker", "compose", "build")

    def fail(self, name: str, *arguments: str) -> str:
        """Run a program that has to fail; return what it printed."""
        result = stacks.execute(name, *arguments, cwd=self.project, **self.environment)
        assert result.returncode != 0, result.stdout
        return result.stdout

    def tides(self, tag: str) -> list[str]:
        """Let an image use the package in the project, and by that the private one."""
        return self.python(tag, "import harbour_charts as h; print(h.LEVEL, h.CHART)").split()

    def python(self, tag: str, code: str) -> str:
        """Run code in an image, in which development has the project."""
        mount = [f"--volume={self.project}:/app:ro"] if tag == "development" else []
        arguments = (*mount, "--entrypoint=python", f"{self.image}:{tag}", "-c", code)
        return programs.run("docker", "run", "--rm", *arguments).strip()


ServiceOf = Callable[[str], Service]


@pytest.fixture(scope="module")
def index(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """Build a package and serve it."""
    source = tmp_path_factory.mktemp("harbour-tides")
    (source / "harbour_tides.py").write_text(f'LEVEL = "{LEVEL}"\n', "utf-8")
    manifest = PACKAGE.format(name="harbour-tides", dependencies=[])
    (source / "pyproject.toml").write_text(manifest, "utf-8")
    programs.run("hatchling", "build", "--target", "wheel", cwd=source)
    served = tmp_path_factory.mktemp("served")
    folder = served / "simple" / "harbour-tides"
    folder.mkdir(parents=True)
    (wheel,) = (source / "dist").iterdir()
    wheel.rename(folder / wheel.name)
    digest = hashlib.sha256((folder / wheel.name).read_bytes()).hexdigest()
    link = f'<a href="{wheel.name}#sha256={digest}">{wheel.name}</a>\n'
    (folder / "index.html").write_text(link, "utf-8")

    certificates = tmp_path_factory.mktemp("certificates")
    container = programs.run(
        *("docker", "run", "--detach", "--rm", f"--volume={SERVER.parent}:/support:ro"),
        *(f"--volume={served}:/served:ro", f"--volume={certificates}:/certificates:ro"),
        *(PYTHON, "python", "-u", f"/support/{SERVER.name}"),
        *("/served", "/certificates/server.pem", LOGIN, PyPI.simple_url),
    ).strip()
    try:
        address = "{{.NetworkSettings.Networks.bridge.IPAddress}}"
        host = programs.run("docker", "inspect", "--format", address, container).strip()
        certify(certificates, host)
        yield Index(container, host, certificates / "quay.crt")
    finally:
        programs.run("docker", "rm", "--force", container)


def certify(folder: Path, host: str) -> None:
    """Make an authority, and the certificate of an address."""
    request = (
        *("req", "-x509", "-newkey", "rsa:2048", "-noenc", "-subj", "/CN=Quay", "-days", "2"),
        "-addext",
    )
    programs.run(
        "openssl",
        *(*request, "keyUsage=critical,keyCertSign,cRLSign"),
        *("-keyout", "quay.key", "-out", "quay.crt"),
        cwd=folder,
    )
    programs.run(
        "openssl",
        *(*request, f"subjectAltName=IP:{host}", "-addext", "basicConstraints=critical,CA:FALSE"),
        *("-CA", "quay.crt", "-CAkey", "quay.key", "-keyout", "key.pem", "-out", "cert.pem"),
        cwd=folder,
    )
    both = "".join((folder / name).read_text() for name in ("key.pem", "cert.pem"))
    (folder / "new.pem").write_text(both)
    (folder / "new.pem").rename(folder / "server.pem")


@pytest.fixture(scope="module")
def base(engine: None) -> Iterator[str]:
    """Free the base image from all settings, such as where certificates are, that it may have."""
    image = f"harbour-{uuid.uuid4().hex[:8]}:base"
    container = programs.run("docker", "create", PYTHON).strip()
    path = "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
    script = f"docker export {container} | docker import --change '{path}' - {image}"
    try:
        programs.run("sh", "-euc", script)
        yield image
    finally:
        programs.run("docker", "rm", container)
        stacks.execute("docker", "image", "rm", "--force", image, cwd=ROOT)


def point_at(project: Path, manager: str, address: str) -> None:
    """Name the index as docs/dependencies.md says."""
    text = (project / "docs" / "dependencies.md").read_text("utf-8")
    assert EXAMPLE in text
    for source in re.findall(r"^```toml\n(\[\[.+?)```", text, re.DOTALL | re.MULTILINE):
        with next(iter(generated.files(project, *MANIFESTS[manager]))).open("a") as manifest:
            manifest.write(source.replace(EXAMPLE, address))
    stages = {"Dockerfile": "build", **({"Dockerfile.dev": "base"} if manager == "pip" else {})}
    for name, stage in stages.items():
        text = (project / name).read_text("utf-8")
        setting = f"ENV PIP_INDEX_URL={address}"
        assert f" AS {stage}\n" in text
        text = text.replace(f" AS {stage}\n", f" AS {stage}\n{setting}\n")
        (project / name).write_text(text, "utf-8")


@pytest.fixture(scope="module")
def service_of(
    index: Index,
    base: str,
    render: Render,
    bare_path: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ServiceOf]:
    """Make the service of a manager when it is first asked for; remove the images in the end."""
    docker = tmp_path_factory.mktemp("docker")
    (docker / "docker").symlink_to(programs.tool("docker"))
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
        for name, text in {**MANIFESTS[manager], **LIBS}.items():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_text(text, "utf-8")
        (project / "ca-certificates").mkdir()
        shutil.copy(index.authority, project / "ca-certificates")
        for file in generated.files(project, "Dockerfile*"):
            file.write_text(file.read_text("utf-8").replace(f"FROM {PYTHON}", f"FROM {base}"))
        for file in generated.files(project, "requirements/development.in"):
            tool = re.findall("^pip-tools.+", file.read_text("utf-8"), re.MULTILINE)
            file.write_text("\n".join(["-r testing.in", *tool, ""]), "utf-8")
        point_at(project, manager, index.address)
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
    assert "harbour-tides" in "".join(generated.read_tree(service.project).values())

    without = stacks.execute("docker", "build", "--progress=plain", ".", cwd=service.project)
    assert without.returncode != 0
    assert re.search(r"\b401 Unauthorized|set INDEX_CREDENTIALS", without.stdout), without.stdout
    assert "Traceback" not in without.stdout

    served = index.log()
    build = ("build", "--progress=plain", MOUNT)
    log.append(service.run("docker", *build, "--target=build", f"--tag={service.image}:build", "."))
    log.append(service.run("docker", *build, f"--tag={service.image}:latest", "."))
    log.append(service.run("docker", "compose", "--progress=plain", "build"))
    assert [service.tides(tag) for tag in ("latest", "development")] == [[LEVEL, "first"]] * 2
    asked = index.log().removeprefix(served)
    answered = re.findall(r'"GET /simple/harbour-tides/(\S*) HTTP/1.1" 200', asked)
    assert any(answered), asked  # the wheel, which Poetry keeps for the second image
    assert len(answered) >= 2, asked

    project = generated.read_tree(service.project)
    images = [f"{service.image}:{tag}" for tag in TAGS]
    details = programs.run("docker", "image", "inspect", *images)
    history = "".join(programs.run("docker", "history", "--no-trunc", image) for image in images)
    for text in (without.stdout, *log, *project.values(), details, history):
        assert not [secret for secret in SECRETS if secret in text.encode()], text
    programs.run("docker", "save", "--output", tmp_path / "images", *images)
    for content in contents(tmp_path / "images"):
        assert not [secret for secret in SECRETS if secret in content]
    if manager == "pip":
        assert index.host not in "".join(
            text for path, text in project.items() if path.endswith(".txt")
        )


def test_an_authority_is_trusted_because_its_certificate_is_there(
    service_of: ServiceOf, index: Index
) -> None:
    service = service_of("uv")
    service.build()
    code = (
        "import socket, ssl;"
        f"connection = socket.create_connection(({index.host!r}, 8443));"
        "context = ssl.create_default_context();"
        f"print(context.wrap_socket(connection, server_hostname={index.host!r}).version())"
    )
    for tag in ("latest", "development"):
        assert service.python(tag, code).startswith("TLS")
        trusts_others = "import ssl; print(len(ssl.create_default_context().get_ca_certs()) > 50)"
        assert service.python(tag, trusts_others) == "True"

    certificate = service.project / "ca-certificates" / index.authority.name
    lock = ("sh", "scripts/lock.sh", "--upgrade")
    content = certificate.read_bytes()
    try:
        certificate.write_bytes(ssl.PEM_cert_to_DER_cert(content.decode()))
        assert f" ca-certificates/{certificate.name} is not in PEM: " in service.fail(*lock)

        certificate.unlink()
        assert "UnknownIssuer" in service.fail(*lock)
    finally:
        certificate.write_bytes(content)


@WITH_MANAGERS
def test_an_edit_of_a_package_in_the_project_reaches_the_images(
    service_of: ServiceOf, manager: str
) -> None:
    service = service_of(manager)
    service.build()
    assert service.tides("latest") == service.tides("development") == [LEVEL, "first"]
    chart = service.project / CHART
    before = chart.read_text("utf-8")
    try:
        chart.write_text(before.replace("first", "second"), "utf-8")
        assert service.tides("development") == [LEVEL, "second"]
        service.build()
        for tag in ("latest", "development"):
            assert service.tides(tag) == [LEVEL, "second"]
    finally:
        chart.write_text(before, "utf-8")


@WITH_MANAGERS
def test_a_package_in_the_project_makes_no_image_another(
    service_of: ServiceOf, manager: str
) -> None:
    service = service_of(manager)
    service.build()
    tag = f"{service.image}:build"
    options = (MOUNT, f"--build-arg=SOURCE_DATE_EPOCH={image_digests.EPOCH}")
    digests = set()
    for _ in range(2):
        (service.project / CHART).touch()
        service.run("docker", "build", *options, "--no-cache-filter=build", f"--tag={tag}", ".")
        digests.add(image_digests.digest(tag))
    assert len(digests) == 1


@WITH_MANAGERS
def test_what_lacks_a_package_of_the_distribution_is_told_the_answer(
    service_of: ServiceOf, manager: str
) -> None:
    service = service_of(manager)
    service.build()
    manifest = service.project / next(iter(MANIFESTS[manager]))
    before = manifest.read_text("utf-8")
    chart = service.project / CHART
    answer = "If Git, a compiler or a header is missing, the answer os_packages_build adds it"
    try:
        manifest.write_text(GIT_DEPENDENCY[manager](before), "utf-8")
        refused = service.fail("sh", "scripts/lock.sh")
        assert re.search(
            r"\bgit\b.*(not found|missing|Cannot find)|(find|find command).*\bgit\b",
            refused,
            re.IGNORECASE,
        )
        assert answer in refused

        manifest.write_text(before, "utf-8")
        chart.rename(chart.with_name("kept"))
        for dockerfile in ("Dockerfile", "Dockerfile.dev"):
            build = ("docker", "build", MOUNT, f"--file={dockerfile}", "--progress=plain", ".")
            assert answer in service.fail(*build)
    finally:
        manifest.write_text(before, "utf-8")
        if not chart.exists():
            chart.with_name("kept").rename(chart)


@WITH_MANAGERS
def test_vendored_wheels_are_enough_where_there_is_no_network(
    service_of: ServiceOf, index: Index, manager: str
) -> None:
    service = service_of(manager)
    service.build()
    make = ("--silent", "-C", str(service.project))
    refused = stacks.execute("make", *make, "image-offline", cwd=service.project)
    assert refused.returncode != 0
    assert re.search("^The wheels are missing .* run 'make vendor'", refused.stdout)

    service.run("make", *make, "vendor")
    wheels = {file.name for file in (service.project / "wheels").glob("*.whl")}
    assert wheels == {f"harbour_{name}-1.0-py3-none-any.whl" for name in ("charts", "tides")}

    programs.run("docker", "image", "rm", "--force", f"{service.image}:latest")
    served = index.log()
    service.run("make", *make, "image-offline")
    assert service.tides("latest") == [LEVEL, "first"]
    assert index.log() == served

    lock = next(iter(generated.files(service.project, "*.lock", "requirements/production.txt")))
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
