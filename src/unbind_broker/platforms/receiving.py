"""Which platforms get what a carrier asks for: its orders, its clearances."""

from unbind_broker.platforms.tables import PlatformStatus, World

RECEIVERS = "platforms p JOIN endpoints e ON e.platform_id = p.id"
RECEIVES = f"p.status = {PlatformStatus.ACTIVE.code} AND e.verified_at IS NOT NULL"
CARRIER_OF_ORDER = "(SELECT o.carrier_id FROM orders o WHERE o.id = :order)"


def in_world_of(carrier: str) -> str:
    """Keep real orders from platforms that rehearse, and rehearsals from real ones.

    ``carrier`` gives the id of the carrier that asks platforms ``p``.
    """
    return f"""(p.world = {World.REAL.code}) = (
        SELECT c.sandbox_of IS NULL FROM carriers c WHERE c.id = {carrier})"""  # noqa: S608 - only an enum code and a name are put into it
