"""The production image beside what one would write instead, for the same application."""

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import tools

DOCKERFILES = Path(__file__).parent / "dockerfiles"
CONTENDERS = {
    "uv": ("this template", "uv in two stages", "uv in two stages, bytecode"),
    "pip": ("this template", "pip in one stage", "pip wheels in two stages"),
}
NEW_DEPENDENCY = "pyfiglet"
SETTINGS = ("DATABASE_URL=postgresql://app@127.0.0.1/app", "DATABASE_PASSWORD=app")
MEASURES = {
    "added to the base image, MB": 1,
    "cold build, s": 1,
    "rebuild after a source edit, s": 2,
    "rebuild after one new dependency, s": 1,
    "start until healthy, s": 2,
}


@dataclass
class Contender:
    """A way to build the image: its Dockerfile, its contexts and what was measured of it."""

    name: str
    dockerfile: Path
    project: Path
    grown: Path  # the same project with one more dependency
    tag: str = field(default_factory=lambda: f"slipway-benchmark-{uuid.uuid4().hex[:12]}")
    figures: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def measure(self, run: int, base_size: int) -> None:
        """Build, rebuild and start once, with a package cache that begins empty."""
        text = self.dockerfile.read_text("utf-8")
        # A run shares its layers and its package cache with no other run.
        text = text.replace("type=cache,", f"type=cache,id={self.tag}-{run},")
        text = re.sub("^FROM .*$", rf"\g<0>\nENV BENCHMARK={self.tag}-{run}", text, flags=re.M)
        dockerfile = self.project.parent / f"Dockerfile-{self.tag}"
        dockerfile.write_text(text, "utf-8")
        added, cold, edit, dependency, start = (self.figures[name] for name in MEASURES)

        cold.append(tools.timed(lambda: self.build(dockerfile, self.project)))
        size = int(tools.run("docker", "image", "inspect", "--format={{.Size}}", self.tag))
        added.append((size - base_size) / 1e6)
        start.append(self.start())
        touch(self.project)
        edit.append(tools.timed(lambda: self.build(dockerfile, self.project)))
        dependency.append(tools.timed(lambda: self.build(dockerfile, self.grown)))

    def build(self, dockerfile: Path, context: Path) -> None:
        """Build the image."""
        tools.run("docker", "build", "--tag", self.tag, "--file", dockerfile, context)

    def start(self) -> float:
        """Start a container and wait until it answers; return the seconds that it took."""
        settings = [f"--env={setting}" for setting in SETTINGS]
        begin = time.perf_counter()
        name = tools.run(
            "docker", "run", "--detach", "--rm", "--publish=127.0.0.1::8000", *settings, self.tag
        ).strip()
        address = tools.run("docker", "port", name, "8000").strip()
        while not answers(f"http://{address}/health"):
            time.sleep(0.01)
        seconds = time.perf_counter() - begin
        tools.run("docker", "kill", name)
        return seconds


def measure(runs: int) -> str:
    """Measure every contender in turn; the same application, base image and locked versions."""
    if not has_engine():
        sys.exit("The benchmark of images needs a Docker Engine: start one and run it again.")
    with tempfile.TemporaryDirectory() as folder:
        template = tools.copy_template(Path(folder, "template"))
        projects = {manager: make_projects(template, folder, manager) for manager in CONTENDERS}
        installed = installed_size(projects["pip"][0])
        return "\n".join(
            compare(manager, *projects[manager], runs, installed) for manager in CONTENDERS
        )


def has_engine() -> bool:
    """Say whether a Docker Engine answers."""
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


def compare(manager: str, project: Path, grown: Path, runs: int, installed: int) -> str:
    """Measure the contenders of one manager and write their table."""
    base = base_image(project)
    base_size = int(tools.run("docker", "image", "inspect", "--format={{.Size}}", base))
    contenders = []
    for name in CONTENDERS[manager]:
        ours = name == "this template"
        dockerfile = project / "Dockerfile" if ours else DOCKERFILES / f"{name}.Dockerfile"
        contenders.append(Contender(name, dockerfile, project, grown))
    try:
        for run in range(runs):
            for contender in contenders:
                contender.measure(run, base_size)
    finally:
        tags = [contender.tag for contender in contenders]
        subprocess.run(["docker", "image", "rm", "--force", *tags], capture_output=True)
    rows = [(f"{manager}, median of {runs}", *(contender.name for contender in contenders))]
    for measure, digits in MEASURES.items():
        medians = [statistics.median(contender.figures[measure]) for contender in contenders]
        rows.append((measure, *(f"{median:.{digits}f}" for median in medians)))
    added = statistics.median(contenders[0].figures[next(iter(MEASURES))])
    ratio = (
        f"{added * 1e6 / installed:.2f} times the installed size of dependencies and application"
    )
    return f"{tools.table(rows)}\nThis template adds {ratio} ({installed / 1e6:.1f} MB).\n"


def make_projects(template: Path, folder: str, manager: str) -> tuple[Path, Path]:
    """Render and lock the default service, and the same with one more dependency."""
    project, grown = Path(folder, manager, "plain"), Path(folder, manager, "grown")
    tools.copier(template, project, f"dependency_manager={manager}")
    tools.run("sh", "scripts/lock.sh", cwd=project)
    shutil.copytree(project, grown)
    manifest = grown / ("pyproject.toml" if manager == "uv" else "requirements/base.in")
    text = manifest.read_text("utf-8")
    if manager == "uv":
        text = text.replace("dependencies = [", f'dependencies = ["{NEW_DEPENDENCY}",', 1)
    else:
        text += f"{NEW_DEPENDENCY}\n"
    manifest.write_text(text, "utf-8")
    tools.run("sh", "scripts/lock.sh", cwd=grown)
    return project, grown


def base_image(project: Path) -> str:
    """Read the name of the image that the production image is built on."""
    lines = (project / "Dockerfile").read_text("utf-8").splitlines()
    return [line.split()[1] for line in lines if line.startswith("FROM")][-1]


def installed_size(project: Path) -> int:
    """Install the locked production dependencies plainly; return their bytes and the source's."""
    script = (
        "pip install --quiet --root-user-action=ignore --no-deps --require-hashes"
        " --target=/tmp/target --requirement=/project/requirements/production.txt"
        " && cp -r /project/src /tmp/target && du --summarize --bytes /tmp/target"
    )
    volume = f"--volume={project}:/project:ro"
    image = base_image(project)
    return int(tools.run("docker", "run", "--rm", volume, image, "sh", "-c", script).split()[0])


def touch(project: Path) -> None:
    """Edit one line of the source."""
    with (project / "src" / "harbour_api" / "app.py").open("a", encoding="utf-8") as module:
        module.write(f"# {uuid.uuid4()}\n")


def answers(url: str) -> bool:
    """Say whether a service answers with success."""
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return bool(response.status == 200)
    except OSError:
        return False
