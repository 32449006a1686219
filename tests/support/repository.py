"""This repository, as tests and Copier see it."""

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    "copier.yml",
    "manifest.jinja",
    "yours.gitignore",
    "extensions",
    "catalogue",
    "template-other",
    "template-parts",
    "tasks",
    "template",
    ".gitattributes",
)


def copy_template(destination: Path) -> Path:
    """Copy what Copier needs, without the Git history, which would only make it slower."""
    destination.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source, target = ROOT / part, destination / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    return destination
