"""
Orders, papers, reports, attendance and actions (Alembic revision 0002).

Beside them two indexes that long lists of deliveries and copies need, and when an attempt began to talk.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cgbot.store.columns import BigId, UtcTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "successions",
        sa.Column("predecessor_id", BigId, nullable=False),
        sa.Column("successor_id", BigId, nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["predecessor_id"], ["groups.id"], name=op.f("fk_successions_predecessor_id")),
        sa.ForeignKeyConstraint(["successor_id"], ["groups.id"], name=op.f("fk_successions_successor_id")),
        sa.PrimaryKeyConstraint("predecessor_id", name=op.f("pk_successions")),
    )
    op.create_index(op.f("ix_successions_successor_id"), "successions", ["successor_id"], unique=False)
    op.create_table(
        "calls",
        sa.Column("id", BigId, nullable=False),
        sa.Column("group_id", BigId, nullable=False),
        sa.Column("meeting_id", BigId, nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("closes_at", UtcTime(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("opened_at", UtcTime(), nullable=False),
        sa.Column("opened_by", sa.String(), nullable=False),
        sa.Column("closed_at", UtcTime(), nullable=True),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.CheckConstraint("rule IN ('published', 'twelve-days', 'seven-days', 'given')", name=op.f("ck_calls_rule")),
        sa.CheckConstraint("state IN ('open', 'closed', 'withdrawn')", name=op.f("ck_calls_state")),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_calls_group_id")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meetings.id"], name=op.f("fk_calls_meeting_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calls")),
    )
    op.create_index("ix_calls_group_id_state", "calls", ["group_id", "state"], unique=False)
    op.create_index(op.f("ix_calls_meeting_id"), "calls", ["meeting_id"], unique=False)
    op.create_table(
        "reports",
        sa.Column("id", BigId, nullable=False),
        sa.Column("group_id", BigId, nullable=False),
        sa.Column("meeting_id", BigId, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("drafted_at", UtcTime(), nullable=True),
        sa.Column("approved_at", UtcTime(), nullable=True),
        sa.Column("approved_by", sa.String(), nullable=False),
        sa.Column("approved_version", sa.Integer(), nullable=True),
        sa.Column("submitted_at", UtcTime(), nullable=True),
        sa.Column("content_id", BigId, nullable=True),
        sa.Column("receipt_at", UtcTime(), nullable=True),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('due', 'drafted', 'approved', 'submitted')", name=op.f("ck_reports_state")),
        sa.ForeignKeyConstraint(["content_id"], ["contents.id"], name=op.f("fk_reports_content_id")),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_reports_group_id")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meetings.id"], name=op.f("fk_reports_meeting_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
        sa.UniqueConstraint("group_id", "meeting_id", name=op.f("uq_reports_group_id_meeting_id")),
    )
    op.create_table(
        "actions",
        sa.Column("id", BigId, nullable=False),
        sa.Column("group_id", BigId, nullable=False),
        sa.Column("meeting_id", BigId, nullable=True),
        sa.Column("owner_id", BigId, nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("due_on", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("done_at", UtcTime(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'done', 'dropped')", name=op.f("ck_actions_state")),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_actions_group_id")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meetings.id"], name=op.f("fk_actions_meeting_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["members.id"], name=op.f("fk_actions_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_actions")),
    )
    op.create_index("ix_actions_group_id_state", "actions", ["group_id", "state"], unique=False)
    op.create_index(op.f("ix_actions_owner_id"), "actions", ["owner_id"], unique=False)
    op.create_table(
        "attendance",
        sa.Column("id", BigId, nullable=False),
        sa.Column("meeting_id", BigId, nullable=False),
        sa.Column("member_id", BigId, nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("organization", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("recorded_at", UtcTime(), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["meeting_id"], ["meetings.id"], name=op.f("fk_attendance_meeting_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_attendance_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance")),
        sa.UniqueConstraint("meeting_id", "name", name=op.f("uq_attendance_meeting_id_name")),
    )
    op.create_table(
        "orders",
        sa.Column("id", BigId, nullable=False),
        sa.Column("group_id", BigId, nullable=False),
        sa.Column("command", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("summary", sa.String(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("member_id", BigId, nullable=True),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("ordered_at", UtcTime(), nullable=True),
        sa.Column("due_at", UtcTime(), nullable=True),
        sa.Column("done_at", UtcTime(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('shown', 'ordered', 'done', 'undone', 'failed', 'replaced', 'lapsed')",
            name=op.f("ck_orders_state"),
        ),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_orders_group_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_orders_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
    )
    op.create_index("ix_orders_group_id_about_state", "orders", ["group_id", "about", "state"], unique=False)
    op.create_index("ix_orders_state_due_at", "orders", ["state", "due_at"], unique=False)
    op.create_table(
        "papers",
        sa.Column("id", BigId, nullable=False),
        sa.Column("group_id", BigId, nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("abstract", sa.Text(), nullable=False),
        sa.Column("author_name", sa.String(), nullable=False),
        sa.Column("author_address", sa.String(), nullable=False),
        sa.Column("member_id", BigId, nullable=True),
        sa.Column("meeting_id", BigId, nullable=True),
        sa.Column("call_id", BigId, nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("replaced_by", BigId, nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("announced_at", UtcTime(), nullable=True),
        sa.Column("registered_at", UtcTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('announced', 'registered', 'considered', 'withdrawn')", name=op.f("ck_papers_state")
        ),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_papers_call_id")),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_papers_group_id")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meetings.id"], name=op.f("fk_papers_meeting_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_papers_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_papers")),
        sa.UniqueConstraint("group_id", "number", name=op.f("uq_papers_group_id_number")),
    )
    op.create_index(op.f("ix_papers_call_id"), "papers", ["call_id"], unique=False)
    op.create_index("ix_papers_group_id_state", "papers", ["group_id", "state"], unique=False)
    op.create_index(op.f("ix_papers_meeting_id"), "papers", ["meeting_id"], unique=False)
    op.create_table(
        "report_versions",
        sa.Column("id", BigId, nullable=False),
        sa.Column("report_id", BigId, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("made_at", UtcTime(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("generated", sa.Text(), nullable=False),
        sa.Column("docx", sa.LargeBinary(length=32), nullable=True),
        sa.Column("docx_tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["docx"], ["raw_messages.sha256"], name=op.f("fk_report_versions_docx")),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"], name=op.f("fk_report_versions_report_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_versions")),
        sa.UniqueConstraint("report_id", "number", name=op.f("uq_report_versions_report_id_number")),
    )
    op.create_table(
        "paper_revisions",
        sa.Column("id", BigId, nullable=False),
        sa.Column("paper_id", BigId, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("errand_id", BigId, nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("abstract", sa.Text(), nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["errand_id"], ["errands.id"], name=op.f("fk_paper_revisions_errand_id")),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_paper_revisions_paper_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_revisions")),
        sa.UniqueConstraint("paper_id", "revision", name=op.f("uq_paper_revisions_paper_id_revision")),
    )
    op.create_table(
        "paper_files",
        sa.Column("id", BigId, nullable=False),
        sa.Column("revision_id", BigId, nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(["revision_id"], ["paper_revisions.id"], name=op.f("fk_paper_files_revision_id")),
        sa.ForeignKeyConstraint(["sha256"], ["raw_messages.sha256"], name=op.f("fk_paper_files_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_files")),
    )
    op.create_index(op.f("ix_paper_files_revision_id"), "paper_files", ["revision_id"], unique=False)
    op.create_index(op.f("ix_paper_files_sha256"), "paper_files", ["sha256"], unique=False)
    op.add_column("contents", sa.Column("large_body", sa.LargeBinary(), nullable=True))
    op.add_column("errands", sa.Column("epoch", sa.Integer(), nullable=True))
    op.add_column("deliveries", sa.Column("begun_at", UtcTime(), nullable=True))
    op.drop_index(op.f("ix_deliveries_content_id"), table_name="deliveries")
    op.create_index("ix_deliveries_content_id_state", "deliveries", ["content_id", "state"], unique=False)
    op.create_index(op.f("ix_post_copies_post_id"), "post_copies", ["post_id"], unique=False)
