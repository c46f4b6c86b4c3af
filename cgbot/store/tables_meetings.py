"""
The tables of meetings and of what is due (records).

One comment each says what a row is.
"""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from cgbot.store.columns import BigId, UtcTime
from cgbot.store.metadata import metadata, one_of

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
    one_of("kind", "group", "parent", "rgm", "workshop"),
    one_of("state", "draft", "tentative", "confirmed", "held", "reported", "cancelled"),
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
    one_of("state", "planned", "announced", "queued", "stopped", "skipped"),
    Index("ix_notices_state_due_at", "state", "due_at"),
)
