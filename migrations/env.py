"""Run migrations on the connection that ``unbind_broker.schema.migrate`` hands over."""

from alembic import context

from unbind_broker.schema.tables import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("migrations run through: unbind-broker migrate")

context.configure(
    connection=connection, target_metadata=metadata, transaction_per_migration=True
)
with context.begin_transaction():
    context.run_migrations()
