"""Every dependency manager installs what its lock says, and leaves nothing else in the image.

Whoever looks into the dependencies, whatever installed them, sees the same.
"""

import json
import re
import subprocess
import tomllib
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import generated
import image_digests
import locking
import osv_server
import programs
import pytest
import questions
import renovate
import stacks
import updating
from conftest import Render
from sampling import some

MANAGERS = questions.choices()["dependency_manager"]
MANIFESTS = ("pyproject.toml", "Pipfile", "requirements/*.in")
LOCKS = ("*.lock", "requirements/*.txt")

# What OSV is made to know, in production and in development, and what the project accepts of it.
KNOWN = {"fastapi": "CVE-2026-0001", "pytest": "CVE-2026-0002", "uvicorn": "CVE-2026-0003"}
ACCEPTED = """
vulnerabilities:
  - id: CVE-2026-0001
    expired_at: 9999-12-31
  - id: "CVE-2026-0002" # not for ever
    expired_at: 2020-12-31
  - id: CVE-2026-0003
"""

WITH_MANAGERS = pytest.mark.parametrize("manager", MANAGERS)
WITH_SOME = pytest.mark.parametrize("manager", some(MANAGERS, one_in=2))

pytestmark = pytest.mark.docker


@dataclass(frozen=True)
class Service:
    """A service without a database, locked by one manager, and its production image."""

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
        return programs.run("docker", *arguments)

    def script(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run one of the project's scripts; say how it ended and what it printed."""
        return stacks.execute("sh", *arguments, cwd=self.project, **environment)

    def inspect(self, *command: str) -> str:
        """Run a command beside the dependencies; return what it prints."""
        inspected = subprocess.run(
            ["sh", "scripts/inspect.sh", *command],
            cwd=self.project,
            capture_output=True,
            text=True,
            check=False,
        )
        assert inspected.returncode == 0, inspected.stderr
        return inspected.stdout

    @cached_property
    def packages(self) -> dict[str, str]:
        """Map what the production image says that it has installed to its version."""
        lines = self.run("cat /opt/venv/packages.txt").splitlines()
        assert lines == sorted(lines)
        return dict(line.split("==") for line in lines)

    def locked(self) -> set[tuple[str, str]]:
        """List the packages that are locked, for whatever environment, with their versions."""
        found = set()
        for file in generated.files(self.project, *LOCKS):
            text = file.read_text("utf-8")
            if file.suffix == ".txt":
                found.update(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", text, re.MULTILINE))
            elif file.name == "Pipfile.lock":
                groups = [group for name, group in json.loads(text).items() if name != "_meta"]
                found.update((n, p["version"][2:]) for group in groups for n, p in group.items())
            else:
                found.update((p["name"], p["version"]) for p in tomllib.loads(text)["package"])
        return found

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
        answers = {"dependency_manager": manager, "database": "none"}  # few wheels to be hashed
        answers["dependency_updates"] = "renovate"  # which is particular about locks
        project = render({**answers, "project_slug": image})
        locking.lock(project)
        image_digests.build(project, image)
        images.append(image)
        files = [*generated.files(project, *MANIFESTS), *generated.files(project, *LOCKS)]
        return Service(project, image, {file: file.read_bytes() for file in files})

    yield make
    for image in images:
        tags = programs.run("docker", "images", "--format={{.Repository}}:{{.Tag}}", image).split()
        programs.run("docker", "image", "rm", "--force", *tags)


def test_renovate_reads_the_locks(
    service_of: ServiceOf, tmp_path_factory: pytest.TempPathFactory
) -> None:
    projects = [
        renovate.commit(service_of(manager).project, tmp_path_factory.mktemp(manager))
        for manager in MANAGERS
    ]
    for manager, found in zip(MANAGERS, renovate.ask(projects), strict=True):
        by = {"uv": "pep621", "pip": "pip-compile"}.get(manager, manager)
        wanted = [
            each
            for reader, _, each in found.dependencies()
            if reader == by and each["datasource"] == "pypi" and each.get("enabled") is not False
        ]
        names = {each["depName"] for each in wanted}
        assert names >= {"fastapi", "uvicorn", "pytest", "ruff"}
        locked = {each["depName"] for each in wanted if "lockedVersion" in each}
        assert locked == (set() if manager == "pipenv" else names)
        assert ("lockFileMaintenance", by) in {
            (update["updateType"], update["manager"]) for update in found.updates
        }


@WITH_SOME
def test_a_second_lock_changes_nothing(service_of: ServiceOf, manager: str) -> None:
    service = service_of(manager)
    locking.lock_anew(service.project)
    assert {file: file.read_bytes() for file in service.files} == service.files


@WITH_MANAGERS
def test_a_stale_lock_is_refused(service_of: ServiceOf, manager: str) -> None:
    service = service_of(manager)
    for file in generated.files(service.project, *MANIFESTS):
        text = file.read_text("utf-8")
        file.write_text(re.sub(r"^(\W*structlog\W*?)>=[\d.]+", r"\1<1", text, flags=re.MULTILINE))
    try:
        lines = re.findall(r"^#\d+ [\d.]+ (.+)", service.build(), re.MULTILINE)
        assert lines[-1].endswith("run 'make lock'.")
        drift = service.script("scripts/check-drift.sh", service.image)
        assert drift.returncode == 2
        assert re.search(r"(make|uv) lock", drift.stdout)
        assert "The lock cannot be installed, for the reason above." in drift.stdout
    finally:
        service.put_back()


@WITH_SOME
@pytest.mark.parametrize("dockerfile", ["Dockerfile", "Dockerfile.dev"])
def test_a_missing_lock_is_refused(service_of: ServiceOf, manager: str, dockerfile: str) -> None:
    service = service_of(manager)
    for file in generated.files(service.project, *LOCKS):
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
        int(programs.run("docker", "image", "inspect", "--format={{.Size}}", service.image))
        for service in every
    ]
    assert max(sizes) <= 1.03 * min(sizes), dict(zip(MANAGERS, sizes, strict=True))

    listings = [service.run("cd /opt/venv && find lib -name '*.py*' | sort") for service in every]
    assert listings[1:] == listings[:1] * (len(every) - 1)


@WITH_MANAGERS
def test_the_image_lists_its_packages_as_they_are_locked(
    service_of: ServiceOf, manager: str
) -> None:
    service = service_of(manager)
    assert {"fastapi", "uvicorn"} <= service.packages.keys()
    assert set(service.packages.items()) <= service.locked()
    assert service.packages == service_of(MANAGERS[0]).packages


@WITH_SOME
def test_what_differs_from_the_lock_is_shown(service_of: ServiceOf, manager: str) -> None:
    service = service_of(manager)
    equal = service.script("scripts/check-drift.sh", service.image)
    assert (equal.returncode, equal.stdout) == (0, "")

    container = programs.run(
        "docker",
        *"run --detach --rm --user=0 --network=host".split(),
        "--entrypoint=sleep",
        service.image,
        "300",
    ).strip()
    try:
        update = ("/usr/local/bin/pip", "--python=/opt/venv", "install", "--no-deps")
        programs.run("docker", "exec", container, *update, "structlog==25.1.0")
        drifted = service.script("scripts/check-drift.sh", service.image, container)
    finally:
        programs.run("docker", "rm", "--force", container)
    changes = re.findall(r"^[-+]\w.+", drifted.stdout, re.MULTILINE)
    assert drifted.returncode == 1
    assert changes == [f"-structlog=={service.packages['structlog']}", "+structlog==25.1.0"]


def test_what_cannot_be_compared_is_named(service_of: ServiceOf) -> None:
    service = service_of(MANAGERS[0])
    for arguments, expected in (
        ((), "Production does not run here: start it with make production, or name "),
        (("harbour-x",), "There is no container or image harbour-x here: "),
    ):
        result = service.script("scripts/check-drift.sh", *arguments)
        assert result.returncode == 2
        assert result.stdout.startswith(expected)
        assert result.stdout.count("\n") == 1


@WITH_SOME
def test_every_locked_version_is_looked_up(service_of: ServiceOf, manager: str) -> None:
    service = service_of(manager)
    exceptions = service.project / ".trivyignore.yaml"
    exceptions.write_text(ACCEPTED)
    try:
        with osv_server.serving(KNOWN) as advisories:
            settings = {"OSV_URL": advisories.url, "NETWORK": "host"}
            result = service.script("scripts/audit.sh", **settings)
            assert result.returncode == 1, result.stdout
            assert {number for number in KNOWN.values() if number in result.stdout} == {
                KNOWN["pytest"],
                KNOWN["uvicorn"],
            }
            assert set(service.packages.items()) <= advisories.asked
            assert advisories.asked <= service.locked()
            assert {"mypy", "pytest", "ruff"} <= {name for name, _ in advisories.asked}

            advisories.known = {}
            assert service.script("scripts/audit.sh", **settings).returncode == 0

        gone = service.script("scripts/audit.sh", OSV_URL=advisories.url, NETWORK="none")
        assert gone.returncode == 2
        (sentence,) = re.findall("^Nothing could be audited: .+", gone.stdout, re.MULTILINE)
        assert gone.stdout.rstrip().endswith(sentence)
        assert "Traceback" not in gone.stdout
    finally:
        exceptions.unlink()


@WITH_SOME
def test_tools_see_what_production_installs_and_no_network(
    service_of: ServiceOf, manager: str
) -> None:
    service = service_of(manager)
    code = "import socket; print([name for _, name in socket.if_nameindex()])"
    assert service.inspect("python3", "-c", code) == "['lo']\n"
    listed = json.loads(
        service.inspect("pip-licenses", "--python=/opt/venv/bin/python", "--format=json")
    )
    assert {
        package["Name"].lower().replace("_", "-"): package["Version"] for package in listed
    } == service.packages


def test_reports_are_written(service_of: ServiceOf) -> None:
    service = service_of(MANAGERS[0])
    reports = service.project / "reports"
    programs.run("make", "sbom", "licenses", "deps-graph", cwd=service.project)

    sbom = json.loads((reports / "sbom.cdx.json").read_text("utf-8"))
    found = {component["purl"] for component in sbom["components"]}
    assert sbom["bomFormat"] == "CycloneDX"
    assert found == {f"pkg:pypi/{name}@{number}" for name, number in service.packages.items()}
    licences = (reports / "licenses.md").read_text("utf-8")
    assert re.search(r"^\| fastapi +\| [\d.]+ +\| MIT ", licences, re.MULTILINE)
    picture = ET.parse(reports / "dependencies.svg").getroot()  # noqa: S314  (drawn here)
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    text = "".join(picture.itertext())
    assert all(name in text.lower().replace("_", "-") for name in service.packages)


def test_a_report_that_fails_leaves_nothing(service_of: ServiceOf) -> None:
    service = service_of(MANAGERS[0])
    result = stacks.execute("make", "sbom", "REPORT=false", cwd=service.project)
    assert result.returncode != 0
    assert not (service.project / "reports" / "sbom.cdx.json").exists()


@WITH_SOME
def test_the_same_source_and_lock_give_the_same_image(service_of: ServiceOf, manager: str) -> None:
    service = service_of(manager)
    again = f"{service.image}:again"
    checkout = updating.clone(service.project, umask=0o077)  # wherever that is
    image_digests.build(checkout, again, "--no-cache")
    try:
        assert image_digests.digest(again) == image_digests.digest(f"{service.image}:latest")
    finally:
        programs.run("docker", "image", "rm", "--force", again)


def test_the_user_does_not_tell_the_day_of_the_build(service_of: ServiceOf) -> None:
    arguments = ("run", "--rm", "--user=0", "--entrypoint=grep", service_of("uv").image)
    assert programs.run("docker", *arguments, "^app:", "/etc/shadow").startswith("app:!::")
