"""Large dependencies have a layer of their own, which nothing else changes, in whatever image.

A small one stands in for them, which brings packages and a command that nothing else needs.
"""

import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import generated
import image_digests
import locking
import programs
import pytest
import questions
import stacks
from conftest import Render
from container_promises import add_dependency
from sampling import some

LARGE, OTHER = "rich", "humanize"
BROUGHT = {"markdown-it-py", "mdurl", "pygments"}  # by the large one
OLD, NEW = "<15", ">=15"  # versions of it
COMMAND = "/opt/venv/bin/pygmentize"
# Each manager, and each kind of base image
KINDS = ["uv-slim", "poetry-distroless", "pipenv-hardened", "uv-distro", "pip-full"]
LIST = "from importlib import metadata; print(*(d.name for d in metadata.distributions()))"

# What pip-compile writes: the application needs three, and one of them what the large one needs too
LOCK = """\
apple==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:ab
    # via -r requirements/base.in
boat==2.0 \\
    --hash=sha256:ba
    # via
    #   -c requirements/base.txt
    #   apple
    #   cargo-ship
cargo-ship==3.0 ; python_version >= "3.12" \\
    --hash=sha256:ca
    # via
    #   -r requirements/base.in
    #   dock
dock==4.0 \\
    --hash=sha256:da
    # via -r requirements/production.in
engine==5.0 \\
    --hash=sha256:ea
    # via cargo-ship
fuel==6.0 \\
    --hash=sha256:fa
    # via engine
gull==7.0 \\
    --hash=sha256:ga
    # via harbour-charts
"""


@dataclass(frozen=True)
class Built:
    """A job with a large dependency, and its image."""

    project: Path
    image: str

    @property
    def layers(self) -> Mapping[str, list[str]]:
        """Map the digest of each layer to the files of the environment that it holds."""
        return read_layers(self.image)

    @property
    def large(self) -> str:
        """Find the layer with the large one."""
        (digest,) = (each for each, files in self.layers.items() if holds(files, LARGE))
        return digest

    @property
    def own(self) -> list[str]:
        """List the layers from that one on: another build may have made those below it anew."""
        digests = list(self.layers)
        return digests[digests.index(self.large) :]

    def build(self, *options: str) -> "Built":
        """Build the image anew."""
        image_digests.build(self.project, self.image, *options)
        return self

    def run(self, *command: str) -> str:
        """Run a program in the image."""
        entry, *arguments = command
        return programs.run("docker", "run", "--rm", "--entrypoint", entry, self.image, *arguments)


@pytest.fixture(scope="module")
def first_of(engine: None, render: Render) -> Iterator[Callable[[str, str], Built]]:
    """Make and build the job of a manager and a base image once."""
    slugs = []

    @cache
    def make(manager: str, base: str) -> Built:
        slugs.append(stacks.own_name())
        answers = {"framework": "job", "dependency_manager": manager, "base_image": base}
        project = render({**answers, "project_slug": slugs[-1], "large_dependencies": [LARGE]})
        add_dependency(project, LARGE)
        change(project, rf'^(")?{LARGE}( = ")?\*?', rf"\1{LARGE}\2{OLD}")
        locking.lock(project)
        return Built(project, f"{slugs[-1]}:first").build()

    yield make
    for slug in slugs:
        stacks.remove_images(slug)
        stacks.remove_images(f"{slug}-base")


@pytest.fixture(params=some(KINDS, one_in=len(KINDS)))
def first(request: pytest.FixtureRequest, first_of: Callable[[str, str], Built]) -> Built:
    """Build the job of each kind, the same one once."""
    return first_of(*str(request.param).split("-"))


@pytest.fixture
def next_one(first: Built, tmp_path: Path) -> Built:
    """Copy the job, to be changed."""
    project = Path(shutil.copytree(first.project, tmp_path / "project"))
    return Built(project, f"{first.image.partition(':')[0]}:next")


