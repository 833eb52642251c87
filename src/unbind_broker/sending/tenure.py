"""Keep what this worker owns: renew, find what was lost, share fairly, claim."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.ids import EndpointId, WorkerId
from unbind_broker.deliveries.announcing import know_now
from unbind_broker.sending import leases
from unbind_broker.sending.fleet import Fleet
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.read_numbers import ReadNumbers


@dataclass(frozen=True)
class Tenant:
    """Who leases, and for how long."""

    worker: WorkerId
    host: str
    lease: timedelta


class Tenure:
    """Carry out the leases of one worker. ``monotonic`` gives seconds.

    While it ``is_cut_off``, that is reaches hardly anybody, others send in its place.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        tenant: Tenant,
        fleet: Fleet,
        numbers: ReadNumbers,
        monotonic: Callable[[], float],
        is_cut_off: Callable[[], bool] = lambda: False,
    ) -> None:
        self._engine = engine
        self._tenant = tenant
        self._fleet = fleet
        self._numbers = numbers
        self._monotonic = monotonic
        self._is_cut_off = is_cut_off

    async def turn(self) -> float:
        """Renew, release and claim in one transaction; return the pause in seconds."""
        worker, lease = self._tenant.worker, self._tenant.lease
        # Taken before the database does: so the lease never ends there before here.
        asked_at = self._monotonic()
        held = [lane for lane in self._fleet if not lane.lost]
        async with self._engine.begin() as db:
            cut_off = self._is_cut_off()
            if cut_off:
                await leases.sign_off(db, worker)
            else:
                await leases.beat(db, worker, self._tenant.host)
            kept = await leases.renew(db, worker, lease, _owned(held))
            census = await leases.count(db, lease, kept)
            done = [lane for lane in held if lane.draining and lane.is_idle]
            await leases.release(db, worker, _owned(done))
            share = 0 if cut_off and census.workers else census.share
            staying = self._staying(held, kept, census, share)
            busy = [lane.endpoint_id for lane in self._fleet]
            missing = share - len(staying)
            claimed = await leases.claim(db, worker, lease, missing, busy)
            await know_now(db, [one.tenancy.endpoint_id for one in claimed])
        lease_ends = asked_at + lease.total_seconds()
        self._apply(held, kept, staying, done, lease_ends)
        for owned in claimed:
            self._fleet.add(
                Lane(
                    owned.tenancy.endpoint_id,
                    owned.tenancy.epoch,
                    owned.cursor,
                    lease_ends,
                    self._numbers,
                )
            )
        changing = len(staying) < len(held) or any(lane.lost for lane in self._fleet)
        return lease.total_seconds() / (20 if changing else 5)

    async def sees_free(self) -> bool:
        """Tell whether an endpoint waits for an owner."""
        now = self._monotonic()
        # What is leased for longer is not free there: leases end here first.
        busy = [
            lane.endpoint_id
            for lane in self._fleet
            if lane.lost or lane.lease_ends <= now
        ]
        async with self._engine.connect() as db:
            return await leases.any_free(db, busy)

    async def give_back(self) -> None:
        """Give everything back with its final cursor."""
        held = [lane for lane in self._fleet if not lane.lost]
        async with self._engine.begin() as db:
            await leases.give_back(db, self._tenant.worker, _owned(held))
        for lane in self._fleet:
            lane.lost = True

    def _staying(
        self,
        held: Collection[Lane],
        kept: Collection[EndpointId],
        census: leases.Census,
        share: int,
    ) -> set[EndpointId]:
        """Choose what to keep of what is held: no more than a fair share.

        Whoever is leaving already goes on leaving, and then the least busy.
        """
        candidates = [
            lane
            for lane in held
            if lane.endpoint_id in kept and lane.endpoint_id not in census.retired
        ]
        candidates.sort(key=lambda lane: (lane.draining, -lane.in_flight))
        return {lane.endpoint_id for lane in candidates[:share]}

    def _apply(
        self,
        held: Collection[Lane],
        kept: Collection[EndpointId],
        staying: Collection[EndpointId],
        done: Collection[Lane],
        lease_ends: float,
    ) -> None:
        for lane in held:
            if lane.endpoint_id not in kept or lane in done:
                lane.lose()
                continue
            lane.lease_ends = lease_ends
            if lane.endpoint_id not in staying:
                lane.drain()
            else:
                lane.draining = False
        for lane in self._fleet:
            if lane.lost and lane.is_idle:
                self._fleet.remove(lane)


def _owned(lanes: Collection[Lane]) -> list[leases.Owned]:
    return [leases.Owned(lane.tenancy, lane.cursor) for lane in lanes]
