"""Render each preset into a repository of its own.

python -m tools.examples https://github.com/owner/example- v1.2.0

The name of a preset completes the address. Each repository gets a commit and a tag of the version
on its branch main, so that people can look at a real project, at its real CI, and at what a release
has changed. One that has the tag stays as it is.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
SOURCE = "https://github.com/slipway-template/slipway"


def main() -> None:
    """Publish all presets of this checkout."""
    parser = argparse.ArgumentParser(description="Render each preset into a repository of its own.")
    parser.add_argument("remote", help="how the addresses begin; the name of a preset ends them")
    parser.add_argument("version", help="the tag of the template to render, such as v1.2.0")
    parser.add_argument(
        "--source", default=SOURCE, help="where the template is (default: %(default)s)"
    )
    options = parser.parse_args()
    try:
        for preset in sorted((ROOT / "presets").glob("*.yml")):
            address = f"{options.remote}{preset.stem}"
            publish(preset, address, options.source, options.version)
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)  # the program has said why


def publish(preset: Path, address: str, source: str, version: str) -> None:
    """Render a preset over what its repository has, and push that with its tag."""
    with TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        git(project.parent, "clone", "--quiet", address, project.name)
        if git(project, "tag", "--list", version):
            print(f"{address} has {version}")
            return
        begun = git(project, "branch", "--remotes", "--list", "origin/main").split()
        git(project, "switch", "--quiet", "--force-create", "main", *begun)
        for path in project.iterdir():
            if path.name != ".git":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        copy(preset, project, source, version)
        git(project, "add", "--all")
        git(project, "commit", "--quiet", "--allow-empty", "--message", f"Take Slipway {version}")
        git(project, "tag", version)
        git(project, "push", "--quiet", "--atomic", "origin", "main", version)
        print(f"{address} gets {version}")


def copy(preset: Path, project: Path, source: str, version: str) -> None:
    """Copy the template as its users do, with a name that says what it is."""
    name = f"project_name=Example {preset.stem.capitalize()}"
    chosen = ("--data-file", preset, "--data", name, "--vcs-ref", version)
    command = (sys.executable, "-m", "copier", "copy", "--defaults", "--quiet", "--trust")
    subprocess.run([*command, *chosen, source, project], check=True)


def git(folder: Path, *arguments: str | Path) -> str:
    """Run git in a folder; return what it prints."""
    command = ["git", "-C", folder, *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    main()