@pytest.mark.docker
class TestLayer:
    """What the image has, and what changes it."""

    def test_nothing_is_stored_twice(self, first: Built) -> None:
        files = Counter(file for files in first.layers.values() for file in files)
        assert [file for file, count in files.items() if count > 1] == []
        sources = {file for file in files if file.endswith(".py")}
        compiled = [file for file in files if file.endswith(".pyc")]
        assert len(sources) > 200
        assert sources == {
            re.sub(r"__pycache__/(.+)\.c.*\.pyc", r"\1.py", file) for file in compiled
        }

    def test_what_they_and_only_they_need_is_below_the_rest(self, first: Built) -> None:
        layers = first.layers
        below = layers[first.large]
        assert all(holds(below, name) for name in BROUGHT)
        assert COMMAND.lstrip("/") in below
        assert not holds(below, "structlog")
        (above,) = (digest for digest, files in layers.items() if holds(files, "structlog"))
        assert list(layers).index(first.large) < list(layers).index(above)

    def test_it_is_one_environment(self, first: Built) -> None:
        found = {name_of(name) for name in first.run("python", "-c", LIST).split()}
        assert {LARGE, "structlog"} | BROUGHT <= found
        assert first.run("python", "-c", "import rich, structlog") == ""
        assert "Pygments version" in first.run(COMMAND, "-V")

    @pytest.mark.thorough
    def test_whoever_looks_into_it_sees_all(self, first: Built) -> None:
        drift = stacks.execute("sh", "scripts/check-drift.sh", first.image, cwd=first.project)
        assert drift.returncode == 0, drift.stdout
        command = (
            "sh",
            "scripts/inspect.sh",
            "cyclonedx-py",
            "environment",
            "/opt/venv/bin/python",
        )
        said = subprocess.run(
            command, cwd=first.project, capture_output=True, text=True, check=True
        )
        listed = {each["name"].lower() for each in json.loads(said.stdout)["components"]}
        assert {LARGE, "structlog"} <= listed

    def test_neither_source_nor_another_dependency_changes_it(
        self, first: Built, next_one: Built
    ) -> None:
        main = next(next_one.project.glob("src/*/__main__.py"))
        main.write_text(main.read_text("utf-8") + "\n# Another line\n", "utf-8")
        edited = next_one.build().own
        assert edited[:-1] == first.own[:-1]
        assert edited[-1] != first.own[-1]
        add_dependency(next_one.project, OTHER)
        locking.lock(next_one.project)
        added = next_one.build().own
        assert added[0] == first.large
        assert added[1] != first.own[1]

    def test_a_new_version_does(self, first: Built, next_one: Built) -> None:
        change(next_one.project, rf"\b{LARGE}(\W*){OLD}", rf"{LARGE}\1{NEW}")
        locking.lock(next_one.project)
        layers = next_one.build().layers
        assert next_one.large not in first.layers
        told = " ".join(file for files in layers.values() for file in files)
        assert set(re.findall(rf"/{LARGE}-(\d+)", told)) == {"15"}

    def test_what_is_not_locked_is_refused_with_advice(self, next_one: Built) -> None:
        change(next_one.project, f" {LARGE} >", f" numpy {LARGE} >", "Dockerfile")
        result = stacks.execute("docker", "build", "--progress=plain", ".", cwd=next_one.project)
        assert result.returncode != 0
        assert (
            "large_dependencies names numpy, which production does not install:"
            " add it with 'make add NAME=numpy'" in result.stdout
        )

    def test_services_share_a_base_image(self, first: Built, next_one: Built) -> None:
        script = ("sh", "scripts/base-image.sh")
        base = programs.run(*script, cwd=first.project).splitlines()[-1]
        assert programs.run(*script, "name", cwd=next_one.project).splitlines()[-1] == base
        shared = f"--build-context=large=docker-image://{base}"
        assert next_one.build(shared).own == first.own

        change(next_one.project, rf"\b{LARGE}(\W*){OLD}", rf"{LARGE}\1{NEW}")
        locking.lock(next_one.project)
        assert programs.run(*script, "name", cwd=next_one.project).splitlines()[-1] != base
        result = stacks.execute("docker", "build", shared, ".", cwd=next_one.project)
        assert result.returncode != 0
        assert "The lock has other large dependencies than their layer" in result.stdout

    # The last one, since later builds would find its other layers instead of the first ones.
    def test_it_is_the_same_whenever_it_is_made(self, first: Built, next_one: Built) -> None:
        next_one.build("--no-cache-filter=split,large")
        assert next_one.large == first.large


