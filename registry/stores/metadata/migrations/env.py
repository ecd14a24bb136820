"""Alembic's entry point: run on the connection that `migrate` brings."""

from alembic import context

from registry.stores.metadata import (  # noqa: F401 - their tables are in METADATA
    account_schema,
    user_table_schema,
)
from registry.stores.metadata.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
