"""What a worker knows of its endpoints: read again where something has changed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.ids import EndpointId
from unbind_broker.endpoints import service
from unbind_broker.endpoints.endpoint import Endpoint
from unbind_broker.endpoints.secrets import EndpointSecrets
from unbind_broker.sending.targets import Target, target_of


class KnownEndpoints:
    """Keep what was read of some endpoints, and where it says that webhooks go."""

    def __init__(self, engine: AsyncEngine, secrets: EndpointSecrets) -> None:
        self._engine = engine
        self._secrets = secrets
        self._mark: str | None = None
        self._judged_at: datetime | None = None
        self._until: datetime | None = None  # then a secret ceases to sign
        self.all: Sequence[Endpoint] = ()
        self.targets: Mapping[EndpointId, Target | None] = {}

    async def look(self, ids: Collection[EndpointId], now: datetime) -> bool:
        """Bring what is known of these endpoints up to date; False: nothing is new.

        Where nothing is, it is one cheap statement.
        """
        async with self._engine.connect() as db:
            # Asked first: what changes in between is read once more, not missed.
            mark = await service.mark(db, ids)
            if mark != self._mark:
                self.all = await service.load_many(db, ids)
                self._judged_at = None
                self._mark = mark
        if self._is_judged(now):
            return False
        self._judge(now)
        return True

    def _is_judged(self, now: datetime) -> bool:
        if self._judged_at is None or now < self._judged_at:
            return False  # the clock may have been set back
        return self._until is None or now < self._until

    def _judge(self, now: datetime) -> None:
        ends = (endpoint.previous_secret_until for endpoint in self.all)
        self.targets = {one.id: target_of(one, self._secrets, now) for one in self.all}
        self._until = min((end for end in ends if end and end > now), default=None)
        self._judged_at = now
