"""Refuses a tag that is not the version of pyproject.toml: check-version.py v1.2.3"""

import sys
import tomllib
from pathlib import Path

tag = sys.argv[1]
version = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]["version"]
if tag.removeprefix("v") != version:
    sys.exit(
        f"The tag {tag} is not the version {version} of pyproject.toml:"
        f" tag this commit v{version}, or change the version, commit, and tag that"
    )
