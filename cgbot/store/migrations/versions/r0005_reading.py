"""
Reading the archive: text of files, threads changed by hand, posts that are not listed (Alembic revision 0005).

Files of posts that are there already wait to be read, and are read by the running program.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cgbot.store.columns import BigId, UtcTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables; every post with files gets its place in the queue."""
    op.add_column("posts", sa.Column("unlisted", sa.Boolean(), server_default=sa.false(), nullable=False))
    unlisted = sa.text("unlisted")
    op.create_index(
        "ix_posts_unlisted",
        "posts",
        ["thread_id", "group_id", "received_at"],
        unique=False,
        sqlite_where=unlisted,
        postgresql_where=unlisted,
    )
    op.create_table(
        "file_texts",
        sa.Column("post_id", BigId, autoincrement=False, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("texts", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'read')", name=op.f("ck_file_texts_state")),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_file_texts_post_id")),
        sa.PrimaryKeyConstraint("post_id", name=op.f("pk_file_texts")),
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "ix_file_texts_waiting",
        "file_texts",
        ["post_id"],
        unique=False,
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.execute("INSERT INTO file_texts (post_id, state) SELECT id, 'waiting' FROM posts WHERE attachments > 0")
    op.create_table(
        "erased_people",
        sa.Column("mark", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_erased_people")),
    )
    op.create_table(
        "thread_edits",
        sa.Column("id", BigId, nullable=False),
        sa.Column("group_id", BigId, nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("parent", sa.String(), nullable=False),
        sa.Column("made_at", UtcTime(), nullable=False),
        sa.Column("undone_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_thread_edits_group_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thread_edits")),
    )
    op.create_index("ix_thread_edits_group_id_message_id", "thread_edits", ["group_id", "message_id"], unique=False)
