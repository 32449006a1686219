"""This repository, as tests and Copier see it."""

import importlib.util
import shutil
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    "template-adopted",
    "copier.yml",
    "manifest.jinja",
    "yours.gitignore",
    "extensions",
    "catalogue",
    "template-parts",
    "tasks",
    "template",
    ".gitattributes",
)


@cache
def load_extension() -> ModuleType:
    """Import extensions/decisions.py from its path, as Copier does."""
    spec = importlib.util.spec_from_file_location("decisions", ROOT / "extensions" / "decisions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def copy_template(destination: Path) -> Path:
    """Copy what Copier needs, without the Git history, which would only make it slower."""
    for part in PARTS:
        source, target = ROOT / part, destination / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    return destination
