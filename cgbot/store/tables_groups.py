"""
The tables of who we are (records): groups, people, members, tokens, the audit trail, the service itself.

One comment each says what a row is.
"""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, String, Table, Text, UniqueConstraint, false

from cgbot.store.columns import BigId, UtcTime
from cgbot.store.metadata import metadata, one_of

# The service itself: the epoch of the running `serve`, whether sending is paused after a restore, small counters.
service = Table(
    "service",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
)


# A group has a permanent id; `name` is its current address name (cg-aisec); whether posts find their threads by subject
# is its charter's word, here for those that put posts into threads.
groups = Table(
    "groups",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("created_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
    Column("threads_by_subject", Boolean, nullable=False, server_default=false()),
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
    Column("posting", String, nullable=False, server_default=""),  # "free" or "held" where a convener has said so
    Column("away_until", UtcTime),  # no posts until then
    Column("attachments", String, nullable=False, server_default="full"),  # or "link": parts over 1 MB by their links
    Column("digest_format", String, nullable=False, server_default="mime"),  # or "plain"
    UniqueConstraint("group_id", "person_id"),
    one_of("role", "convener", "vice-convener", "secretary", "member", "observer"),
    one_of("delivery", "each", "daily", "weekly", "none"),
    one_of("state", "active", "suspended", "left"),
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
