"""
Trust: decisions about senders, invitations, bounces and digests (Alembic revision 0003).

Beside them what a member has chosen about posts.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cgbot.store.columns import BigId, UtcTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "knocks",
        sa.Column("id", BigId, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knocks")),
    )
    op.create_index(op.f("ix_knocks_at"), "knocks", ["at"], unique=False)
    op.create_index(op.f("ix_knocks_domain"), "knocks", ["domain"], unique=False)
    op.create_index(op.f("ix_knocks_key"), "knocks", ["key"], unique=False)
    op.create_index(op.f("ix_knocks_network"), "knocks", ["network"], unique=False)
    op.create_table(
        "proofs",
        sa.Column("id", BigId, nullable=False),
        sa.Column("address_key", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("proven_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proofs")),
        sa.UniqueConstraint("address_key", "domain", name=op.f("uq_proofs_address_key_domain")),
    )
    op.create_table(
        "invites",
        sa.Column("id", BigId, nullable=False),
        sa.Column("group_id", BigId, nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("invited_by", sa.String(), nullable=False),
        sa.Column("invited_at", UtcTime(), nullable=False),
        sa.Column("reminded_at", UtcTime(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("answered_at", UtcTime(), nullable=True),
        sa.CheckConstraint("state IN ('sent', 'accepted', 'declined', 'expired')", name=op.f("ck_invites_state")),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_invites_group_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invites")),
        sa.UniqueConstraint("group_id", "key", name=op.f("uq_invites_group_id_key")),
    )
    op.create_table(
        "join_requests",
        sa.Column("id", BigId, nullable=False),
        sa.Column("group_id", BigId, nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("asked_at", UtcTime(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_at", UtcTime(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'approved', 'rejected')", name=op.f("ck_join_requests_state")),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_join_requests_group_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_join_requests")),
    )
    op.create_index("ix_join_requests_group_id_key", "join_requests", ["group_id", "key"], unique=False)
    op.create_table(
        "senders",
        sa.Column("id", BigId, nullable=False),
        sa.Column("group_id", BigId, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("added_at", UtcTime(), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.CheckConstraint("verdict IN ('allow', 'hold', 'ban')", name=op.f("ck_senders_verdict")),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_senders_group_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_senders")),
        sa.UniqueConstraint("group_id", "key", name=op.f("uq_senders_group_id_key")),
    )
    op.create_table(
        "bounces",
        sa.Column("id", BigId, nullable=False),
        sa.Column("member_id", BigId, nullable=False),
        sa.Column("content_id", BigId, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("diagnostic", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('hard', 'soft', 'content', 'complaint')", name=op.f("ck_bounces_kind")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_bounces_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bounces")),
        sa.UniqueConstraint("member_id", "content_id", name=op.f("uq_bounces_member_id_content_id")),
    )
    op.create_index("ix_bounces_content_id_kind", "bounces", ["content_id", "kind"], unique=False)
    op.create_table(
        "digest_marks",
        sa.Column("member_id", BigId, nullable=False),
        sa.Column("post_id", BigId, nullable=False),
        sa.Column("until_id", BigId, nullable=True),
        sa.Column("at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_digest_marks_member_id")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_digest_marks")),
    )
    op.create_table(
        "suspensions",
        sa.Column("id", BigId, nullable=False),
        sa.Column("member_id", BigId, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("probe_id", BigId, nullable=True),
        sa.Column("probed_at", UtcTime(), nullable=True),
        sa.Column("suspended_at", UtcTime(), nullable=True),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=False),
        sa.CheckConstraint("cause IN ('bounces', 'complaint', 'operator')", name=op.f("ck_suspensions_cause")),
        sa.CheckConstraint("state IN ('probing', 'suspended', 'ended')", name=op.f("ck_suspensions_state")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_suspensions_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suspensions")),
    )
    op.create_index(op.f("ix_suspensions_member_id"), "suspensions", ["member_id"], unique=False)
    op.add_column("members", sa.Column("posting", sa.String(), server_default="", nullable=False))
    op.add_column("members", sa.Column("away_until", UtcTime(), nullable=True))
    op.add_column("members", sa.Column("attachments", sa.String(), server_default="full", nullable=False))
    op.add_column("members", sa.Column("digest_format", sa.String(), server_default="mime", nullable=False))
