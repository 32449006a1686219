"""Refuses a tag that is not the version of pyproject.toml: check-version.py v1.2.3"""

import sys
import tomllib
from pathlib import Path

tag = sys.argv[1]
manifest = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))
tables = (manifest.get("project", {}), manifest.get("tool", {}).get("poetry", {}))
# None if it is computed
versions = [table["version"] for table in tables if "version" in table]
if versions and tag.removeprefix("v") != versions[0]:
    sys.exit(
        f"The tag {tag} is not the version {versions[0]} of pyproject.toml:"
        f" tag this commit v{versions[0]}, or change the version, commit, and tag that"
    )
