"""Alembic's entry point: run on the connection that `migrate` brings."""

from alembic import context

from registry.stores.metadata.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
