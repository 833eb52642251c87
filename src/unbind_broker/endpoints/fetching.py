"""Give an owner an endpoint that is never posted to, and needs no verifying."""

from dataclasses import asdict, fields
from datetime import datetime

from unbind_broker.base.database import Db
from unbind_broker.endpoints import states, store
from unbind_broker.endpoints.choice import EndpointChoice
from unbind_broker.endpoints.endpoint import Owner

_ALSO_CHOSEN = frozenset(field.name for field in fields(EndpointChoice)) - {
    field.name for field in fields(states.Standing)
}


async def begin_fetching(db: Db, now: datetime, owner: Owner) -> None:
    """Register it with what is usual; one that is there stays as it is."""
    usual = EndpointChoice(delivery=states.Delivery.PULL)
    await store.insert_new(
        db,
        **asdict(states.begin(None, now)),
        **{name: getattr(usual, name) for name in _ALSO_CHOSEN},
        platform_id=owner.platform_id,
        carrier_id=owner.carrier_id,
        secret_sealed=None,
        created_at=now,
        changed_at=now,
    )
