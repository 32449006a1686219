"""Our production images beside the Dockerfiles that people write for the same locks."""

import http.client
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import yaml

from tools.benchmarks.measure import (
    ROOT,
    copy_template,
    mark_best,
    print_table,
    render,
    run,
    seconds,
)

DOCKERFILES = Path(__file__).parent / "dockerfiles"
RIVALS = {
    "uv": {"two stages, bytecode": "uv-bytecode", "two stages": "uv-plain"},
    "pip": {"one stage": "pip-one-stage", "wheels, two stages": "pip-wheels"},
}
# How to want one more dependency: in which file, what to replace, and by what.
EXTENSION = {
    "uv": ("pyproject.toml", '    "structlog', '    "itsdangerous",\n    "structlog'),
    "pip": ("requirements/base.in", "structlog", "itsdangerous\nstructlog"),
}
LABEL = "slipway.benchmark"
ADDED = "MB added to the base image"
STARTS = 3  # in each run
ENVIRONMENT = {
    "DATABASE_URL": "postgresql+psycopg://app@database.invalid:5432/app",
    "DATABASE_PASSWORD": "unused",
    "SECRET_KEY": "unused" * 6,
}
# How each kind of thing is listed, and how it is removed, in the order in which it can be
REMOVALS = {
    "container": (("--all", "--quiet"), ("--force", "--volumes")),
    "network": (("--quiet",), ()),
    "image": (("--quiet",), ("--force",)),
}
LEFTOVERS = (
    r".*/(bin/(cc|gcc|g\+\+|clang|make|uv|uvx|pip-compile|pytest|ruff|mypy|pre-commit)"
    r"|site-packages/(debugpy|mypy|piptools|pre_commit|pytest|ruff|watchfiles)"
    r"|opt/venv/.*/site-packages/pip|\.cache/.+)"
)


@dataclass(frozen=True)
class Variant:
    """One way to build the application, without and with one more dependency."""

    name: str
    tag: str
    base: str
    dockerfile: str
    plain: Path
    extended: Path

    def measure(self) -> Iterator[tuple[str, float]]:
        """Build the image cold, start it, and build it after an edit and with the dependency."""
        # Each run has cache mounts, commands and source of its own, or it would find layers of
        # an earlier one: BuildKit knows a command by its environment, not by its cache mounts.
        run_id = f"{self.tag}-{secrets.token_hex(4)}"
        text = self.dockerfile.replace("type=cache,", f"type=cache,id={run_id},")
        text = re.sub(
            r"^(FROM \S*python:.*)$", rf"\1\nENV BENCHMARK={run_id}", text, flags=re.MULTILINE
        )
        edit(self.plain, f"{run_id}: cold")
        yield "cold build, s", seconds(build, text, self.tag, self.plain, "--no-cache")
        yield ADDED, size(self.tag) - size(self.base)
        for _ in range(STARTS):
            yield "start to healthy, s", start(self.tag)
        edit(self.plain, f"{run_id}: edited")
        yield "rebuild after an edit, s", seconds(build, text, self.tag, self.plain)
        edit(self.extended, f"{run_id}: extended")
        yield "rebuild with one more dependency, s", seconds(build, text, self.tag, self.extended)


def build(dockerfile: str, tag: str, project: Path, *options: str, label: str = LABEL) -> None:
    """Build an image from the text of a Dockerfile."""
    labelled = ("--quiet", "--label", label, "--tag", tag)
    run("docker", "build", *labelled, *options, "--file", "-", project, text=dockerfile)


def size(image: str) -> float:
    """Sum up the layers of an image, in MB."""
    return int(run("docker", "image", "inspect", "--format", "{{.Size}}", image)) / 1e6


def edit(project: Path, text: str) -> None:
    """Replace the comment at the end of the application's source."""
    source = project / "src" / "harbour_api" / "app.py"
    code, _, _ = source.read_text("utf-8").partition("\n# Edited: ")
    source.write_text(f"{code}\n# Edited: {text}\n", "utf-8")


def start(image: str) -> float:
    """Start a container; return the time until its health check answers with 200."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = [f"--env={name}={value}" for name, value in ENVIRONMENT.items()]
    options = ("--detach", "--label", LABEL, f"--publish=127.0.0.1:{port}:8000")
    begun = time.perf_counter()
    container = run("docker", "run", *options, *variables, image).strip()
    try:
        while not is_healthy(port):
            if time.perf_counter() > begun + 60:
                sys.exit(f"{image} does not answer:\n{run('docker', 'logs', container)}")
            time.sleep(0.01)
        return time.perf_counter() - begun
    finally:
        run("docker", "rm", "--force", container)


def is_healthy(port: int) -> bool:
    """Ask a service once."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def make_projects(template: Path, folder: Path, manager: str) -> tuple[Path, Path]:
    """Render and lock the default application, and a copy with one more dependency."""
    plain = render(template, folder / manager, {"dependency_manager": manager})
    run("sh", "scripts/lock.sh", cwd=plain)
    extended = Path(shutil.copytree(plain, folder / f"{manager}-extended"))
    name, old, new = EXTENSION[manager]
    wanted = (extended / name).read_text("utf-8")
    (extended / name).write_text(wanted.replace(old, new, 1), "utf-8")
    run("sh", "scripts/lock.sh", cwd=extended)
    return plain, extended


