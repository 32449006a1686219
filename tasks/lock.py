"""Locks a freshly copied or updated project; never fails, because Copier would undo the copy."""

import subprocess
import sys

PATIENCE = 600  # seconds


def lock() -> str:
    """Run the project's own lock script; return what went wrong, or ""."""
    try:
        result = subprocess.run(["sh", "scripts/lock.sh"], timeout=PATIENCE, check=False)
    except FileNotFoundError:
        return "there is no POSIX shell on this machine"
    except subprocess.TimeoutExpired:
        return f"it took longer than {PATIENCE} seconds"
    return "" if result.returncode == 0 else "see above"


print("Locking the dependencies; this takes up to a few minutes.", file=sys.stderr, flush=True)
if problem := lock():
    print(
        f"The dependencies are not locked yet ({problem}). Run this in the project: make lock",
        file=sys.stderr,
    )
