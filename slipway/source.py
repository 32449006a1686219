"""Where the template is: in the clone around this package, or where that was installed from."""

import json
import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

ROOT = Path(__file__).resolve().parents[1]
IS_CLONE = (ROOT / "copier.yml").is_file()
# What the program itself reads of the template; a wheel brings it along.
FILES = ROOT if IS_CLONE else Path(__file__).with_name("packed")
KNOWN = ("https://github.com/", "https://gitlab.com/")  # Copier takes these for git without a word


def find_source() -> str:
    """Name the template as Copier takes it: this clone, or what the program was installed from.

    pip and uv write down the latter, so that a fork's program uses the fork.
    """
    if IS_CLONE:
        return str(ROOT)
    program = distribution("slipway")
    origin = json.loads(program.read_text("direct_url.json") or "{}")
    address = str(origin.get("url", ""))
    if "vcs_info" in origin:
        is_known = address.startswith(KNOWN) or address.endswith(".git")
        return address if is_known else f"git+{address}"
    folder = Path(url2pathname(urlsplit(address).path))
    if address.startswith("file:") and (folder / "copier.yml").is_file():
        return str(folder)
    links = program.metadata.get_all("Project-URL", [])
    return str(next(link for link in links if link.startswith("Repository")).partition(", ")[2])


def find_version() -> str:
    """Name the release that the program belongs to, or came after."""
    if not IS_CLONE:
        return distribution("slipway").version
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    place = project["tool"]["hatch"]["version"]
    found = re.search(place["pattern"], (ROOT / place["path"]).read_text("utf-8"), re.MULTILINE)
    return found["version"] if found else "0"
