"""One command pins the images of a project to their digests, and the bots see what it pins."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import generated
import programs
import pytest
import questions
import registries
import stacks
from conftest import Render

FILES = ("Dockerfile*", "nginx/Dockerfile", "compose*.yaml")
PULLED = re.compile(r"^(?:FROM| +image:) ([^ $@\n]+:(?!development)[^ $@\n]+)", re.MULTILINE)


@pytest.fixture(scope="module")
def registry(engine: None) -> Iterator[str]:
    """Start an empty registry on this machine; name it as images do."""
    with registries.registry() as address:
        yield address


@pytest.fixture
def project(render: Render) -> Path:
    """Render a project with images in every kind of file."""
    return render({"reverse_proxy": "nginx", "cache": "valkey"})


def pulled(project: Path) -> set[str]:
    """List the images that a project pulls, without their digests."""
    return {
        image
        for file in generated.files(project, *FILES)
        for image in PULLED.findall(file.read_text("utf-8"))
    }


def move_to(registry: str, project: Path) -> list[str]:
    """Let a project pull its images from a registry; list them."""
    for file in generated.files(project, *FILES):
        text = PULLED.sub(
            lambda line: line[0].replace(line[1], f"{registry}/{line[1]}"), file.read_text("utf-8")
        )
        file.write_text(text, "utf-8")
    images = sorted(pulled(project))
    assert len(images) == 6  # Python, uv, nginx, PostgreSQL, Valkey and Adminer
    return images


def push(image: str, content: str) -> str:
    """Let a tag of the registry name an image with this content; return it with its digest."""
    programs.run(
        "docker", "build", "--tag", image, "-", text=f"FROM scratch\nLABEL content={content}\n"
    )
    printed = programs.run("docker", "push", image)
    programs.run("docker", "image", "rm", image)
    (digest,) = re.findall(r"digest: (sha256:\w+)", printed)
    return f"{image}@{digest}"


def pin(project: Path) -> "tuple[int, str]":
    """Run the command; say how it ended and what it printed."""
    result = stacks.execute("make", "--silent", "pin-images", cwd=project)
    return result.returncode, result.stdout


@pytest.mark.docker
def test_images_are_pinned_and_later_moved_to_the_digests_of_their_tags(
    registry: str, project: Path
) -> None:
    images = move_to(registry, project)
    original = generated.read_tree(project)
    first = {image: push(image, "first") for image in images}

    assert pin(project) == (0, "".join(f"{first[image]}\n" for image in images))
    pinned = generated.read_tree(project)
    assert pinned == {path: with_digests(text, path, first) for path, text in original.items()}
    assert pinned != original

    pin(project)
    assert generated.read_tree(project) == pinned

    second = {**first, images[0]: push(images[0], "second")}
    assert second != first
    assert pin(project)[0] == 0
    assert generated.read_tree(project) == {
        path: with_digests(text, path, second) for path, text in original.items()
    }
    programs.run("docker", "compose", "config", "--quiet", cwd=project)


def with_digests(text: str, path: str, pins: Mapping[str, str]) -> str:
    """Write the pinned names into a Dockerfile or Compose file."""
    if "Dockerfile" not in path and not path.startswith("compose"):
        return text
    return PULLED.sub(lambda line: line[0].replace(line[1], pins[line[1]]), text)


@pytest.mark.docker
@pytest.mark.parametrize("reason", ["one image is missing", "nobody answers"])
def test_nothing_is_changed_unless_every_digest_is_known(
    registry: str, project: Path, reason: str
) -> None:
    nobody = f"localhost:{stacks.free_ports(1)[0]}"
    images = move_to(nobody if reason == "nobody answers" else f"{registry}/other", project)
    if reason == "one image is missing":
        for image in images[:-1]:
            push(image, "first")
    before = generated.read_tree(project)

    code, printed = pin(project)
    assert code != 0
    missing = images[0] if reason == "nobody answers" else images[-1]
    (sentence,) = re.findall("^There is no digest for .*", printed, re.MULTILINE)
    assert missing in sentence
    assert "nothing was changed" in sentence
    assert generated.read_tree(project) == before


def test_the_bots_see_what_is_pinned(projects: Mapping[str, Path]) -> None:
    asked = set()
    for name, project in projects.items():
        bot = generated.read_answers(project)["dependency_updates"]
        asked.add(bot)
        if bot == "renovate":
            assert "config:best-practices" in generated.parse(project / "renovate.json")["extends"]
        if bot != "dependabot":
            continue
        seen = {
            (update["package-ecosystem"], directory)
            for update in generated.parse(project / ".github" / "dependabot.yml")["updates"]
            for directory in update.get("directories", [update.get("directory")])
        }
        for file in generated.files(project, *FILES):
            if PULLED.search(file.read_text("utf-8")):
                ecosystem = "docker" if "Dockerfile" in file.name else "docker-compose"
                folder = file.relative_to(project).parent
                assert (ecosystem, f"/{folder.as_posix().strip('.')}") in seen, f"{file} in {name}"
    assert asked == set(questions.choices()["dependency_updates"])
