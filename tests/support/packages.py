"""What people install of a program besides its wheel is made, installed and started."""

import json
from pathlib import Path

import generated
import programs
import pytest
import stacks
from container_promises import Deployed
from stacks import Stack

from extensions.decisions import read_images

# A container without a network, a file that can be written, or a program that may run from /tmp
BARE = ("--network=none", "--read-only", "--tmpfs=/tmp:noexec", "--cap-drop=ALL", "--user=65534")
READ_CONDA = """
import compression.zstd, pathlib, tarfile, zipfile
(package,) = pathlib.Path("/packages").glob("*.conda")
with zipfile.ZipFile(package) as parts:
    (info,) = (name for name in parts.namelist() if name.startswith("info-"))
    with compression.zstd.open(parts.open(info)) as text:
        archive = tarfile.open(fileobj=text, mode="r|")
        (index,) = (archive.extractfile(each).read() for each in archive if "index" in each.name)
print(index.decode())
"""


class Packaged(Deployed):
    """What programs promise that come in every format."""

    @pytest.fixture(scope="class")
    @classmethod
    def packages(cls, development: Stack) -> Path:
        """Fill the folder with the wheels, and give the one for packages a text to measure."""
        folder = development.project / "packages"
        folder.mkdir()
        (folder / "tide.txt").write_text("Low tide in the evening\n", "utf-8")
        make(development, "wheel")
        return folder

    @pytest.fixture
    def name(self, development: Stack) -> str:
        """Name the program."""
        return str(generated.read_answers(development.project)["project_slug"])

    def test_a_zipapp_is_one_file(self, development: Stack, packages: Path, name: str) -> None:
        make(development, "zipapp")
        measure = f"HOME=/tmp/home /packages/{name}.pyz measure /packages/tide.txt"
        image = read_images()["python-3.14-oldest"]
        assert "tide.txt" in run(image, measure, packages, "--network=none", "--user=65534")

    def test_a_binary_needs_nothing_that_can_be_written(
        self, development: Stack, packages: Path, name: str
    ) -> None:
        make(development, "binary")
        programs.run("tar", "-xf", packages / f"{name}-linux.tar.gz", "-C", packages)
        measure = f"/packages/{name}/{name} measure /packages/tide.txt"
        assert "tide.txt" in run(read_images()["debian-oldest"], measure, packages, *BARE)

    @pytest.mark.thorough
    def test_a_binary_may_be_one_file_which_needs_a_folder_to_unpack_to(
        self, development: Stack, packages: Path, name: str
    ) -> None:
        make(development, "binary", "ONEFILE=yes")
        measure = f"/packages/{name}-linux measure /packages/tide.txt"
        image, fixed = read_images()["debian-oldest"], ("--read-only", "--user=65534")
        assert "tide.txt" in run(image, measure, packages, *fixed, "--tmpfs=/tmp:exec")
        fails = f"! {measure} && ! TMPDIR=/nowhere {measure}"
        run(image, fails, packages, *BARE)
        run(image, f"! {measure}", packages, *fixed)

    def test_packages_of_systems_bring_what_shells_and_man_show(
        self, development: Stack, packages: Path, name: str
    ) -> None:
        make(development, "deb")
        build(development, "rpm")
        script = """
            apt-get update --quiet=2 && apt-get install --yes --quiet=2 man-db rpm >/dev/null
            dpkg --contents /packages/*.deb | sed 's/.* [.]/deb /'
            rpm --query --list --package /packages/*.rpm | sed 's/^/rpm /'
            rpm --query --requires --scripts --package /packages/*.rpm
            mkdir /root/of && cd /root/of && cat /packages/*.rpm | rpm2archive - | tar -xzf -
            ./usr/lib/NAME/NAME measure /packages/tide.txt
            man ./usr/share/man/man1/NAME.1.gz
        """
        said = run(read_images()["debian-oldest"], script.replace("NAME", name), packages)
        for file in (
            f"bin/{name}",
            f"lib/{name}/{name}",
            f"share/bash-completion/completions/{name}",
            f"share/fish/vendor_completions.d/{name}.fish",
            f"share/man/man1/{name}.1.gz",
        ):
            assert f"deb /usr/{file}" in said
            assert f"rpm /usr/{file}" in said
        assert f"deb /usr/share/zsh/vendor-completions/_{name}" in said
        assert f"rpm /usr/share/zsh/site-functions/_{name}" in said
        assert "\nglibc >= 2.36\n" in said
        assert "scriptlet" not in said
        assert "tide.txt" in said
        assert "\nCommands:\n" in said.replace("   ", "")

    def test_a_conda_package_asks_for_what_the_wheel_asks_for(
        self, development: Stack, packages: Path, name: str
    ) -> None:
        build(development, "conda")
        image = read_images()["python-3.14-oldest"]
        said = programs.run(
            *("docker", "run", "--rm", f"--volume={packages}:/packages:ro", image),
            *("python3", "-c", READ_CONDA),
        )
        index = json.loads(said)
        assert (index["name"], index["subdir"]) == (name, "noarch")
        assert {each.split()[0] for each in index["depends"]} >= {"python", "typer", "structlog"}


def make(stack: Stack, target: str, *settings: str) -> None:
    """Run a target of the Makefile, which also installs and starts what it makes."""
    in_project(stack, "make", "--silent", target, *settings)


def build(stack: Stack, target: str) -> None:
    """Make a package whose system is not at hand to install it in."""
    contexts = ("--build-context", "wheels=wheels", "--build-context", "dist=dist")
    options = (*contexts, "--output", "packages", "--target", target)
    in_project(stack, "docker", "build", "--file", "Dockerfile.packages", *options, ".")


def in_project(stack: Stack, *command: str) -> None:
    """Run a command in a project, as the developer."""
    result = stacks.execute(*command, cwd=stack.project)
    stacks.give_to_developer(stack.project)
    assert result.returncode == 0, result.stdout


def run(image: str, script: str, packages: Path, *options: str) -> str:
    """Run a shell script in a clean container that has the packages."""
    mount = f"--volume={packages}:/packages:ro"
    return programs.run("docker", "run", "--rm", mount, *options, image, "sh", "-euc", script)
