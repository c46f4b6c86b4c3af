"""
The tables of the archive of record (records): the log that proves it, what was erased, how it is read.

One comment each says what a row is.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, String, Table, Text, UniqueConstraint, text

from cgbot.store.columns import BigId, UtcTime
from cgbot.store.metadata import metadata, one_of

# The log of a group: the name that its heads carry for ever, the verifier keys of the newest one (a line each), and up
# to which post each has a leaf.
archive_logs = Table(
    "archive_logs",
    metadata,
    Column("group_id", BigId, ForeignKey("groups.id"), primary_key=True, autoincrement=False),
    Column("origin", String, nullable=False, unique=True),
    Column("verifiers", Text, nullable=False, default=""),
    Column("covered", BigInteger, nullable=False, default=0),
)

# A leaf of the log: written with its post, numbered when the next head is signed. Its post may have been erased, and
# then its salt has too; `hash` stays for ever.
log_leaves = Table(
    "log_leaves",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("group_id", BigId, ForeignKey("groups.id"), nullable=False),
    Column("number", BigInteger),  # counted from 0 in the group's log
    Column("post_id", BigInteger, nullable=False),
    Column("kind", String, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("salt", LargeBinary(16)),
    one_of("kind", "post", "erasure"),
    UniqueConstraint("group_id", "number"),
    UniqueConstraint("post_id", "kind"),
)

# The root of 256 numbered leaves, so that a proof reads few of them.
log_tiles = Table(
    "log_tiles",
    metadata,
    Column("group_id", BigId, ForeignKey("groups.id"), primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
)

# A signed tree head: the checkpoint exactly as it was published.
tree_heads = Table(
    "tree_heads",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("group_id", BigId, ForeignKey("groups.id"), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("signed_at", UtcTime, nullable=False),
    Column("note", Text, nullable=False),
    UniqueConstraint("group_id", "size"),
)

# A post that was erased: who ordered it, when and why, and keyed marks of what must not come back.
tombstones = Table(
    "tombstones",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("group_id", BigId, ForeignKey("groups.id"), nullable=False),
    Column("post_id", BigInteger, nullable=False, unique=True),
    Column("permalink", String(32), nullable=False),
    Column("raw_mark", String, nullable=False),
    Column("content_mark", String, nullable=False),
    Column("erased_at", UtcTime, nullable=False),
    Column("erased_by", String, nullable=False),
    Column("reason", String, nullable=False),
    Index("ix_tombstones_group_id_permalink", "group_id", "permalink"),
)

# The text of the files of a post, so that they can be searched: packed JSON, a number, a name and a text each. It waits
# until a process apart has read them; all of it can be read again from the raw bytes.
file_texts = Table(
    "file_texts",
    metadata,
    Column("post_id", BigId, ForeignKey("posts.id"), primary_key=True, autoincrement=False),
    Column("state", String, nullable=False),
    Column("texts", LargeBinary),
    one_of("state", "waiting", "read"),
    Index(
        "ix_file_texts_waiting",
        "post_id",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
)

# A keyed mark of an address or a name of somebody who was erased: hidden wherever others have written it.
erased_people = Table("erased_people", metadata, Column("mark", String, primary_key=True))

# A message that a convener has put below another, or made the beginning of a thread (`parent` is ""): it counts
# instead of what the message says of itself, until it is undone. The audit trail says who did it.
thread_edits = Table(
    "thread_edits",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("group_id", BigId, ForeignKey("groups.id"), nullable=False),
    Column("message_id", String, nullable=False),
    Column("parent", String, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("undone_at", UtcTime),
    Index("ix_thread_edits_group_id_message_id", "group_id", "message_id"),
)
