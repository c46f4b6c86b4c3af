"""
What a Python under a faked clock needs (edge; found by Python through PYTHONPATH, in the processes of `travel` alone).

libfaketime hands the kernel a moment for `clock_nanosleep` that it refuses with EINVAL now and then, and whatever waits
for a child process dies of it. A lock with a timeout waits by another call.
"""

from __future__ import annotations

import threading
import time


def _sleep(seconds: float) -> None:
    threading.Event().wait(seconds)


time.sleep = _sleep
