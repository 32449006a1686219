"""What tests want of the Python processes that they start.

Python imports this module by itself in each process that has its folder in PYTHONPATH.
"""

import os
import sys
from pathlib import Path

RENDERERS = {"copier", "follow.py", "slipway", "update.py"}

if "WATCHED_LOG" in os.environ:
    import watching

    watching.start()
elif RENDERERS & {Path(word).name for word in sys.orig_argv}:
    import remembering

    remembering.start()
