"""
What was removed is overwritten (records; SQLite only, which leaves it in free pages, in its log and in its index).

`overwrite` makes a transaction zero what it frees; `shred`, after it, writes the index of words anew in small steps, so
that no word of a removed post stays in it, and empties the write-ahead log. On PostgreSQL that is the business of
VACUUM.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from cgbot.store.db import Database

_PAGES: Final = 500
_MERGE: Final = "INSERT INTO post_search (post_search, rank) VALUES ('merge', ?)"
_PROGRESS: Final = 2  # SQLite's own measure: fewer changes say that there was nothing to merge


def overwrite(tx: Connection) -> None:
    """Zero what this transaction frees."""
    if tx.dialect.name == "sqlite":
        tx.exec_driver_sql("PRAGMA secure_delete=ON").close()


def shred(db: Database) -> None:
    """Let no removed word stay in the index, and nothing in the log."""
    if db.dialect != "sqlite":
        return
    pages = -_PAGES  # a negative number begins to merge all of the index
    while db.write_now(_merge, pages):
        pages = _PAGES
    db.empty_log()


def _merge(tx: Connection, pages: int) -> bool:
    """One step; whether there may be more."""
    overwrite(tx)
    driver = tx.connection.driver_connection
    before = driver.total_changes  # type: ignore[union-attr]  # SQLite's own
    tx.exec_driver_sql(_MERGE, (pages,))
    return bool(driver.total_changes - before >= _PROGRESS)  # type: ignore[union-attr]  # as above
