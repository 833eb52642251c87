"""Fetch as a platform without an inbound door does."""

from datetime import datetime
from uuid import UUID

from tests.support.attempts import endpoint_of
from unbind_broker.base.database import Db
from unbind_broker.base.ids import PlatformId
from unbind_broker.deliveries.fetching import fetch, take_in


async def fetch_for(
    db: Db, now: datetime, platform: PlatformId, limit: int
) -> list[UUID]:
    endpoint = await endpoint_of(db, platform)
    await take_in(db, endpoint, platform)
    return await fetch(db, now, endpoint, platform, limit)
