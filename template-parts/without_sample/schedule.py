"""What the scheduler enqueues, and when; add yours here."""

from typing import Any

# The name of each entry with its "task", and its "schedule" in seconds.
SCHEDULE: dict[str, dict[str, Any]] = {}
