"""
Checkpoints of SQLite's log in a thread of their own (records; no SQL of a feature).

A commit that finds the write-ahead log long moves it into the database and waits for the disk twice more; whoever sent
the message waits with it. This thread does the same once a second beside the commits (PASSIVE: it waits for nobody and
nobody for it). A commit does it only where the log has become much longer than that (`engines.LOG_PAGES`).
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from pathlib import Path
from typing import Final

_SECONDS: Final = 1.0
log = logging.getLogger(__name__)


class Checkpoints:
    """One for a database file; it works from `start` to `stop`."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)

    def start(self) -> None:
        """Begin, once."""
        self._thread.start()

    def stop(self) -> None:
        """End; what the log still holds is moved when the last connection closes."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(_SECONDS):
            try:
                self._move_log()
            except sqlite3.Error as error:  # the commits meet the same fault and answer for it
                log.warning("the database's log could not be moved: %s", error)

    def _move_log(self) -> None:
        address = f"{Path(self._file).absolute().as_uri()}?mode=rw"  # a file that has gone is not made anew
        with contextlib.closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=FULL").close()
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").close()
