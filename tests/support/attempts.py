"""Requests that went to an endpoint in the past, signed as they are in the present."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from tests.support.clock import NOON
from tests.support.sealing import SEALER
from unbind_broker.base.database import Db
from unbind_broker.base.ids import AttemptId, EndpointId, PlatformId, new_uuid7
from unbind_broker.deliveries import attempts
from unbind_broker.deliveries.attempts import Attempt, Timings
from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind
from unbind_broker.deliveries.queue import REQUEST_EVENTS
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.sending.batches import webhook_id
from unbind_broker.sending.briefs import Briefs
from unbind_broker.sending.payloads import payload


async def endpoint_of(db: Db, platform_id: PlatformId) -> EndpointId:
    one = select(endpoints.c.id).where(endpoints.c.platform_id == platform_id)
    return EndpointId((await db.execute(one)).scalar_one())


async def an_attempt(
    db: Db,
    platform_id: PlatformId,
    orders: Sequence[UUID],
    *,
    event: EventType = EventType.UNBIND_REQUESTED,
    kind: OutcomeKind = OutcomeKind.ACCEPTED,
    at: datetime = NOON,
    occasion: UUID | None = None,
    **changes: Any,
) -> Attempt:
    """Of what the orders say now; only requests have a body."""
    body = b"{}"
    if event in REQUEST_EVENTS:
        items = await Briefs(SEALER).recall(db, orders)
        mine = [items[one].to_platform(platform_id) for one in orders]
        body = payload(event, at, mine)
    values: dict[str, Any] = {
        "id": AttemptId(new_uuid7(at)),
        "endpoint_id": await endpoint_of(db, platform_id),
        "event": event,
        "subject_ids": tuple(orders),
        "webhook_id": webhook_id(event, orders, occasion),
        "body_sha256": hashlib.sha256(body).digest(),
        "started_at": at,
        "outcome": Outcome(kind, 200 if kind is OutcomeKind.ACCEPTED else None),
        "timings": Timings(33, dns_ms=2, connect_ms=4, tls_ms=9, first_byte_ms=31),
        "error": None,
        "answer_head": "ok",
        "occasion": occasion,
    }
    made = Attempt(**{**values, **changes})
    await attempts.append(db, [made])
    return made
