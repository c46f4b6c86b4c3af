"""
The tables of what people have ordered and promised (records): orders, attendance, actions, successors.

One comment each says what a row is.
"""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, Index, String, Table, Text, UniqueConstraint

from cgbot.store.columns import BigId, UtcTime
from cgbot.store.metadata import metadata, one_of

# What a convener has asked for by mail or on the desk: shown first, ordered by a yes, carried out when the time to
# undo it is over.
orders = Table(
    "orders",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("group_id", BigId, ForeignKey("groups.id"), nullable=False),
    Column("command", String, nullable=False),
    Column("about", String, nullable=False),  # "meeting 12": at most one order waits about the same thing
    Column("summary", String, nullable=False),
    Column("fields", JSON, nullable=False),  # the order as its author may correct it
    Column("facts", JSON, nullable=False),  # what carries it out
    Column("actor", String, nullable=False),
    Column("member_id", BigId, ForeignKey("members.id")),
    Column("message_id", String, nullable=False, default=""),  # of the mail that asked for it
    Column("state", String, nullable=False, default="shown"),
    Column("created_at", UtcTime, nullable=False),
    Column("ordered_at", UtcTime),
    Column("due_at", UtcTime),
    Column("done_at", UtcTime),
    Column("outcome", Text, nullable=False, default=""),
    one_of("state", "shown", "ordered", "done", "undone", "failed", "replaced", "lapsed"),
    Index("ix_orders_group_id_about_state", "group_id", "about", "state"),
    Index("ix_orders_state_due_at", "state", "due_at"),
)

# Somebody who took part in a meeting.
attendance = Table(
    "attendance",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("meeting_id", BigId, ForeignKey("meetings.id"), nullable=False),
    Column("member_id", BigId, ForeignKey("members.id")),
    Column("name", String, nullable=False),
    Column("organization", String, nullable=False, default=""),
    Column("country", String, nullable=False, default=""),
    Column("recorded_at", UtcTime, nullable=False),
    Column("recorded_by", String, nullable=False),
    UniqueConstraint("meeting_id", "name"),
)

# An action: who does what until when.
actions = Table(
    "actions",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("group_id", BigId, ForeignKey("groups.id"), nullable=False),
    Column("meeting_id", BigId, ForeignKey("meetings.id")),
    Column("owner_id", BigId, ForeignKey("members.id"), index=True),
    Column("text", Text, nullable=False),
    Column("due_on", String, nullable=False, default=""),  # an ISO day, "" for none
    Column("state", String, nullable=False, default="open"),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", String, nullable=False),
    Column("done_at", UtcTime),
    one_of("state", "open", "done", "dropped"),
    Index("ix_actions_group_id_state", "group_id", "state"),
)

# A group that carries another one on.
successions = Table(
    "successions",
    metadata,
    Column("predecessor_id", BigId, ForeignKey("groups.id"), primary_key=True),
    Column("successor_id", BigId, ForeignKey("groups.id"), nullable=False, index=True),
    Column("since", UtcTime, nullable=False),
)
