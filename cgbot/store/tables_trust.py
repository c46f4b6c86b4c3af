"""
The tables of trust (records): who may post and join, who is asked, whom mail does not reach, what a digest has covered.

One comment each says what a row is.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text, UniqueConstraint

from cgbot.store.columns import BigId, UtcTime
from cgbot.store.metadata import metadata, one_of

# What a group has decided about an address ("a@example.org", folded) or a whole domain ("@example.org").
senders = Table(
    "senders",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("group_id", BigId, ForeignKey("groups.id"), nullable=False),
    Column("key", String, nullable=False),
    Column("verdict", String, nullable=False),
    Column("added_at", UtcTime, nullable=False),
    Column("added_by", String, nullable=False),
    Column("note", String, nullable=False, default=""),
    one_of("verdict", "allow", "hold", "ban"),
    UniqueConstraint("group_id", "key"),
)

# Somebody has said "yes, that was me" to mail in the name of this address (folded) that came from this domain.
proofs = Table(
    "proofs",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("address_key", String, nullable=False),
    Column("domain", String, nullable=False),
    Column("proven_at", UtcTime, nullable=False),
    UniqueConstraint("address_key", "domain"),
)

# Somebody who was asked by a convener to join.
invites = Table(
    "invites",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("group_id", BigId, ForeignKey("groups.id"), nullable=False),
    Column("address", String, nullable=False),
    Column("key", String, nullable=False),
    Column("name", String, nullable=False, default=""),
    Column("invited_by", String, nullable=False),
    Column("invited_at", UtcTime, nullable=False),
    Column("reminded_at", UtcTime),
    Column("state", String, nullable=False, default="sent"),
    Column("answered_at", UtcTime),
    one_of("state", "sent", "accepted", "declined", "expired"),
    UniqueConstraint("group_id", "key"),
)

# Somebody who asks to join a group whose conveners decide about it; the address has answered.
join_requests = Table(
    "join_requests",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("group_id", BigId, ForeignKey("groups.id"), nullable=False),
    Column("address", String, nullable=False),
    Column("key", String, nullable=False),
    Column("name", String, nullable=False, default=""),
    Column("language", String, nullable=False, default=""),
    Column("asked_at", UtcTime, nullable=False),
    Column("state", String, nullable=False, default="waiting"),
    Column("decided_by", String, nullable=False, default=""),
    Column("decided_at", UtcTime),
    one_of("state", "waiting", "approved", "rejected"),
    Index("ix_join_requests_group_id_key", "group_id", "key"),
)

# One request for a confirmation, kept for some days: what the limits against bombing count.
knocks = Table(
    "knocks",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("at", UtcTime, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("key", String, nullable=False, index=True),
    Column("domain", String, nullable=False, index=True),
    Column("network", String, nullable=False, default="", index=True),
)

# What a member's server said about one mail of ours: at most one row a member and content.
bounces = Table(
    "bounces",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("member_id", BigId, ForeignKey("members.id"), nullable=False),
    Column("content_id", BigId, nullable=False),  # contents are cleared away before this is
    Column("at", UtcTime, nullable=False),
    Column("kind", String, nullable=False),
    Column("status", String, nullable=False, default=""),
    Column("diagnostic", Text, nullable=False, default=""),
    one_of("kind", "hard", "soft", "content", "complaint"),
    UniqueConstraint("member_id", "content_id"),
    Index("ix_bounces_content_id_kind", "content_id", "kind"),
)

# Mail to a member in question: probed, then suspended, until it ends.
suspensions = Table(
    "suspensions",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("member_id", BigId, ForeignKey("members.id"), nullable=False, index=True),
    Column("state", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("probe_id", BigId),  # the content of the probe, which is cleared away before this is
    Column("probed_at", UtcTime),
    Column("suspended_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("ended_by", String, nullable=False, default=""),
    one_of("state", "probing", "suspended", "ended"),
    one_of("cause", "bounces", "complaint", "operator"),
)

# The last post that a member has had in a digest, or that was there when digests began; `until_id` ends what is owed to
# somebody who has gone back to single posts.
digest_marks = Table(
    "digest_marks",
    metadata,
    Column("member_id", BigId, ForeignKey("members.id"), primary_key=True),
    Column("post_id", BigId, nullable=False),
    Column("until_id", BigId),
    Column("at", UtcTime, nullable=False),
)
