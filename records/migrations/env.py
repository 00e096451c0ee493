"""What Alembic runs; the connection and its transaction come from `records.migrate`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], target_metadata=None)
context.run_migrations()
