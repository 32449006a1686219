"""List the names that no project may have, since what projects install has them already.

python -m tools.taken_names            writes catalogue/taken_names.yaml
python -m tools.taken_names --check    refuses a list that is out of date, and changes nothing
"""

import argparse
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "catalogue" / "taken_names.yaml"
HEADER = "# Written by python -m tools.taken_names from what the requirements beside it install.\n"
MODULES = (".py", ".pyi", ".so")


def main() -> None:
    """Write the list, or compare it with the one that there is."""
    parser = argparse.ArgumentParser(description="List the names that no project may have.")
    parser.add_argument("--check", action="store_true", help="only compare the list")
    arguments = parser.parse_args()
    locked = lock()
    names = {"distributions": sorted(distributions(locked)), "packages": sorted(packages(locked))}
    text = HEADER + yaml.safe_dump(names)
    if not arguments.check:
        LIST.write_text(text, "utf-8")
    elif text != LIST.read_text("utf-8"):
        sys.exit(
            f"{LIST.relative_to(ROOT)} is out of date:"
            " run python -m tools.taken_names, and commit what it writes."
        )


def pythons() -> list[str]:
    """List the versions of Python that a project can have, the oldest first."""
    questions = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
    return sorted(questions["python_version"]["choices"].values(), key=Version)


def lock() -> str:
    """Resolve all that any project may ask for, on every platform and Python."""
    folders = (ROOT / "catalogue" / "requirements").iterdir()
    files = (file for folder in sorted(folders) for file in sorted(folder.glob("*.txt")))
    wanted = "".join(file.read_text("utf-8") for file in files if file.parent.name != "tool")
    options = ("--universal", "--python-version", pythons()[0], "--no-header", "--no-annotate")
    return uv("pip", "compile", *options, "-", text=wanted)


def distributions(locked: str) -> set[str]:
    """Name what is installed, with underscores, also where only some platform asks for it."""
    names = (Requirement(line).name for line in locked.splitlines())
    return {name.lower().replace("-", "_").replace(".", "_") for name in names}


def packages(locked: str) -> set[str]:
    """Name what can be imported then, where a project could be called so."""
    options = ("--no-deps", "--only-binary", ":all:", "--python-version", pythons()[-1])
    with TemporaryDirectory() as folder:
        target = ("--python-platform", "x86_64-unknown-linux-gnu", "--target", folder)
        uv("pip", "install", *options, *target, "--requirement", "-", text=locked)
        found = {path.name.split(".")[0] for path in Path(folder).iterdir() if is_module(path)}
    return {name for name in found if name.islower() and name.isascii() and name[0].isalpha()}


def is_module(path: Path) -> bool:
    """Say whether Python could import a file or a folder."""
    if path.is_dir():
        return path.name.isidentifier() and any(map(is_module, path.iterdir()))
    return path.suffix in MODULES


def uv(*arguments: str, text: str) -> str:
    """Run the uv that is installed beside this Python; what it complains of goes through."""
    command = [sys.executable, "-m", "uv", "--quiet", *arguments]
    result = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode != 0:
        sys.exit("The requirements cannot be installed for the reason above.")
    return result.stdout


if __name__ == "__main__":
    main()
