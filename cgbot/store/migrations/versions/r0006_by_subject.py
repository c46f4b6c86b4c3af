"""
Threads by subject: which groups want them (Alembic revision 0006).

The charters say it; the next start of the program writes it down.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; no group wants them yet."""
    op.add_column("groups", sa.Column("threads_by_subject", sa.Boolean(), server_default=sa.false(), nullable=False))
