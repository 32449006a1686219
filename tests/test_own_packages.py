"""Packages of one's own are added, locked, edited and built in, from a service or its workspace."""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import generated
import locking
import osv_server
import programs
import pytest
import stacks
import updating
from conftest import Render
from sampling import some

# "charts" needs "tides", which another tool builds; nobody needs "moles", but the other service.
HATCHLING = 'requires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
SETUPTOOLS = 'requires = ["setuptools>=80"]\nbuild-backend = "setuptools.build_meta"\n'
PACKAGE = """\
[project]
name = "harbour-{name}"
version = "1.0"
requires-python = ">=3"
dependencies = {dependencies}

[build-system]
{build_system}"""
NEIGHBOUR = """
[tool.uv.sources]
harbour-tides = { path = "../tides", editable = true }
"""
LIBS: Mapping[str, str] = {
    "tides/pyproject.toml": PACKAGE.format(name="tides", dependencies=[], build_system=SETUPTOOLS),
    "tides/src/harbour_tides/__init__.py": "LEVEL = 'first'\n",
    "charts/pyproject.toml": PACKAGE.format(
        name="charts", dependencies=["harbour-tides"], build_system=HATCHLING
    )
    + NEIGHBOUR,
    "charts/src/harbour_charts/__init__.py": "from harbour_tides import LEVEL as LEVEL\n",
    "moles/pyproject.toml": PACKAGE.format(name="moles", dependencies=[], build_system=HATCHLING),
    "moles/src/harbour_moles/__init__.py": "LENGTH = 7\n",
}
# Of a service that needs little else
PROJECT = """\
[project]
name = "quay"
version = "1"
requires-python = ">=3.14,<4"
dependencies = [
    "idna>=3",
]

[dependency-groups]
production = []
"""
MANIFESTS: Mapping[str, Mapping[str, str]] = {
    "uv": {"pyproject.toml": PROJECT + "[tool.uv]\npackage = false\n"},
    "pip": {
        "requirements/base.in": "idna>=3\n",
        "requirements/production.in": "-r base.in\n",
        "requirements/testing.in": "-r base.in\n",
    },
    "poetry": {
        "pyproject.toml": PROJECT
        + "[tool.poetry]\npackage-mode = false\n[tool.poetry.group.production]\noptional = true\n"
    },
    "pipenv": {
        "Pipfile": '[requires]\npython_version = "3.14"\n\n[packages]\nidna = ">=3"\n\n'
        "[production]\n\n[dev-packages]\n"
    },
}
IMPORT = "import harbour_charts as c, harbour_tides as t; print(c.LEVEL, c.__file__, t.__file__)"
CASES = [
    "uv in a workspace",
    "poetry alone",
    "poetry in a workspace",
    "pip alone",
    "pip in a workspace",
    "pipenv alone",
    "pipenv in a workspace",
    "uv alone",
]

pytestmark = pytest.mark.docker


@dataclass(frozen=True)
class Service:
    """A service and the packages that lie beside it."""

    project: Path
    libs: Path
    image: str
    environment: Mapping[str, str]

    @property
    def prefix(self) -> str:
        """Say how the folder of the packages is named in the service."""
        return "./libs" if self.libs.parent == self.project else "../../libs"

    def run(self, *command: str) -> str:
        """Run a program in the service's folder; return what it printed."""
        result = stacks.execute(*command, cwd=self.project, **self.environment)
        assert result.returncode == 0, result.stdout
        return result.stdout

    def add(self, *names: str) -> None:
        """Add packages as docs/dependencies.md says."""
        for name in names:
            self.run("make", "add", f"NAME={self.prefix}/{name}", "IN=container")

    def build(self) -> str:
        """Build production; return its image."""
        self.run("docker", "compose", *stacks.PRODUCTION, "build", "web")
        return programs.run("docker", "image", "inspect", "--format={{.Id}}", self.image).strip()

    def developed(self) -> list[str]:
        """Use the packages in the image of development, as it is."""
        command = ("docker", "compose", "run", "--rm", "--no-deps", "-T", "web")
        return self.run(*command, "python", "-c", IMPORT).splitlines()[-1].split()

    def produced(self) -> list[str]:
        """Use the packages in the image of production, as it is."""
        return self.within(f"python -c '{IMPORT}'").split()

    def within(self, script: str) -> str:
        """Run a script in the image of production."""
        arguments = ("run", "--rm", "--entrypoint=sh", self.image, "-euc", script)
        return programs.run("docker", *arguments)


def make(render: Render, environment: Mapping[str, str], manager: str, workspace: str) -> Service:
    """Render a service that needs little, and packages beside it or in its workspace."""
    slug = f"harbour-{uuid.uuid4().hex[:8]}"
    answers = {"dependency_manager": manager, "database": "none", "project_slug": slug}
    rendered = render({**answers, **({"workspace": workspace} if workspace else {})})
    root = rendered.parent / f"root-{slug}"
    project = root / "services" / slug
    project.parent.mkdir(parents=True)
    rendered.rename(project)
    for name, text in MANIFESTS[manager].items():
        (project / name).write_text(text, "utf-8")
    for file in generated.files(project, "requirements/development.in"):
        tool = re.findall("^pip-tools.+", file.read_text("utf-8"), re.MULTILINE)
        file.write_text("\n".join(["-r testing.in", *tool, ""]), "utf-8")
    libs = (root if workspace else project) / "libs"
    for name, text in LIBS.items():
        (libs / name).parent.mkdir(parents=True, exist_ok=True)
        (libs / name).write_text(text, "utf-8")
    locking.reach_index(project)
    service = Service(project, libs, f"{slug}:latest", environment)
    service.run("sh", "scripts/lock.sh")
    return service


