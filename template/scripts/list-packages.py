"""Lists the packages of this Python's environment and their versions, as a lock names them."""

import re
import sysconfig
from importlib import metadata

lines = set()
for package in metadata.distributions(path=[sysconfig.get_path("purelib")]):
    name = re.sub(r"[-_.]+", "-", package.name).lower()
    lines.add(f"{name}=={package.version}")
print(*sorted(lines), sep="\n")
