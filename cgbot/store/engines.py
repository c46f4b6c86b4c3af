"""
Engines for SQLite and PostgreSQL with the settings that make a commit durable (records; no SQL of a feature).

SQLite: WAL, synchronous=FULL, foreign keys on, BEGIN IMMEDIATE for writers (a deferred transaction that turns into a
writer fails at once, whatever the busy timeout), query_only for readers. PostgreSQL: SERIALIZABLE for writers, a
read-only REPEATABLE READ snapshot for readers.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url

from cgbot.errors import ConfigError

BUSY_MILLISECONDS = 5_000
# 64 MB: before that, `store.checkpoints` moves the log beside the commits.
LOG_PAGES = 16_000


def build(url: str) -> tuple[Engine, Engine]:
    """Build the writing and the reading engine; another kind of database is a ConfigError."""
    kind = make_url(url).get_backend_name()
    if kind == "sqlite":
        return _sqlite(url, read_only=False), _sqlite(url, read_only=True)
    if kind == "postgresql":
        return _postgresql(url, read_only=False), _postgresql(url, read_only=True)
    raise ConfigError("settings", "database.url", f"{kind!r} is not a database that cgbot knows: sqlite or postgresql")


def _sqlite(url: str, *, read_only: bool) -> Engine:
    engine = create_engine(url, pool_size=4, max_overflow=8)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in _pragmas(read_only=read_only):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _pragmas(*, read_only: bool) -> tuple[str, ...]:
    shared = (f"busy_timeout={BUSY_MILLISECONDS}", "foreign_keys=ON", "temp_store=MEMORY")
    if read_only:
        return (*shared, "query_only=ON")
    return (*shared, "journal_mode=WAL", "synchronous=FULL", "cache_size=-8000", f"wal_autocheckpoint={LOG_PAGES}")


def _postgresql(url: str, *, read_only: bool) -> Engine:
    full = make_url(url).set(drivername="postgresql+psycopg")
    level = "REPEATABLE READ" if read_only else "SERIALIZABLE"
    options = {"postgresql_readonly": True} if read_only else {}
    return create_engine(
        full, pool_size=8, max_overflow=4, isolation_level=level, execution_options=options, pool_pre_ping=True
    )


def outside_transactions(connection: Connection, statement: str) -> None:
    """Run a statement that SQLite ignores inside a transaction, such as a change of foreign_keys."""
    cursor = connection.connection.cursor()
    cursor.execute(statement)
    cursor.close()
