"""Copies the packages of the workspace that the files here name, and those that these need.

It is called with the workspace's folder ``libs`` and with the folder to write.
"""

import re
import shutil
import sys
from pathlib import Path

libs, needed = (Path(argument) for argument in sys.argv[1:])


def left_out(folder: str, names: list[str]) -> set[str]:
    """Name what no build of a package needs."""
    found = {name for name in names if name == "__pycache__" or name.endswith(".egg-info")}
    if Path(folder).parent == libs:
        found |= {name for name in names if name in ("build", "dist", "tests") or name[0] == "."}
    return found


contents = [file.read_text("utf-8") for file in Path().rglob("*") if file.is_file()]
wanted = set(re.findall(r"\.\./\.\./libs/([\w.-]+)", "\n".join(contents)))
if wanted and not any(libs.iterdir()):
    sys.exit("Packages of the workspace are needed: build with --build-context libs=../../libs")

needed.mkdir()
while wanted:
    name = wanted.pop()
    if (libs / name).is_dir() and not (needed / name).exists():
        shutil.copytree(libs / name, needed / name, ignore=left_out)
        manifest = libs / name / "pyproject.toml"
        if manifest.is_file():  # which names those beside it
            wanted |= set(re.findall(r"\.\./([\w-][\w.-]*)", manifest.read_text("utf-8")))
