# ruff: noqa: S608 - only a code is put into the condition
"""Which endpoints the broker posts to; others fetch, or are not verified yet."""

from unbind_broker.endpoints.states import Delivery

POSTED_TO = f"e.delivery = {Delivery.PUSH.code} AND e.verified_at IS NOT NULL"
"""A condition for endpoints ``e``."""
REAL_WORLD = 1
"""``platforms.World.REAL``, which stands on this package."""
REAL = f"""NOT EXISTS (
    SELECT FROM platforms rp WHERE rp.id = e.platform_id AND rp.world <> {REAL_WORLD}
) AND NOT EXISTS (
    SELECT FROM carriers rc WHERE rc.id = e.carrier_id AND rc.sandbox_of IS NOT NULL
)"""
"""A condition for endpoints ``e``: nobody rehearses there."""