@pytest.fixture(scope="module")
def environment(
    engine: None, bare_path: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Leave Docker alone on this machine, so that everything is done in containers."""
    folder = tmp_path_factory.mktemp("docker")
    (folder / "docker").symlink_to(programs.tool("docker"))
    return {"PATH": f"{folder}:{bare_path}"}


@pytest.fixture(scope="module", params=some(CASES, one_in=8))
def service(
    render: Render, environment: dict[str, str], request: pytest.FixtureRequest
) -> Iterator[Service]:
    """Make the service of a manager, alone or in a workspace, with two packages."""
    manager, _, place = request.param.partition(" ")
    service = make(render, environment, manager, "" if place == "alone" else "harbour")
    updating.git(service.project, "init", "--quiet")
    service.add(*(["charts"] if manager == "uv" else ["tides", "charts"]))
    updating.git(service.project, "add", "--all")
    yield service
    service.run("docker", "compose", "down", "--volumes")
    stacks.remove_images(service.image.partition(":")[0])


def test_development_takes_edits_and_production_has_a_copy(service: Service) -> None:
    first, *places = service.developed()
    assert first == "first"
    assert [place.startswith("/app/libs/") for place in places] == [True, True], places

    service.build()
    first, *places = service.produced()
    assert first == "first"
    assert [place.startswith("/opt/venv/") for place in places] == [True, True], places
    beside = "find / -xdev -name '*tides*' -not -path '/opt/venv/*' 2>/dev/null || :"
    assert service.within(beside) == ""

    tides = service.libs / "tides/src/harbour_tides/__init__.py"
    tides.write_text("LEVEL = 'second'\n", "utf-8")
    try:
        assert service.developed()[0] == "second"
        assert service.produced()[0] == "first"
        service.build()
        assert service.produced()[0] == "second"
    finally:
        tides.write_text("LEVEL = 'first'\n", "utf-8")


def test_only_what_is_needed_is_built_anew(service: Service) -> None:
    first = service.build()
    moles = service.libs / "moles/src/harbour_moles/__init__.py"
    moles.write_text(f"LENGTH = {uuid.uuid4().int}\n", "utf-8")
    (service.libs / "tides/src/harbour_tides.egg-info").mkdir(exist_ok=True)
    (service.libs / "tides/src/harbour_tides.egg-info/PKG-INFO").write_text(uuid.uuid4().hex)
    assert service.build() == first or service.libs.parent == service.project

    (next((service.project / "src").iterdir()) / "wharf.py").write_text("DEEP = True\n", "utf-8")
    options = [] if service.prefix == "./libs" else ["--build-context=libs=../../libs"]
    said = service.run("docker", "build", "--progress=plain", *options, ".")
    steps = dict(re.findall(r"^#(\d+) (\[build +\d+/\d+\] (?:COPY|RUN).+)$", said, re.MULTILINE))
    assert any("INSTALL" in step for step in steps.values()), said
    assert [step for number, step in steps.items() if f"\n#{number} CACHED" not in said] == []


def test_the_lock_is_found_to_fit_and_the_tools_know_the_packages(service: Service) -> None:
    service.run("make", "lock-check", "IN=container")
    with osv_server.serving({}) as advisories:
        settings = {"OSV_URL": advisories.url, "NETWORK": "host"}
        result = stacks.execute(
            "make", "audit", cwd=service.project, **{**service.environment, **settings}
        )
    assert result.returncode == 0, result.stdout
    asked = {name for name, _ in advisories.asked}
    assert "idna" in asked
    service.run("make", "sbom")
    sbom = json.loads((service.project / "reports/sbom.cdx.json").read_text("utf-8"))
    assert {"harbour-charts", "harbour-tides"} <= {each["name"] for each in sbom["components"]}


def test_what_is_not_there_is_told(service: Service) -> None:
    def fail(*command: str) -> str:
        result = stacks.execute(*command, cwd=service.project, **service.environment)
        assert result.returncode != 0
        return result.stdout

    before = updating.git(service.project, "diff")
    said = fail("make", "--silent", "add", f"NAME={service.prefix}/wharves", "IN=container")
    assert said.startswith(f"There is no {service.prefix}/wharves/pyproject.toml: the folder of ")
    assert updating.git(service.project, "diff") == before
    if service.prefix != "./libs":
        said = fail("docker", "build", "--progress=plain", ".")
        assert "build with --build-context libs=../../libs" in said


@pytest.mark.thorough
def test_the_server_of_development_starts_anew_after_an_edit(
    render: Render, environment: dict[str, str]
) -> None:
    slug = f"harbour-{uuid.uuid4().hex[:8]}"
    project = render({"database": "none", "project_slug": slug})
    for name, text in LIBS.items():
        (project / "libs" / name).parent.mkdir(parents=True, exist_ok=True)
        (project / "libs" / name).write_text(text, "utf-8")
    locking.lock(project)
    service = Service(project, project / "libs", f"{slug}:latest", environment)
    service.add("charts")
    (port, debugger) = stacks.free_ports(2)
    ports = {"WEB_PORT": str(port), "DEBUGGER_PORT": str(debugger)}
    stack = stacks.Stack(project, stacks.DEVELOPMENT, ports)
    app = stack.package / "app.py"
    app.write_text(f"import harbour_charts\n\n{app.read_text('utf-8')}", "utf-8")
    with stack.running():
        edited = project / "libs/tides/src/harbour_tides/__init__.py"
        edited.write_text("LEVEL = 'second'\n\nprint('the tide is', LEVEL)\n", "utf-8")
        stacks.eventually(lambda: "the tide is second" in stack.compose("logs", "web"))
        stacks.eventually(lambda: stack.ask("/health").status == 200)
    stacks.remove_images(slug)