def test_a_lock_of_pip_is_split_by_who_needs_what(render: Render) -> None:
    project = render({"dependency_manager": "pip", "large_dependencies": ["cargo_ship"]})
    (project / "requirements" / "production.txt").write_text(LOCK, "utf-8")
    base = project / "requirements" / "base.in"
    base.write_text("--extra-index-url https://packages.example.com\n" + base.read_text(), "utf-8")

    def part(*names: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "scripts/large-lock.py", *names]
        return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)

    said = part("cargo-ship").stdout.splitlines()
    assert said[0] == "--extra-index-url https://packages.example.com"
    assert [re.sub(" +", " ", line) for line in said[1:]] == [
        'cargo-ship==3.0 ; python_version >= "3.12" --hash=sha256:ca',
        "engine==5.0 --hash=sha256:ea",
        "fuel==6.0 --hash=sha256:fa",
    ]
    both = part("cargo-ship", "apple").stdout
    assert set(re.findall(r"^[a-z-]+(?===)", both, re.MULTILINE)) == {
        *("apple", "boat", "cargo-ship", "engine", "fuel")
    }
    missing = part("cargo-ship", "yacht")
    assert missing.returncode == 1
    assert missing.stdout == ""
    assert missing.stderr.startswith("large_dependencies names yacht, which production does not")
    (project / "requirements" / "production.txt").write_text(re.sub(" +#.*\n", "", LOCK), "utf-8")
    assert "does not say who needs what: run 'make lock'" in part("cargo-ship").stderr
    (project / "requirements" / "production.txt").unlink()
    assert (
        part("cargo-ship").stderr == "There is no requirements/production.txt: run 'make lock'.\n"
    )


@pytest.mark.parametrize("manager", questions.choices()["dependency_manager"])
def test_the_answer_may_be_a_text(render: Render, manager: str) -> None:
    answers: questions.Answers = {
        "dependency_manager": manager,
        "large_dependencies": "Torch,SciPy",
    }
    assert "large-lock.py torch scipy >" in (render(answers) / "Dockerfile").read_text("utf-8")


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_ci_pushes_the_base_image_of_what_is_locked(render: Render, ci: str) -> None:
    project = render({"ci": ci, "large_dependencies": ["torch"]})
    if ci == "github":
        workflow = generated.parse(project / ".github" / "workflows" / "base-image.yml")
        paths, job = workflow[True]["push"]["paths"], str(workflow["jobs"])
        assert workflow[True]["push"]["branches"] == ["main"]
    else:
        job = generated.parse(project / ".gitlab-ci.yml")["base-image"]
        (rule,) = job["rules"]
        paths, job = rule["changes"], str(job["script"])
    assert {"Dockerfile", "pyproject.toml", "uv.lock"} <= set(paths)
    assert job.index("imagetools inspect") < job.index(
        "base-image.sh --push --platform linux/amd64"
    )


def read_layers(image: str) -> dict[str, list[str]]:
    """Map the digest of each layer of an image, from below, to its files in the environment."""
    with tempfile.TemporaryFile() as file:
        subprocess.run([programs.tool("docker"), "save", image], stdout=file, check=True)
        file.seek(0)
        with tarfile.open(fileobj=file) as archive:
            (manifest,) = json.load(image_digests.member(archive, "manifest.json"))
            configuration = json.load(image_digests.member(archive, manifest["Config"]))
            found = {}
            for digest, path in zip(
                configuration["rootfs"]["diff_ids"], manifest["Layers"], strict=True
            ):
                with tarfile.open(fileobj=image_digests.member(archive, path)) as layer:
                    found[digest] = [
                        entry.name
                        for entry in layer
                        if not entry.isdir() and entry.name.startswith("opt/venv/")
                    ]
    return found


def holds(files: list[str], name: str) -> bool:
    """Say whether a package is among the files of a layer."""
    pattern = f"/site-packages/{name.replace('-', '_')}-[^/]+/METADATA"
    return any(re.search(pattern, file, re.IGNORECASE) for file in files)


def name_of(name: str) -> str:
    """Write the name of a package as locks do."""
    return re.sub(r"[-_.]+", "-", name).lower()


def change(project: Path, pattern: str, text: str, *files: str) -> None:
    """Change what the files of a project say, by default those that list dependencies."""
    for file in generated.files(project, *(files or locking.MANIFESTS)):
        changed = re.sub(pattern, text, file.read_text("utf-8"), flags=re.MULTILINE)
        file.write_text(changed, "utf-8")
