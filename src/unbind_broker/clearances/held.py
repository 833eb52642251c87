# ruff: noqa: S608 - only an enum code is put into the statement
"""Whether a clearance stands still because its carrier does."""

from unbind_broker.carriers.tables import CarrierStatus

HELD_BACK = f"""(
        EXISTS (
            SELECT FROM carriers r
            WHERE r.id = c.carrier_id AND r.status <> {CarrierStatus.ACTIVE.code}
        ) OR EXISTS (
            SELECT FROM brakes b
            WHERE b.released_at IS NULL
                AND coalesce(b.carrier_id, c.carrier_id) = c.carrier_id
        )
    )"""
"""A condition for a clearance ``c``: its carrier is suspended or braked, or unbinding
is stopped for all, so nobody may read its numbers."""
