"""
Every table of the program, one comment each for what a row is.

The tables are plain SQLAlchemy Core, the same on SQLite and PostgreSQL; `store.search` keeps its own index beside
them. Migrations are checked against this file. Feature folders own the rows (their records modules hold the SQL).
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from cgbot.store.columns import BigId, UtcTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _one_of(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


# The service itself: the epoch of the running `serve`, whether sending is paused after a restore, small counters.
service = Table(
    "service",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
)

# ---------------------------------------------------------------------------------------------------- who we are

# A group has a permanent id; `name` is its current address name (cg-aisec).
groups = Table(
    "groups",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("created_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
)

# Names under which a group receives mail and has pages, the current one included; an old one redirects.
group_aliases = Table(
    "group_aliases",
    metadata,
    Column("name", String, primary_key=True),
    Column("group_id", BigId, ForeignKey("groups.id"), nullable=False, index=True),
    Column("valid_from", UtcTime, nullable=False),
    Column("valid_until", UtcTime),
)

# Versions of a group's charter (terms of reference and settings), as read from its file.
charter_versions = Table(
    "charter_versions",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("group_id", BigId, ForeignKey("groups.id"), nullable=False),
    Column("valid_from", UtcTime, nullable=False),
    Column("sha256", String, nullable=False),
    Column("source", Text, nullable=False),
    UniqueConstraint("group_id", "sha256"),
)

people = Table(
    "people",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", String, nullable=False, default=""),
    Column("organization", String, nullable=False, default=""),
    Column("country", String, nullable=False, default=""),
    Column("zone", String, nullable=False, default=""),
    Column("language", String, nullable=False, default=""),
    Column("created_at", UtcTime, nullable=False),
)

# A person's addresses; `key` is the address folded for comparison, `address` as it was written.
addresses = Table(
    "addresses",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("person_id", BigId, ForeignKey("people.id"), nullable=False, index=True),
    Column("address", String, nullable=False),
    Column("key", String, nullable=False, unique=True),
    Column("verified_at", UtcTime),
)

# One person in one group, with the address that mail goes to.
members = Table(
    "members",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("group_id", BigId, ForeignKey("groups.id"), nullable=False),
    Column("person_id", BigId, ForeignKey("people.id"), nullable=False, index=True),
    Column("address_id", BigId, ForeignKey("addresses.id"), nullable=False),
    Column("role", String, nullable=False, default="member"),
    Column("delivery", String, nullable=False, default="each"),
    Column("invitations", Boolean, nullable=False, default=True),
    Column("state", String, nullable=False, default="active"),
    Column("joined_at", UtcTime, nullable=False),
    Column("left_at", UtcTime),
    UniqueConstraint("group_id", "person_id"),
    _one_of("role", "convener", "vice-convener", "secretary", "member", "observer"),
    _one_of("delivery", "each", "daily", "weekly", "none"),
    _one_of("state", "active", "suspended", "left"),
)

# One-time tokens (confirm, approve, undo): only the hash is kept.
tokens = Table(
    "tokens",
    metadata,
    Column("hash", String, primary_key=True),
    Column("purpose", String, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
    Column("used_at", UtcTime),
)

# Who did what, when, to what: the audit trail, append-only.
audit = Table(
    "audit",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("group_id", BigId, ForeignKey("groups.id"), index=True),
    Column("subject", String, nullable=False),
    Column("detail", JSON, nullable=False),
)

# --------------------------------------------------------------------------------------------------- what came in

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
    Column("reason", String, nullable=False, default=""),
    Column("done_at", UtcTime),
    _one_of("state", "received", "sorted", "held", "discarded", "shelved"),
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
    _one_of("state", "waiting", "approved", "rejected", "discarded"),
    Index("ix_holds_group_id_state", "group_id", "state"),
    Index("ix_holds_group_id_content_hash", "group_id", "content_hash"),
)

# --------------------------------------------------------------------------------------------------- what was said

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
    UniqueConstraint("group_id", "content_hash"),
    Index("ix_posts_group_id_permalink", "group_id", "permalink"),
    Index("ix_posts_group_id_message_id", "group_id", "message_id"),
    Index("ix_posts_group_id_received_at", "group_id", "received_at", "id"),
)

# Every further copy of a post that came in: which arrival, when.
post_copies = Table(
    "post_copies",
    metadata,
    Column("arrival_id", BigId, ForeignKey("arrivals.id"), primary_key=True),
    Column("post_id", BigId, ForeignKey("posts.id"), primary_key=True),
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

# --------------------------------------------------------------------------------------------- what we owe to whom

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
)

# One recipient's copy of a content.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("content_id", BigId, ForeignKey("contents.id"), nullable=False, index=True),
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
    Column("in_doubt", Integer, nullable=False, default=0),  # how often the final answer was lost
    Column("reply", String, nullable=False, default=""),  # the last answer of the next server
    Column("done_at", UtcTime),
    _one_of("state", "queued", "leased", "deferred", "sent", "failed", "expired", "suppressed"),
    UniqueConstraint("content_id", "recipient"),
    Index("ix_deliveries_state_due_at", "state", "due_at", "id"),
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
    _one_of("outcome", "sent", "deferred", "failed", "in-doubt"),
)

# -------------------------------------------------------------------------------------------------- when we meet

meetings = Table(
    "meetings",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("group_id", BigId, ForeignKey("groups.id"), nullable=False),
    Column("uid", String, nullable=False, unique=True),
    Column("kind", String, nullable=False),
    Column("title", String, nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("zone", String, nullable=False),
    Column("wall_start", String, nullable=False),  # local ISO time without offset, or a date for whole days
    Column("wall_end", String, nullable=False),  # exclusive
    Column("starts_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    Column("whole_days", Boolean, nullable=False, default=False),
    Column("location", String, nullable=False, default=""),
    Column("join_url", String, nullable=False, default=""),
    Column("state", String, nullable=False),
    Column("sequence", Integer, nullable=False, default=0),  # RFC 5546 section 2.1.4
    Column("revision", Integer, nullable=False, default=1),  # every change, also one that needs no new SEQUENCE
    Column("revised_at", UtcTime, nullable=False),  # DTSTAMP and LAST-MODIFIED
    Column("created_at", UtcTime, nullable=False),
    Column("takes_report", Boolean, nullable=False, default=False),
    _one_of("kind", "group", "parent", "rgm", "workshop"),
    _one_of("state", "draft", "tentative", "confirmed", "held", "reported", "cancelled"),
    Index("ix_meetings_group_id_starts_at", "group_id", "starts_at"),
)

# Who was invited to a meeting, and the last answer by (SEQUENCE, DTSTAMP) (RFC 5546 section 2.1.5).
attendees = Table(
    "attendees",
    metadata,
    Column("meeting_id", BigId, ForeignKey("meetings.id"), primary_key=True),
    Column("member_id", BigId, ForeignKey("members.id"), primary_key=True),
    Column("invited_sequence", Integer, nullable=False),
    Column("partstat", String, nullable=False, default="NEEDS-ACTION"),
    Column("sequence", Integer),
    Column("dtstamp", UtcTime),
    Column("evidence", String, nullable=False, default=""),  # verified, unverified
    Column("comment", Text, nullable=False, default=""),
    Column("answered_at", UtcTime),
)

# Every reply as it came, applied or not, with the reason.
replies = Table(
    "replies",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("errand_id", BigId, ForeignKey("errands.id"), nullable=False, unique=True),
    Column("meeting_id", BigId, ForeignKey("meetings.id"), index=True),
    Column("member_id", BigId, ForeignKey("members.id")),
    Column("method", String, nullable=False),
    Column("partstat", String, nullable=False),
    Column("sequence", Integer),
    Column("dtstamp", UtcTime),
    Column("comment", Text, nullable=False, default=""),
    Column("evidence", String, nullable=False),
    Column("outcome", String, nullable=False),  # applied, stale, unknown, …
    Column("received_at", UtcTime, nullable=False),
)

# The bytes of a public feed and when they last changed, so that Last-Modified never goes back.
feeds = Table(
    "feeds",
    metadata,
    Column("group_id", BigId, ForeignKey("groups.id"), primary_key=True),
    Column("etag", String, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
)

# ---------------------------------------------------------------------------------------------------- what is due

# One occurrence of a scheduled mail; (kind, about) is the promise that it goes out once.
notices = Table(
    "notices",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("group_id", BigId, ForeignKey("groups.id"), nullable=False),
    Column("kind", String, nullable=False),
    Column("about", String, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("audience", String, nullable=False),
    Column("summary", String, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("state", String, nullable=False, default="planned"),
    Column("announced_at", UtcTime),
    Column("done_at", UtcTime),
    Column("reason", String, nullable=False, default=""),
    UniqueConstraint("group_id", "kind", "about"),
    _one_of("state", "planned", "announced", "queued", "stopped", "skipped"),
    Index("ix_notices_state_due_at", "state", "due_at"),
)
