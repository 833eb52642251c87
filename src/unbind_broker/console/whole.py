"""How the whole stands at an instant: what the first page shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from unbind_broker.base.database import Db
from unbind_broker.orders.braking import count_braked
from unbind_broker.sending.overview import (
    Queue,
    WorkerSeen,
    count_without_owner,
    list_workers,
    read_queue,
)
from unbind_broker.statistics.backlog import Unsent, read_unsent_of_each
from unbind_broker.statistics.overview import Overview, overview
from unbind_broker.statistics.standing import MOST_ILL

SEEN_WITHIN = timedelta(minutes=1)
"""A worker that has not shown itself for so long is taken for gone."""


@dataclass(frozen=True, kw_only=True)
class Whole:
    """Everything that the first page says.

    ``unsent`` is what waits for longest at a platform where nothing is known to be
    wrong; ``braked`` are the orders held by brakes, by the slug of their carrier.
    """

    overview: Overview
    queue: Queue
    workers: tuple[WorkerSeen, ...]
    without_owner: int
    unsent: Unsent | None
    braked: Mapping[str, int]

    @property
    def at(self) -> datetime:
        """Give the instant."""
        return self.overview.at

    @property
    def living(self) -> int:
        """Count the workers that showed themselves just now."""
        return sum(self.lives(one) for one in self.workers)

    def lives(self, worker: WorkerSeen) -> bool:
        """Tell whether a worker showed itself just now."""
        return self.at - worker.seen_at < SEEN_WITHIN

    def held_by(self, carrier: str | None) -> int:
        """Count the orders that a brake holds; None: that of all carriers."""
        if carrier is None:
            return sum(self.braked.values())
        return self.braked.get(carrier, 0)


async def read_whole(db: Db, now: datetime) -> Whole:
    """Read how the whole stands, at a bounded cost."""
    seen = await overview(db, now)
    ill = {one.platform for one in seen.platforms.ill}
    waiting = await read_unsent_of_each(db, now, MOST_ILL + 1)
    return Whole(
        overview=seen,
        queue=await read_queue(db, now),
        workers=tuple(await list_workers(db)),
        without_owner=await count_without_owner(db),
        unsent=next((one for one in waiting if one.platform not in ill), None),
        braked=await count_braked(db),
    )
