"""
The tables of what we work on (records): calls, papers, reports to the parent.

One comment each says what a row is.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from cgbot.store.columns import BigId, UtcTime
from cgbot.store.metadata import metadata, one_of

# A call for contributions, to a meeting of the group or of its parent, or to none.
calls = Table(
    "calls",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("group_id", BigId, ForeignKey("groups.id"), nullable=False),
    Column("meeting_id", BigId, ForeignKey("meetings.id"), index=True),
    Column("title", String, nullable=False),
    Column("text", Text, nullable=False, default=""),
    Column("closes_at", UtcTime, nullable=False),
    Column("rule", String, nullable=False),
    Column("state", String, nullable=False, default="open"),
    Column("opened_at", UtcTime, nullable=False),
    Column("opened_by", String, nullable=False),
    Column("closed_at", UtcTime),
    Column("message_id", String, nullable=False, default=""),  # of the call as it went to the list
    # Who says when it closes: published by the secretariat; 12 full days before a parent meeting (A.1 clause 3.1);
    # 7 days before a meeting of the group; a day that a convener has given.
    one_of("rule", "published", "twelve-days", "seven-days", "given"),
    one_of("state", "open", "closed", "withdrawn"),
    Index("ix_calls_group_id_state", "group_id", "state"),
)

# A contribution to the group; one that its author has only announced has no number yet.
papers = Table(
    "papers",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("group_id", BigId, ForeignKey("groups.id"), nullable=False),
    Column("number", Integer),
    Column("title", String, nullable=False),
    Column("source", String, nullable=False, default=""),
    Column("abstract", Text, nullable=False, default=""),
    Column("author_name", String, nullable=False, default=""),
    Column("author_address", String, nullable=False),
    Column("member_id", BigId, ForeignKey("members.id")),
    Column("meeting_id", BigId, ForeignKey("meetings.id"), index=True),
    Column("call_id", BigId, ForeignKey("calls.id"), index=True),
    Column("state", String, nullable=False),
    Column("replaced_by", BigId),  # a paper; no key, since a backup brings rows back one after the other
    Column("late", Boolean, nullable=False, default=False),
    Column("announced_at", UtcTime),
    Column("registered_at", UtcTime),
    one_of("state", "announced", "registered", "considered", "withdrawn"),
    UniqueConstraint("group_id", "number"),
    Index("ix_papers_group_id_state", "group_id", "state"),
)

# One version of a paper as it came in; revision 0 is the first.
paper_revisions = Table(
    "paper_revisions",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("paper_id", BigId, ForeignKey("papers.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("errand_id", BigId, ForeignKey("errands.id")),
    Column("title", String, nullable=False),
    Column("source", String, nullable=False, default=""),
    Column("abstract", Text, nullable=False, default=""),
    Column("received_at", UtcTime, nullable=False),
    Column("late", Boolean, nullable=False, default=False),
    UniqueConstraint("paper_id", "revision"),
)

# A file of a revision; its bytes are in raw_messages under their SHA-256.
paper_files = Table(
    "paper_files",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("revision_id", BigId, ForeignKey("paper_revisions.id"), nullable=False, index=True),
    Column("filename", String, nullable=False),
    Column("content_type", String, nullable=False),
    Column("size", Integer, nullable=False),
    Column("sha256", LargeBinary(32), ForeignKey("raw_messages.sha256"), nullable=False, index=True),
)

# The activity report that the group owes for one meeting of its parent.
reports = Table(
    "reports",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("group_id", BigId, ForeignKey("groups.id"), nullable=False),
    Column("meeting_id", BigId, ForeignKey("meetings.id"), nullable=False),
    Column("state", String, nullable=False, default="due"),
    Column("drafted_at", UtcTime),
    Column("approved_at", UtcTime),
    Column("approved_by", String, nullable=False, default=""),
    Column("approved_version", Integer),
    Column("submitted_at", UtcTime),
    Column("content_id", BigId, ForeignKey("contents.id")),  # the mail to the secretariat
    Column("receipt_at", UtcTime),
    Column("receipt", Text, nullable=False, default=""),  # what the secretariat answered, its first words
    one_of("state", "due", "drafted", "approved", "submitted"),
    UniqueConstraint("group_id", "meeting_id"),
)

# One version of a report: the text as it stands, and the text that cgbot had made of the facts when it was written.
report_versions = Table(
    "report_versions",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("report_id", BigId, ForeignKey("reports.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("made_by", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("generated", Text, nullable=False),
    Column("docx", LargeBinary(32), ForeignKey("raw_messages.sha256")),  # made afterwards, outside any transaction
    Column("docx_tries", Integer, nullable=False, default=0),
    UniqueConstraint("report_id", "number"),
)
