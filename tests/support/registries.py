"""Registries of images on this machine."""

import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import programs
import stacks

KINDS = (  # of manifests; without them a registry answers in an old form, which has another digest
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
)
# Debian's package of the reference registry, with nothing but its storage.
RECIPE = """
FROM debian:trixie-slim
RUN apt-get update && apt-get install --yes --no-install-recommends docker-registry
RUN printf '%s\\n' 'version: 0.1' 'storage: {filesystem: {rootdirectory: /registry}}' \\
    'http: {addr: ":5000"}' > /registry.yml
CMD ["docker-registry", "serve", "/registry.yml"]
"""


@contextmanager
def registry() -> Iterator[str]:
    """Start an empty registry; name it as images do."""
    name = f"harbour-{uuid.uuid4().hex[:8]}"
    programs.run("docker", "build", "--tag", name, "-", text=RECIPE)
    programs.run("docker", "run", "--detach", "--name", name, "--publish", "127.0.0.1::5000", name)
    try:
        address = (
            programs.run("docker", "port", name, "5000").strip().replace("127.0.0.1", "localhost")
        )
        stacks.eventually(lambda: stacks.ask(f"http://{address}/v2/").status == 200)
        yield address
    finally:
        programs.run("docker", "rm", "--force", "--volumes", name)
        programs.run("docker", "image", "rm", "--force", name)


def tags(registry: str, name: str) -> list[str]:
    """List the tags of an image, of which there may be nothing at all."""
    answer = stacks.ask(f"http://{registry}/v2/{name}/tags/list")
    return sorted(answer.json()["tags"] or ()) if answer.status == 200 else []


def digest(registry: str, name: str, tag: str) -> str:
    """Find what a tag names."""
    request = urllib.request.Request(
        f"http://{registry}/v2/{name}/manifests/{tag}",
        headers={"Accept": ", ".join(KINDS)},
        method="HEAD",
    )
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        return str(response.headers["Docker-Content-Digest"])
