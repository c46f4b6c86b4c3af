"""
Named places where a test may kill the process or make it fail.

`CGBOT_FAILPOINT=outbox.after-send:kill` kills the process with SIGKILL when it reaches that place the first time;
`name:raise` raises OSError there, `name:3:kill` waits for the third time. Without the variable a place costs one
comparison and does nothing.
"""

from __future__ import annotations

import os
import signal

_WANTED = os.environ.get("CGBOT_FAILPOINT", "")
_state = {"reached": 0}


def reach(name: str) -> None:
    """Pass the place `name`, unless the environment wants the process to fail here."""
    if not _WANTED or not _WANTED.startswith(f"{name}:"):
        return
    _, *count, action = _WANTED.split(":")
    _state["reached"] += 1
    if _state["reached"] != int(count[0] if count else 1):
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise OSError(f"failpoint {name}")
