"""
The archive of record: the log that proves it, its signed heads, what was erased (Alembic revision 0004).

SQLite's table of posts is copied once, so that the number of one that was erased is not given again. Posts that are
there already get their leaves when the first head is signed, in the order of their numbers; the names of their files
are found after `cgbot archive rebuild`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cgbot.store.columns import BigId, UtcTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables; SQLite never gives the number of a post again."""
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("posts", recreate="always", table_kwargs={"sqlite_autoincrement": True}):
            pass
    op.add_column("posts", sa.Column("files", sa.Text(), server_default="", nullable=False))
    op.add_column("posts", sa.Column("imported", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "archive_logs",
        sa.Column("group_id", BigId, autoincrement=False, nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("verifiers", sa.Text(), nullable=False),
        sa.Column("covered", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_archive_logs_group_id")),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_archive_logs")),
        sa.UniqueConstraint("origin", name=op.f("uq_archive_logs_origin")),
    )
    op.create_table(
        "log_leaves",
        sa.Column("id", BigId, nullable=False),
        sa.Column("group_id", BigId, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("post_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("salt", sa.LargeBinary(16), nullable=True),
        sa.CheckConstraint("kind IN ('post', 'erasure')", name=op.f("ck_log_leaves_kind")),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_log_leaves_group_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_leaves")),
        sa.UniqueConstraint("group_id", "number", name=op.f("uq_log_leaves_group_id_number")),
        sa.UniqueConstraint("post_id", "kind", name=op.f("uq_log_leaves_post_id_kind")),
    )
    op.create_table(
        "log_tiles",
        sa.Column("group_id", BigId, autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_log_tiles_group_id")),
        sa.PrimaryKeyConstraint("group_id", "number", name=op.f("pk_log_tiles")),
    )
    op.create_table(
        "tree_heads",
        sa.Column("id", BigId, nullable=False),
        sa.Column("group_id", BigId, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("signed_at", UtcTime(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_tree_heads_group_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tree_heads")),
        sa.UniqueConstraint("group_id", "size", name=op.f("uq_tree_heads_group_id_size")),
    )
    op.create_table(
        "tombstones",
        sa.Column("id", BigId, nullable=False),
        sa.Column("group_id", BigId, nullable=False),
        sa.Column("post_id", sa.BigInteger(), nullable=False),
        sa.Column("permalink", sa.String(32), nullable=False),
        sa.Column("raw_mark", sa.String(), nullable=False),
        sa.Column("content_mark", sa.String(), nullable=False),
        sa.Column("erased_at", UtcTime(), nullable=False),
        sa.Column("erased_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_tombstones_group_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tombstones")),
        sa.UniqueConstraint("post_id", name=op.f("uq_tombstones_post_id")),
    )
    op.create_index("ix_tombstones_group_id_permalink", "tombstones", ["group_id", "permalink"], unique=False)
