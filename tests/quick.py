"""
What makes a run of thousands of tests quick, and no test different.

Each test opens a database of its own, and SQLAlchemy would compile every statement anew for it: all engines of one kind
share what has been compiled. The collector looks less often through objects that stay until the end.
"""

from __future__ import annotations

import gc
from typing import Final

from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.base import Engine
from sqlalchemy.util import LRUCache

_COMPILED: Final[LRUCache[object, object]] = LRUCache(3000)


def prepare() -> None:
    """Do it for this process."""
    gc.set_threshold(100_000, 50, 100)
    for dialect in (SQLiteDialect_pysqlite, PGDialect_psycopg):  # they stand in the keys of what was compiled
        dialect.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign]
        dialect.__eq__ = lambda self, other: type(self) is type(other)  # type: ignore[method-assign]
    Engine._compiled_cache = property(lambda _: _COMPILED, lambda _, __: None)  # type: ignore[assignment]
