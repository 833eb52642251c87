"""Write down how endpoints do, in the transaction that records what they answered."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.ids import WorkerId
from unbind_broker.deliveries.breaker import Breaker
from unbind_broker.deliveries.hearing import Edge, News
from unbind_broker.endpoints import health_store
from unbind_broker.endpoints import service as endpoints
from unbind_broker.endpoints.health import HealthEventKind
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.leases import Tenancy


@dataclass(frozen=True)
class Noted:
    """News of a lane that its owner need not write again once this has committed."""

    lane: Lane
    breaker: Breaker
    news: News


def with_news(lanes: Collection[Lane]) -> set[Tenancy]:
    """Say of which of these lanes there is something to write down."""
    return {lane.tenancy for lane in lanes if _news_of(lane) is not None}


async def write_standing(
    db: Db,
    now: datetime,
    worker: WorkerId,
    lanes: Collection[Lane],
    standing: Collection[Tenancy],
) -> list[Noted]:
    """Save what is new about the endpoints of ``lanes`` that this worker owns still.

    The caller holds the leases that are ``standing``. What is heard meanwhile of others
    is written with the exchange that told it.
    """
    new = [one for lane in lanes if (one := _news_of(lane)) is not None]
    owned = [one for one in new if one.lane.tenancy in standing]
    if not owned:
        return []
    owned.sort(key=lambda one: one.lane.endpoint_id)
    # Endpoints are locked before what is known of them, as by whoever verifies one.
    for one in owned:
        for edge in one.news.edges:
            await _note(db, now, f"worker:{worker}", one.lane, edge)
    healths = {one.lane.endpoint_id: one.news.health for one in owned}
    await health_store.save(db, healths)
    return owned


def _news_of(lane: Lane) -> Noted | None:
    news = None if lane.breaker is None else lane.breaker.news()
    if lane.breaker is None or news is None:
        return None
    return Noted(lane, lane.breaker, news)


async def _note(db: Db, now: datetime, actor: str, lane: Lane, edge: Edge) -> None:
    endpoint_id = lane.endpoint_id
    if edge.kind is HealthEventKind.DISABLED:
        if lane.target is not None:
            url = lane.target.url
            await endpoints.disable(db, now, endpoint_id, url, edge.detail, actor)
        return
    await health_store.note(db, endpoint_id, edge.kind, edge.at, edge.detail)
    facts = {"endpoint": endpoint_id, "detail": edge.detail}
    await record(db, now, Fact(actor, f"endpoint.{edge.kind.value}", facts=facts))
