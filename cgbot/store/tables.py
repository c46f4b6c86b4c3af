"""
Every table of the program (records).

Plain SQLAlchemy Core, the same on SQLite and PostgreSQL; `store.search` keeps its own index beside them. Migrations are
checked against this. Feature folders own the rows: their records modules hold the SQL.
"""

from __future__ import annotations

from cgbot.store.metadata import metadata
from cgbot.store.tables_archive import (
    archive_logs,
    erased_people,
    file_texts,
    log_leaves,
    log_tiles,
    thread_edits,
    tombstones,
    tree_heads,
)
from cgbot.store.tables_groups import (
    addresses,
    audit,
    charter_versions,
    group_aliases,
    groups,
    members,
    people,
    service,
    tokens,
)
from cgbot.store.tables_mail import (
    arrivals,
    attempts,
    contents,
    deliveries,
    errands,
    holds,
    post_copies,
    posts,
    raw_messages,
    thread_ids,
    threads,
)
from cgbot.store.tables_meetings import attendees, feeds, meetings, notices, replies
from cgbot.store.tables_papers import calls, paper_files, paper_revisions, papers, report_versions, reports
from cgbot.store.tables_trust import (
    bounces,
    digest_marks,
    invites,
    join_requests,
    knocks,
    proofs,
    senders,
    suspensions,
)
from cgbot.store.tables_work import actions, attendance, orders, successions

__all__ = [
    "actions",
    "addresses",
    "archive_logs",
    "arrivals",
    "attempts",
    "attendance",
    "attendees",
    "audit",
    "bounces",
    "calls",
    "charter_versions",
    "contents",
    "deliveries",
    "digest_marks",
    "erased_people",
    "errands",
    "feeds",
    "file_texts",
    "group_aliases",
    "groups",
    "holds",
    "invites",
    "join_requests",
    "knocks",
    "log_leaves",
    "log_tiles",
    "meetings",
    "members",
    "metadata",
    "notices",
    "orders",
    "paper_files",
    "paper_revisions",
    "papers",
    "people",
    "post_copies",
    "posts",
    "proofs",
    "raw_messages",
    "replies",
    "report_versions",
    "reports",
    "senders",
    "service",
    "successions",
    "suspensions",
    "thread_edits",
    "thread_ids",
    "threads",
    "tokens",
    "tombstones",
    "tree_heads",
]
