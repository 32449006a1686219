"""Locking the dependencies of projects, the same ones once in a run."""

import hashlib
import json
import os
import re
import tempfile
from functools import cache
from pathlib import Path

import generated
import stacks
from filelock import FileLock
from pip._internal.models.index import PyPI

MANIFESTS = ("pyproject.toml", "Pipfile", "requirements/*.in", "scripts/lock.sh")
LOCKS = ("uv.lock", "poetry.lock", "Pipfile.lock", "requirements/*.txt")
POETRY_MIRROR = "poetry-plugin-pypi-mirror"
# Stages that ask an index, or whose next stages do; no image of production is made of them.
ASKING = re.compile(
    r"^FROM .* AS (?:build|inspect|install|large|pipenv|poetry|resolve|split)\n", re.MULTILINE
)


@cache
def poetry_index() -> str:
    """Name the index that Poetry has to be pointed at; "" if its default serves what it asks for.

    Poetry asks the public index for JSON, which a mirror in its place need not have.
    """
    try:
        stacks.ask(f"{PyPI.pypi_url}/pip/26.1/json").json()
    except (OSError, ValueError):
        return nearest_index() or PyPI.simple_url
    return ""


def nearest_index() -> str:
    """Name the index that keeps what it has handed out: .ci/run may have started one."""
    return os.environ.get("CACHING_INDEX", "")


def index_settings() -> dict[str, str]:
    """Map the variables that lead tools to an index to what they have to be."""
    settings = {}
    if index := nearest_index():
        settings["PIP_INDEX_URL"] = settings["PIPENV_PYPI_MIRROR"] = index
        settings["PIP_TRUSTED_HOST"] = index.split("/")[2]
    if poetry_index():
        settings["POETRY_PYPI_MIRROR_URL"] = poetry_index()
    return settings


def reach_index(project: Path) -> None:
    """Point the tools in a project's images at the index that tests use, if it is another one.

    uv keeps what it downloads anyway, and would write the index into its lock.
    """
    manager = generated.read_answers(project).get("dependency_manager", "uv")
    settings = "".join(f"ENV {name}={value}\n" for name, value in index_settings().items())
    for name in ("Dockerfile", "Dockerfile.dev") if manager != "uv" and settings else ():
        text = (project / name).read_text("utf-8")
        if settings not in text:
            text = ASKING.sub(lambda line: line[0] + settings, text)
            if poetry_index():
                text = text.replace("install poetry==", f"install {POETRY_MIRROR} poetry==")
            (project / name).write_text(text, "utf-8")


def lock(project: Path) -> None:
    """Lock a project with its own script, or as the same dependencies were locked in this run.

    The answer depends on the manifests, the image and the lock that there was; tests of locking
    itself ask anew.
    """
    names = own_names(project)
    kept = kept_locks() / f"{digest(project, names)}.json"
    with FileLock(f"{kept}.lock"):  # whoever needs the same one waits for it
        if not kept.exists():
            lock_anew(project)
            locks = read(project, names, *LOCKS)
            assert locks, "the script has written no lock"
            kept.write_text(json.dumps(locks), "utf-8")
            return
    for path, text in json.loads(kept.read_text("utf-8")).items():
        for name, stand_in in names.items():
            text = text.replace(stand_in, name)
        (project / path).write_text(text, "utf-8")


def lock_anew(project: Path) -> None:
    """Lock the dependencies of a project with its own script."""
    reach_index(project)
    result = stacks.execute("sh", "scripts/lock.sh", cwd=project)
    assert result.returncode == 0, result.stdout
    if index := nearest_index():  # which no lock may name
        trusted = f"--trusted-host {index_settings()['PIP_TRUSTED_HOST']}\n\n"
        for file in generated.files(project, *LOCKS, "containers/*.txt"):
            text = file.read_text("utf-8").replace(trusted, "").replace(index, PyPI.simple_url)
            file.write_text(text, "utf-8")


def own_names(project: Path) -> dict[str, str]:
    """Map the names that only this project has to stand-ins of the same shape."""
    slug = str(generated.read_answers(project)["project_slug"])
    return {slug: "harbour-project", slug.replace("-", "_"): "harbour_project"}


def digest(project: Path, names: dict[str, str]) -> str:
    """Digest all that decides a lock."""
    reach_index(project)
    inputs = read(project, names, *MANIFESTS, *LOCKS)
    image = read(project, names, "Dockerfile.dev")["Dockerfile.dev"]
    inputs["image"] = image.partition(" AS lock\n")[0]  # which locks where no tool is at hand
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def read(project: Path, names: dict[str, str], *patterns: str) -> dict[str, str]:
    """Read files of a project as if it had the names of all."""
    texts = {}
    for file in generated.files(project, *patterns):
        text = file.read_text("utf-8")
        for name, stand_in in names.items():
            text = text.replace(name, stand_in)
        texts[file.relative_to(project).as_posix()] = text
    return texts


def kept_locks() -> Path:
    """Find the folder that all processes of one run share, and no other run."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    folder = Path(tempfile.gettempdir()) / f"locks-{run}"
    folder.mkdir(exist_ok=True)
    return folder
