"""Which orders stand whatever comes later: those that undo violations."""

from sqlalchemy import column, select, table

from unbind_broker.orders.tables import orders

# `violations` belongs to a package above this one. LIMIT keeps Postgres at looking its
# row up.
_violations = table("violations", column("restore_id"))
UNDOES_VIOLATION = (
    select(_violations.c.restore_id)
    .where(_violations.c.restore_id == orders.c.id)
    .limit(1)
    .scalar_subquery()
    .is_not(None)
)
"""A condition for ``orders``: the broker made it where too much had been removed.

Nobody who asks for anything later calls it back: it gives somebody's own account back.
"""
