"""Notice soon what owners change of their endpoints, and tell that it is in force."""

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.database import BIGS, INTS, UUID, Db, sql
from unbind_broker.base.ids import WorkerId
from unbind_broker.endpoints import service
from unbind_broker.endpoints.endpoint import Endpoint
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.leases import Tenancy

_NOTE_SEEN = sql(
    """
    WITH mine AS (
        SELECT l.endpoint_id, n.version
        FROM unnest(:endpoints, :epochs, :versions) AS n (endpoint_id, epoch, version)
        JOIN endpoint_leases l ON l.endpoint_id = n.endpoint_id AND l.epoch = n.epoch
        WHERE l.holder = :worker AND l.seen_version <> n.version
        ORDER BY l.endpoint_id
        FOR NO KEY UPDATE OF l
    )
    UPDATE endpoint_leases l SET seen_version = mine.version
    FROM mine WHERE l.endpoint_id = mine.endpoint_id
    """,
    endpoints=INTS,
    epochs=BIGS,
    versions=BIGS,
    worker=UUID,
)


class InForce:
    """Keep in mind which versions of its endpoints a worker has put into force."""

    def __init__(self, engine: AsyncEngine, worker: WorkerId) -> None:
        self._engine = engine
        self._worker = worker
        self._told: dict[Tenancy, int] = {}
        self._changes: int | None = None

    async def sees_changes(self) -> bool:
        """Look whether owners have changed anything since the last look."""
        async with self._engine.connect() as db:
            changes = await service.count_changes(db)
        before, self._changes = self._changes, changes
        return changes != before

    async def tell(self, lanes: Iterable[Lane], known: Collection[Endpoint]) -> None:
        """Tell that ``known`` is in force for these lanes; nothing if that is told."""
        versions = {endpoint.id: endpoint.version for endpoint in known}
        seen = {
            lane.tenancy: versions[lane.endpoint_id]
            for lane in lanes
            if lane.endpoint_id in versions
        }
        news = {one: seen[one] for one in seen if self._told.get(one) != seen[one]}
        if news:
            async with self._engine.begin() as db:
                await note_seen(db, self._worker, news)
        self._told = seen


async def note_seen(db: Db, worker: WorkerId, seen: Mapping[Tenancy, int]) -> None:
    """Tell which version of its endpoint each owner has put into force."""
    if seen:
        values = {
            "endpoints": [tenancy.endpoint_id for tenancy in seen],
            "epochs": [tenancy.epoch for tenancy in seen],
            "versions": list(seen.values()),
            "worker": worker,
        }
        await db.execute(_NOTE_SEEN, values)