def make_variants(manager: str, plain: Path, extended: Path) -> list[Variant]:
    """Put our Dockerfile first and its rivals after it, all on the same base image."""
    texts = {"ours": (plain / "Dockerfile").read_text("utf-8")}
    texts |= {name: read_dockerfile(file) for name, file in RIVALS[manager].items()}
    return [
        Variant(name, f"{LABEL}-{manager}-{index}", read_images()["python"], text, plain, extended)
        for index, (name, text) in enumerate(texts.items())
    ]


def read_images() -> Mapping[str, str]:
    """Read which images the template builds on."""
    services = yaml.safe_load((ROOT / "catalogue" / "compose.yaml").read_text("utf-8"))["services"]
    names = {
        "uv": "uv",
        "python": "python-3.14-slim",
        "debian": "python-3.13-distro",
        "postgresql": "postgresql",
    }
    return {role: services[name]["image"] for role, name in names.items()}


def read_dockerfile(name: str) -> str:
    """Read a Dockerfile and fill in the base images."""
    text = (DOCKERFILES / f"{name}.Dockerfile").read_text("utf-8")
    for role, image in read_images().items():
        text = text.replace(f"FROM {role.upper()}_IMAGE", f"FROM {image}")
    return text


def installed_size(manager: str, project: Path) -> float:
    """Measure the locked dependencies and the application with their bytecode, in MB."""
    tag = f"{LABEL}-{manager}-installed"
    build(read_dockerfile(f"{manager}-installed"), tag, project)
    return size(tag)


def find_leftovers(image: str) -> str:
    """List compilers, caches, development dependencies and lock tools in an image."""
    search = ("/", "-xdev", "-regextype", "posix-extended", "-regex", LEFTOVERS)
    found = run("docker", "run", "--rm", "--user=0", "--entrypoint=find", image, *search)
    return ", ".join(found.split()) or "none"


def print_results(
    manager: str, variants: list[Variant], results: Mapping[str, Mapping[str, list[float]]]
) -> None:
    """Print the medians with the best of each row in bold, then what only concerns ours."""
    ours = variants[0]
    rows = []
    for measure in results[ours.tag]:
        medians = [f"{median(results[variant.tag][measure]):.2f}" for variant in variants]
        rows.append((measure, *mark_best(medians)))
    print_table((manager, *(variant.name for variant in variants)), *rows)
    installed = installed_size(manager, ours.plain)
    ratio = median(results[ours.tag][ADDED]) / installed
    print(f"- Dependencies and application, installed: {installed:.2f} MB")
    print(f"- What ours adds to the base image, over that (target: at most 1.15): {ratio:.3f}")
    print("- Compilers, caches, development dependencies and lock tools in ours:", end=" ")
    print(find_leftovers(ours.tag), end="\n\n", flush=True)


@contextmanager
def engine(label: str = LABEL) -> Iterator[None]:
    """Need a Docker Engine, and remove from it whatever has a label."""
    docker: Callable[..., subprocess.CompletedProcess[str]] = partial(
        subprocess.run, capture_output=True, text=True, check=False
    )
    if shutil.which("docker") is None or docker(["docker", "info"]).returncode != 0:
        sys.exit("This cannot be measured: it needs a Docker Engine and none answers.")
    try:
        yield
    finally:
        for kind, (listing, removal) in REMOVALS.items():
            listed = docker(["docker", kind, "ls", *listing, f"--filter=label={label}"]).stdout
            docker(["docker", kind, "rm", *removal, *set(listed.split())])


def report(runs: int) -> dict[str, dict[str, dict[str, float]]]:
    """Print a table for each dependency manager; return its medians."""
    with engine(), TemporaryDirectory() as name:
        folder = Path(name)
        template = copy_template(folder / "slipway")
        groups = {
            manager: make_variants(manager, *make_projects(template, folder, manager))
            for manager in RIVALS
        }
        every = [variant for variants in groups.values() for variant in variants]
        results: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for turn in range(runs):
            for index in range(len(every)):  # each run begins with another variant
                variant = every[(index + turn) % len(every)]
                for measure, value in variant.measure():
                    results[variant.tag][measure].append(value)
        for manager, variants in groups.items():
            print_results(manager, variants, results)
    return {
        manager: {
            variant.name: {name: median(values) for name, values in results[variant.tag].items()}
            for variant in variants
        }
        for manager, variants in groups.items()
    }
