"""The production images of the same service: by manager, and against their base images."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.benchmarks.images import LABEL, engine, read_images, size
from tools.benchmarks.measure import ROOT, copy_template, print_table, render, run

sys.path.insert(0, str(ROOT / "tests" / "support"))
import attacks
import locking
import questions
import stacks

# What is built: the answers, and the Dockerfile
IMAGES: Mapping[str, tuple[dict[str, str], str]] = {
    "slim": ({}, "Dockerfile"),
    "full": ({"base_image": "full"}, "Dockerfile"),
    "distro": ({"base_image": "distro"}, "Dockerfile"),
    "distroless": ({"base_image": "distroless"}, "Dockerfile"),
    "hardened": ({"base_image": "hardened"}, "Dockerfile"),
    "the proxy": ({"reverse_proxy": "nginx"}, "nginx/Dockerfile"),
}


def report(runs: int) -> None:
    """Print two tables; a size is what it is, so that one run is enough."""
    with engine(), TemporaryDirectory() as name:
        folder = Path(name)
        template = copy_template(folder / "slipway")
        compare_managers(template, folder)
        compare_bases(template, folder)


def compare_managers(template: Path, folder: Path) -> None:
    """Print what each dependency manager makes of the default service."""
    sizes = {}
    for manager in questions.choices()["dependency_manager"]:
        project = render(template, folder / manager, {"dependency_manager": manager})
        locking.lock(project)
        sizes[manager] = size(build(project, manager))
    base = size(read_images()["python"])
    print_table(
        ("default service", "image, MB", "added to its base, MB", "image, uv = 1"),
        *(
            (name, f"{total:.1f}", f"{total - base:.1f}", f"{total / sizes['uv']:.4f}")
            for name, total in sizes.items()
        ),
    )


def compare_bases(template: Path, folder: Path) -> None:
    """Print what each image adds to its base, and how many setuid and setgid files both have."""
    rows = []
    for name, (answers, dockerfile) in IMAGES.items():
        project = render(template, folder / name, answers)
        locking.lock(project)
        tag = build(project, name.replace(" ", "-"), dockerfile)
        text = (project / dockerfile).read_text("utf-8")
        base = re.findall(r"^FROM (\S+)", text, re.MULTILINE)[-1]
        tools = stacks.bring_tools(project) if dockerfile == "Dockerfile" else ()
        files = f"{attacks.count_setuid(base, *tools)} → {attacks.count_setuid(tag, *tools)}"
        if tools:
            run("docker", "volume", "rm", f"{stacks.slug_of(project)}-tools")
            stacks.bring_tools.cache_clear()
        rows.append((name, base, f"{size(tag):.1f}", f"{size(tag) - size(base):.1f}", files))
    print_table(("image", "its base", "MB", "added to its base, MB", "setuid files"), *rows)


def build(project: Path, name: str, dockerfile: str = "Dockerfile") -> str:
    """Build an image that is removed in the end; return its tag."""
    tag = f"{LABEL}-{name}"
    file = ("--file", project / dockerfile)
    run("docker", "build", "--quiet", "--label", LABEL, "--tag", tag, *file, project)
    return tag
