"""Alembic's entry: the connection is handed over by store.migrate, which also owns the transaction."""

from __future__ import annotations

from alembic import context

from cgbot.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
