"""The platforms for which the broker answers."""

from typing import NamedTuple

from unbind_broker.base.database import Db, fetch_all, sql
from unbind_broker.base.ids import EndpointId, PlatformId
from unbind_broker.endpoints.states import EndpointStatus
from unbind_broker.platforms.tables import PlatformStatus, World


class MadeUp(NamedTuple):
    """A made-up platform; it is asked nothing more unless it ``takes``."""

    platform: PlatformId
    slug: str
    endpoint: EndpointId
    takes: bool


async def load_made_up(db: Db) -> list[MadeUp]:
    """Read the made-up platforms; none before the first rehearsal."""
    return [MadeUp(*row) for row in await fetch_all(db, _MADE_UP, {})]


_ARE_MADE_UP = f"""
    FROM platforms p
    JOIN endpoints e ON e.platform_id = p.id
    WHERE p.world = {World.REHEARSED.code}
"""
ANY_MADE_UP = f"SELECT {_ARE_MADE_UP}"
"""Asks whether anybody has rehearsed yet."""

_MADE_UP = sql(
    f"""
    SELECT p.id, p.slug, e.id AS endpoint,
        p.status = {PlatformStatus.ACTIVE.code}
            AND e.status = {EndpointStatus.ACTIVE.code} AS takes
    {_ARE_MADE_UP}
    ORDER BY p.id"""
)
