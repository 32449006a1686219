"""What a project brings: read from its files, as whoever runs them would read them."""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import yaml

from .rendering import Tree

Texts = Mapping[str, str]


class Loader(yaml.SafeLoader):
    """Reads YAML in which tags of Compose or GitLab may stand."""


Loader.add_multi_constructor("!", lambda loader, _suffix, node: construct(loader, node))


def construct(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    """Read what has a tag as if it had none; what Compose takes away is nothing."""
    if node.tag == "!reset":
        return None
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)  # type: ignore[arg-type]


def describe(tree: Tree) -> dict[str, Any]:
    """List packages, images, ports and CI jobs, and the services that Compose starts."""
    texts = {path: file["text"] for path, file in tree.items() if "text" in file}
    services = {name: draw(texts, *files) for name, files in find_stacks(texts).items()}
    return {
        "packages": sorted(set(packages(texts)), key=str.lower),
        "images": sorted(set(images(texts))),
        "ports": sorted({port for stack in services.values() for port in ports(stack)}, key=number),
        "jobs": sorted(set(jobs(texts))),
        "stacks": services,
    }


def load(texts: Texts, path: str) -> Any:
    """Read a YAML file; nothing where it is not there, or is a list of documents."""
    try:
        return yaml.load(texts.get(path, ""), Loader) or {}  # noqa: S506  (it is a safe one)
    except yaml.YAMLError:
        return {}


def find_stacks(texts: Texts) -> dict[str, tuple[str, ...]]:
    """Name the Compose files of each environment: the shared one, with one that adds to it."""
    names = [name for name in texts if re.fullmatch(r"(docker-)?compose(\.\w+)?\.ya?ml", name)]
    shared = tuple(name for name in names if name.count(".") == 1)
    usual = {"override": "development", "prod": "production"}
    found = {
        usual.get(kind, kind): (*shared, name)
        for name in sorted(names)
        if name not in shared and (kind := name.split(".")[1])
    }
    alone = draw(texts, *shared)
    telling = {kind: files for kind, files in found.items() if draw(texts, *files) != alone}
    return telling or ({"services": shared} if alone else {})


def draw(texts: Texts, *files: str) -> list[dict[str, Any]]:
    """Merge the services of Compose files, as far as a picture of them goes."""
    found: dict[str, dict[str, Any]] = {}
    for file in files:
        for name, service in (load(texts, file).get("services") or {}).items():
            entry = found.setdefault(
                name,
                {
                    "name": name,
                    "image": "",
                    "built": False,
                    "needs": [],
                    "ports": [],
                    "optional": False,
                },
            )
            service = service or {}
            if "build" in service:
                entry["built"] = True
            entry["image"] = service.get("image") or entry["image"]
            entry["optional"] = entry["optional"] or bool(service.get("profiles"))
            for needed in service.get("depends_on") or ():
                if needed not in entry["needs"]:
                    entry["needs"].append(needed)
            entry["ports"] += [text for text in map(port, service.get("ports") or ()) if text]
    return list(found.values())


def port(entry: Any) -> str:
    """Write a published port as Compose's short form does, with variables' defaults."""
    if isinstance(entry, Mapping):
        entry = f"{entry.get('published', '')}:{entry.get('target', '')}"
    return re.sub(r"\$\{\w+:?-?([^}]*)\}", r"\1", str(entry))


def ports(stack: list[dict[str, Any]]) -> Iterator[str]:
    """List what a stack publishes."""
    for service in stack:
        yield from (f"{text} ({service['name']})" for text in service["ports"])


def number(text: str) -> tuple[int, ...]:
    """Order by numbers."""
    return tuple(map(int, re.findall(r"\d+", text)))


def images(texts: Texts) -> Iterator[str]:
    """List the images that Dockerfiles start from, and those that Compose and CI pull."""
    for path, text in texts.items():
        name = PurePosixPath(path).name
        if "Dockerfile" in name:
            stages = set(re.findall(r"^FROM \S+ AS (\S+)", text, re.MULTILINE))
            found = re.findall(r"^FROM (?:--\S+ )*(\S+)", text, re.MULTILINE)
            yield from (image for image in found if image not in stages | {"scratch"})
        elif re.search(r"compose[\w.]*\.ya?ml$", name):
            services = load(texts, path).get("services") or {}
            yield from (
                service["image"]
                for service in services.values()
                if service
                and service.get("image")
                and not is_built(service)
                and "${" not in service["image"]
            )


def is_built(service: Mapping[str, Any]) -> bool:
    """Say whether an image is made here."""
    return "build" in service


def jobs(texts: Texts) -> Iterator[str]:
    """List the jobs of GitHub's workflows and of GitLab's pipeline."""
    for path in texts:
        if re.fullmatch(r"\.github/workflows/[^/]+\.ya?ml", path):
            for name, job in (load(texts, path).get("jobs") or {}).items():
                yield f"{PurePosixPath(path).name}: {job.get('name', name)}"
        elif path == ".gitlab-ci.yml":
            for name, job in load(texts, path).items():
                if isinstance(job, Mapping) and not name.startswith(".") and "script" in job:
                    yield f"{path}: {name}"


def packages(texts: Texts) -> Iterator[str]:
    """List the Python packages that a manifest asks for, each with what it is for."""
    for path, text in texts.items():
        read = MANIFESTS.get(PurePosixPath(path).name)
        if read and "/" not in path:
            yield from read(tomllib.loads(text))
        elif re.fullmatch(r"requirements/\w+\.in", path):
            for line in text.splitlines():
                if re.match(r"[A-Za-z0-9]", line):
                    yield f"{line.partition(' #')[0].strip()} ({PurePosixPath(path).stem})"


def of_pyproject(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Read the project's dependencies, its groups, and those of Poetry."""
    project = manifest.get("project", {})
    yield from project.get("dependencies", ())
    poetry = manifest.get("tool", {}).get("poetry", {}).get("group", {})
    groups = {name: group.get("dependencies", {}) for name, group in poetry.items()}
    for name, listed in {**project.get("optional-dependencies", {}), **groups}.items():
        yield from (f"{wanted} ({name})" for wanted in named(listed))
    for name, listed in manifest.get("dependency-groups", {}).items():
        yield from (f"{wanted} ({name})" for wanted in listed if isinstance(wanted, str))


def of_pipfile(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Read what Pipenv installs."""
    yield from named(manifest.get("packages", {}))
    yield from (f"{wanted} (development)" for wanted in named(manifest.get("dev-packages", {})))


def named(listed: Any) -> Iterator[str]:
    """Read a list of requirements, or a table of names and versions."""
    if not isinstance(listed, Mapping):
        yield from listed
        return
    for name, version in listed.items():
        extras = ""
        if isinstance(version, Mapping):
            extras = f"[{','.join(version['extras'])}]" if "extras" in version else ""
            version = version.get("version", "")
        yield f"{name}{extras}{'' if version == '*' else version}"


MANIFESTS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[str]]] = {
    "pyproject.toml": of_pyproject,
    "Pipfile": of_pipfile,
}
