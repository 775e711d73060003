"""Alembic's entry: runs on the connection that `shared.schema` hands over."""

from alembic import context

from shared.all_tables import ALL_TABLES

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=ALL_TABLES,
    # SQLite changes a table by copying it.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
