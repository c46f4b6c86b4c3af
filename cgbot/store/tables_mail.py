"""
The tables of mail (records): what came in, what was said, what we owe to whom.

One comment each says what a row is.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from cgbot.store.columns import BigId, UtcTime
from cgbot.store.metadata import metadata, one_of

# The bytes of a message under the SHA-256 of the bytes; no migration rewrites this table.
raw_messages = Table(
    "raw_messages",
    metadata,
    Column("sha256", LargeBinary(32), primary_key=True),
    Column("size", Integer, nullable=False),
    Column("codec", String, nullable=False),  # "zstd" or "none"
    Column("body", LargeBinary, nullable=False),
)

# One accepted SMTP or LMTP transaction: which bytes, from where, when.
arrivals = Table(
    "arrivals",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("sha256", LargeBinary(32), ForeignKey("raw_messages.sha256"), nullable=False, index=True),
    Column("mail_from", String, nullable=False),  # "" is the null return path
    Column("received_at", UtcTime, nullable=False),
    Column("protocol", String, nullable=False),  # "smtp" or "lmtp"
    Column("peer", String, nullable=False),
    Column("helo", String, nullable=False),
    Column("tls", Boolean, nullable=False),
    Column("trace", LargeBinary, nullable=False),  # our own Received line, kept beside the bytes
)

# One recipient of an arrival: what it asks of us, and how far we are.
errands = Table(
    "errands",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("arrival_id", BigId, ForeignKey("arrivals.id"), nullable=False, index=True),
    Column("group_id", BigId, ForeignKey("groups.id")),
    Column("recipient", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("detail", String, nullable=False, default=""),  # what stood behind the + of the address
    Column("state", String, nullable=False, default="received"),
    Column("gate", String, nullable=False, default=""),  # "hold:…" or "discard:…" where the gate could not refuse
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", UtcTime, nullable=False),
    Column("epoch", Integer),  # of the `serve` that works on it; due_at is then the end of its lease
    Column("reason", String, nullable=False, default=""),
    Column("done_at", UtcTime),
    one_of("state", "received", "sorted", "held", "discarded", "shelved"),
    Index("ix_errands_state_due_at", "state", "due_at", "id"),
)

# An errand that waits for a convener: every rule that fired, and what became of it.
holds = Table(
    "holds",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("errand_id", BigId, ForeignKey("errands.id"), nullable=False, unique=True),
    Column("group_id", BigId, ForeignKey("groups.id"), nullable=False),
    Column("held_at", UtcTime, nullable=False),
    Column("content_hash", LargeBinary(32), nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("author", String, nullable=False, default=""),
    Column("subject", String, nullable=False, default=""),
    Column("state", String, nullable=False, default="waiting"),
    Column("decided_by", String, nullable=False, default=""),
    Column("decided_at", UtcTime),
    Column("note", Text, nullable=False, default=""),
    one_of("state", "waiting", "approved", "rejected", "discarded"),
    Index("ix_holds_group_id_state", "group_id", "state"),
    Index("ix_holds_group_id_content_hash", "group_id", "content_hash"),
)


threads = Table(
    "threads",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("group_id", BigId, ForeignKey("groups.id"), nullable=False),
    Column("subject", String, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("last_at", UtcTime, nullable=False),
    Column("posts", Integer, nullable=False),
    Index("ix_threads_group_id_last_at", "group_id", "last_at"),
)

# An archived message of a group; all of it but `id` can be rebuilt from the raw bytes.
posts = Table(
    "posts",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("group_id", BigId, ForeignKey("groups.id"), nullable=False),
    Column("sha256", LargeBinary(32), ForeignKey("raw_messages.sha256"), nullable=False),
    Column("content_hash", LargeBinary(32), nullable=False),
    Column("message_id", String, nullable=False),  # without angle brackets; made from the content hash if missing
    Column("permalink", String(32), nullable=False),  # base32 SHA-1 of the Message-ID, as Mailman's Message-ID-Hash
    Column("thread_id", BigId, ForeignKey("threads.id"), nullable=False, index=True),
    Column("references", JSON, nullable=False),  # Message-IDs, oldest first, In-Reply-To last if not among them
    Column("subject", String, nullable=False),
    Column("author_name", String, nullable=False),
    Column("author_address", String, nullable=False),
    Column("sent_at", UtcTime),  # the Date field, where it can be read
    Column("received_at", UtcTime, nullable=False),
    Column("size", Integer, nullable=False),
    Column("attachments", Integer, nullable=False, default=0),
    Column("files", Text, nullable=False, default="", server_default=""),  # their names, folded, a line each
    Column(
        "imported", Boolean, nullable=False, default=False, server_default=false()
    ),  # from an older archive: no news
    Column("unlisted", Boolean, nullable=False, default=False, server_default=false()),  # its author wanted no archive
    UniqueConstraint("group_id", "content_hash"),
    Index("ix_posts_group_id_permalink", "group_id", "permalink"),
    Index("ix_posts_group_id_message_id", "group_id", "message_id"),
    Index("ix_posts_group_id_received_at", "group_id", "received_at", "id"),
    Index(
        "ix_posts_unlisted",
        "thread_id",
        "group_id",
        "received_at",
        sqlite_where=text("unlisted"),
        postgresql_where=text("unlisted"),
    ),
    sqlite_autoincrement=True,  # the number of a post that was erased is never given again
)

# Every further copy of a post that came in: which arrival, when.
post_copies = Table(
    "post_copies",
    metadata,
    Column("arrival_id", BigId, ForeignKey("arrivals.id"), primary_key=True),
    Column("post_id", BigId, ForeignKey("posts.id"), primary_key=True, index=True),
    Column("received_at", UtcTime, nullable=False),
)

# Message-IDs that a thread has heard of, also of posts that never came (ghosts).
thread_ids = Table(
    "thread_ids",
    metadata,
    Column("group_id", BigId, ForeignKey("groups.id"), primary_key=True),
    Column("message_id", String, primary_key=True),
    Column("thread_id", BigId, ForeignKey("threads.id"), nullable=False, index=True),
)


# One frozen mail: bytes with marks (slots and encodings) that each copy fills; see outbox.compose.
contents = Table(
    "contents",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("group_id", BigId, ForeignKey("groups.id")),
    Column("kind", String, nullable=False),  # post, notice, invitation, reminder, …
    Column("about", String, nullable=False),  # "post 12", "meeting 3 revision 2"; for people who look
    Column("message_id", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("marks", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    # Of a large mail on SQLite, where `body` is empty then: only the last column is written without copies (see blobs).
    Column("large_body", LargeBinary),
)

# One recipient's copy of a content.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("content_id", BigId, ForeignKey("contents.id"), nullable=False),
    Column("member_id", BigId, ForeignKey("members.id"), index=True),
    Column("recipient", String, nullable=False),
    Column("return_path", String, nullable=False),  # "" for a mail that must not be answered
    Column("slots", JSON, nullable=False),
    Column("state", String, nullable=False, default="queued"),
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", UtcTime, nullable=False),
    Column("queued_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("replaces", String),  # queued copies with the same key and recipient are superseded by a newer one
    Column("epoch", Integer),  # of the `serve` that holds the lease
    Column("leased_at", UtcTime),
    Column("begun_at", UtcTime),  # the attempt under this lease has begun to talk to the next server
    Column("in_doubt", Integer, nullable=False, default=0),  # how often the final answer was lost
    Column("reply", String, nullable=False, default=""),  # the last answer of the next server
    Column("done_at", UtcTime),
    one_of("state", "queued", "leased", "deferred", "sent", "failed", "expired", "suppressed"),
    UniqueConstraint("content_id", "recipient"),
    Index("ix_deliveries_state_due_at", "state", "due_at", "id"),
    Index("ix_deliveries_content_id_state", "content_id", "state"),
    Index("ix_deliveries_replaces", "replaces", "recipient"),
)

# One attempt at a delivery: success is a row here, not a log line.
attempts = Table(
    "attempts",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("delivery_id", BigId, ForeignKey("deliveries.id"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime, nullable=False),
    Column("outcome", String, nullable=False),
    Column("reply", String, nullable=False),
    one_of("outcome", "sent", "deferred", "failed", "in-doubt"),
)
