"""A private, real Postgres beside the broker, for those who bring none."""

from unbind_broker.runtime.embedded.database import EmbeddedDatabase, open_embedded
from unbind_broker.runtime.embedded.errors import EmbeddedPostgresError

__all__ = ["EmbeddedDatabase", "EmbeddedPostgresError", "open_embedded"]
