"""
Records: every row of every table from one database into another, whichever of the two kinds each is.

Rows go through the column types of store.tables, so that a backup of one kind fills the other, table after table in
the order of their references; no table refers to itself. The search index is not copied: it is built again from the
raw messages.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, Table, func, insert, select, text

from cgbot.archive import file_texts, keep
from cgbot.mail import message as messages
from cgbot.store import raw, search
from cgbot.store.tables import log_leaves, metadata, posts

_ROWS: Final = 500
_MESSAGES: Final = 10  # a message may have megabytes
_HEAVY: Final = frozenset({"raw_messages", "contents"})


def copy(source: Connection, target: Connection) -> dict[str, int]:
    """Copy all tables in one transaction of each side; the number of rows by table."""
    copied = {table.name: _copy_table(source, target, table) for table in metadata.sorted_tables}
    _keep_numbers(target)
    return copied


def _copy_table(source: Connection, target: Connection, table: Table) -> int:
    count = 0
    size = _MESSAGES if table.name in _HEAVY else _ROWS
    wanted = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=size)
    rows = source.execute(wanted)
    for portion in rows.mappings().partitions(size):
        target.execute(insert(table), [dict(row) for row in portion])
        count += len(portion)
    _go_on_numbering(target, table)
    return count


def _go_on_numbering(target: Connection, table: Table) -> None:
    """PostgreSQL numbers rows by a sequence that knows nothing of rows that came with a number."""
    if target.dialect.name != "postgresql" or "id" not in table.c or table.c.id.foreign_keys:
        return
    highest = target.execute(select(func.max(table.c.id))).scalar_one()
    if highest is not None:
        target.execute(
            text("SELECT setval(pg_get_serial_sequence(:table, 'id'), :highest)"),
            {"table": table.name, "highest": highest},
        )


def _keep_numbers(target: Connection) -> None:
    """No number of a post is given again, also where the highest was erased: the log names it for ever."""
    used = [target.execute(select(func.max(column))).scalar_one() for column in (posts.c.id, log_leaves.c.post_id)]
    highest = max(one or 0 for one in used)
    if not highest:
        return
    if target.dialect.name == "postgresql":
        target.execute(text("SELECT setval(pg_get_serial_sequence('posts', 'id'), :highest)"), {"highest": highest})
        return
    target.execute(text("DELETE FROM sqlite_sequence WHERE name = 'posts'"))
    target.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES ('posts', :highest)"), {"highest": highest})


def index(tx: Connection) -> int:
    """Build the search index again from the raw messages; the number of posts."""
    search.drop(tx)
    search.create(tx)
    found = tx.execute(select(posts.c.id, posts.c.sha256).order_by(posts.c.id)).all()
    for row in found:
        message = messages.parse(raw.get(tx, row.sha256))
        said = file_texts.texts(file_texts.of_posts(tx, [row.id]).get(row.id, ()))
        search.add(tx, [(row.id, keep.prepare(message, said).terms)])
    return len(found)
