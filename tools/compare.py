"""Compares what two versions of the template generate: python -m tools.compare BEFORE [AFTER].

Renders every combination of the covering array, adopted applications and presets by both versions,
and compares all files byte by byte, their modes, and what Copier says. It prints the differences
and ends with 1 if there is one: a refactoring leaves none.
"""

import argparse
import difflib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, StringIO
from itertools import cycle
from pathlib import Path
from typing import Any

import copier
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests" / "support"))  # the tests choose what is rendered

import combinations  # noqa: E402

Tree = Mapping[str, tuple[bool, bytes]]  # path -> whether it is executable, and what is in it

# What applications of different kinds bring: their files, and how they are started.
APPLICATIONS: tuple[Mapping[str, Any], ...] = (
    {"own_files": ["app.py", "requirements.txt"], "entry_point": "app:app"},
    {
        "own_files": ["manage.py", "requirements/local.txt", "requirements/production.txt", "shop"],
        "entry_point": "shop.wsgi:application",
        "development_settings": "shop.settings.local",
        "production_settings": "shop.settings.production",
    },
    {
        "own_files": ["src/shop", "pyproject.toml", "alembic.ini"],
        "entry_point": "shop:create_app()",
    },
    {
        "own_files": ["main.py", "setup.cfg", "Dockerfile"],
        "entry_point": "python main.py --port 8000",
    },
    {"own_files": ["parts/one/pyproject.toml", "parts/one/src", "parts"], "entry_point": "one:app"},
)


def main() -> int:
    """Compare two commits, or a commit with the work tree."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("before", help="a commit, such as main")
    parser.add_argument("after", nargs="?", help="a commit (default: the work tree)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        before = export(options.before, folder / "before")
        after = export(options.after, folder / "after")
        wanted = all_answers()
        work = [
            (answers, before, after, folder / str(n)) for n, answers in enumerate(wanted.values())
        ]
        with ProcessPoolExecutor() as pool:
            results = list(pool.map(differences, *zip(*work, strict=True)))
    found = defaultdict(list)
    for project, texts in zip(wanted, results, strict=True):
        for text in texts:
            found[text].append(project)
    for text, projects in found.items():
        print(f"{text}\nin {len(projects)} projects, such as {projects[0]}\n")
    print(f"{len(wanted)} projects, {sum(map(len, found.values()))} differences", file=sys.stderr)
    return 1 if found else 0


def all_answers() -> dict[str, Mapping[str, Any]]:
    """Map a name of each project to the answers it is made from."""
    wanted: dict[str, Mapping[str, Any]] = dict(combinations.COMBINATIONS)
    services = [
        row for row in combinations.arbitrary(60) if row["framework"] in ("fastapi", "flask")
    ]
    for number, (row, application) in enumerate(zip(services, cycle(APPLICATIONS), strict=False)):
        base = "slim" if row["base_image"] in combinations.WITHOUT_SHELL else row["base_image"]
        wanted[f"adopted-{number:02}"] = {
            **{key: answer for key, answer in row.items() if key != "deployment"},
            "base_image": base,
            **application,
        }
    for preset in sorted((ROOT / "presets").glob("*.yml")):
        wanted[f"preset-{preset.stem}"] = yaml.safe_load(preset.read_text("utf-8"))
    return wanted


def export(commit: str | None, folder: Path) -> Path:
    """Write the files of a commit, or of the work tree, into a folder without git."""
    if commit is None:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        for path in map(os.fsdecode, listed.stdout.split(b"\0")[:-1]):
            if (ROOT / path).is_file():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / path, folder / path)
        return folder
    command = ["git", "archive", commit]
    archive = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder, filter="tar")
    return folder


def differences(answers: Mapping[str, Any], before: Path, after: Path, folder: Path) -> list[str]:
    """Say what differs between the projects that two versions make from the same answers."""
    old, new = (render(template, folder, answers) for template in (before, after))
    return [
        describe(path, old.get(path), new.get(path))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    ]


def render(template: Path, folder: Path, answers: Mapping[str, Any]) -> Tree:
    """Render a project in a folder that is there for both versions; read it, and the messages."""
    shutil.rmtree(folder, ignore_errors=True)
    messages = StringIO()
    with redirect_stderr(messages), redirect_stdout(StringIO()):
        copier.run_copy(
            str(template),
            folder,
            data=dict(answers),
            defaults=True,
            skip_tasks=True,
            unsafe=True,
        )
    said = messages.getvalue().replace(str(template), "(template)")
    lines = sorted(line for line in said.splitlines() if "identical" not in line)
    return {**read(folder), "(messages)": (False, "\n".join(lines).encode())}


def read(folder: Path) -> Tree:
    """Read the files of a project, but for the line that says where the template was."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {
        file.relative_to(folder).as_posix(): (
            os.access(file, os.X_OK),
            b"\n".join(
                line for line in file.read_bytes().split(b"\n") if not line.startswith(b"_src_path")
            ),
        )
        for file in files
    }


def describe(path: str, old: tuple[bool, bytes] | None, new: tuple[bool, bytes] | None) -> str:
    """Write the difference between two versions of a file."""
    if old is None or new is None:
        return f"{path} is {'new' if old is None else 'gone'}"
    if old[1] == new[1]:
        return f"{path} is {'executable' if new[0] else 'not executable'} now"
    was, now = (text.decode(errors="replace").splitlines() for _, text in (old, new))
    names = (f"before/{path}", f"after/{path}")
    return "\n".join(difflib.unified_diff(was, now, *names, lineterm=""))


if __name__ == "__main__":
    sys.exit(main())
