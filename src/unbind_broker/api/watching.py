"""Watch orders: one small query at a time for all who watch in this process."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from itertools import islice
from uuid import UUID

from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.api.admission import Overloaded, SharedAdmission
from unbind_broker.base.clock import Clock
from unbind_broker.base.ids import KeyId
from unbind_broker.base.loop import Streak
from unbind_broker.items.changes import Look, look
from unbind_broker.items.course import Course
from unbind_broker.keys.living import still_living
from unbind_broker.keys.service import Caller

SHORTEST_TICK = 0.1
LONGEST_TICK = 1.0
_GROWTH = 1.3
_GATHERING = 0.02
"""Seconds that whoever comes waits for others to come, so that one query reads both."""
MOST_FRESH = 50
"""Orders that one query reads whole: with hundreds of items each, more of them would
keep the process from everything else for too long."""
REST = 4
"""Times what a tick took must pass until the next one: watching takes a fifth of the
time of one connection at most, however much there is to see."""
LONGEST_REST = 2.0
CHECK_KEYS = 5.0
"""Seconds between looks at the keys of those who watch."""


class Watch:
    """Somebody who watches an order. ``course`` is where it stands, once it is read.

    What was read before they came is not shown to them: another process may have told
    them more already.
    """

    def __init__(self, key: KeyId, came: float) -> None:
        self.key = key
        self.came = came
        self.course: Course | None = None
        self.ended = False
        self._stirred = asyncio.Event()

    async def stirred(self, seconds: float) -> bool:
        """Wait until there may be something new; False if there is not in time.

        It is True at once where something happened since the last time.
        """
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stirred.wait(), seconds)
        was_stirred = self._stirred.is_set()
        self._stirred.clear()
        return was_stirred

    def show(self, course: Course) -> None:
        """Show where the order stands now."""
        self.course = course
        self._stirred.set()

    def end(self) -> None:
        """Let nobody watch any longer by this."""
        self.ended = True
        self._stirred.set()


class Watching:
    """Read what changed of all watched orders, and wake whoever watches them.

    The first look at an order is part of it. So there is one line of looks, each of
    which sees at least what the one before saw: nothing is skipped or goes backwards.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        most: tuple[int, int],
        check_keys: float = CHECK_KEYS,
    ) -> None:
        """``most`` is how many may watch at a time, of all and of one carrier."""
        self._engine = engine
        self._clock = clock
        self._places = SharedAdmission(*most)
        self._watches: dict[UUID, set[Watch]] = {}
        self._courses: dict[UUID, Course] = {}
        self._fresh: dict[UUID, None] = {}
        self._arrived = asyncio.Event()
        self._since: str | None = None
        self._tick = SHORTEST_TICK
        self._due = 0.0
        self._check_every = check_keys
        self._keys_due = 0.0
        self._polling: asyncio.Task[None] | None = None
        self._faults = Streak("watching")
        self._letting_go = False

    @asynccontextmanager
    async def watch(self, caller: Caller, order_id: UUID) -> AsyncIterator[Watch]:
        """Watch an order of the caller's own while the block lasts.

        Raises ``RateLimited`` or ``Overloaded`` where there is no place.
        """
        if self._letting_go:
            raise Overloaded("this process is about to end; try again")
        rehearses = caller.sandbox
        async with self._places.enter_as(caller.actor, rehearses=rehearses):
            watch = Watch(caller.key_id, asyncio.get_running_loop().time())
            self._watches.setdefault(order_id, set()).add(watch)
            self._read_anew([order_id])
            try:
                yield watch
            finally:
                self._forget(order_id, watch)

    def let_go(self) -> None:
        """Let everybody stop watching, now and from now on: the process ends."""
        self._letting_go = True
        for watch in self._all():
            watch.end()

    def _read_anew(self, order_ids: Iterable[UUID]) -> None:
        self._fresh.update(dict.fromkeys(order_ids))
        self._arrived.set()
        if self._polling is None or self._polling.done():
            self._since = None
            self._polling = asyncio.create_task(self._poll())

    def _forget(self, order_id: UUID, watch: Watch) -> None:
        watching = self._watches[order_id]
        watching.discard(watch)
        if not watching:
            del self._watches[order_id]
            self._courses.pop(order_id, None)
            self._fresh.pop(order_id, None)
        if not self._watches:
            self._arrived.set()

    def _all(self) -> list[Watch]:
        return [watch for watching in self._watches.values() for watch in watching]

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        self._tick, self._due = SHORTEST_TICK, loop.time()
        self._keys_due = loop.time() + self._check_every
        while await self._next_turn():
            began = loop.time()
            whole = began >= self._due
            try:
                changed = await self._look(began, whole=whole)
                await self._check_keys(began)
            except Exception as error:  # noqa: BLE001 - is told, and tried again
                # They go on watching; what they do not see now they see later.
                self._faults.add(error)
                if not isinstance(error, PoolTimeout):
                    self._begin_anew()
                await asyncio.sleep(LONGEST_TICK)
            else:
                self._faults.end()
                if whole:
                    self._rest(loop.time(), loop.time() - began, changed=changed)

    def _rest(self, now: float, took: float, *, changed: bool) -> None:
        longer = min(self._tick * _GROWTH, LONGEST_TICK)
        self._tick = SHORTEST_TICK if changed else longer
        self._due = now + min(max(self._tick, took * REST), LONGEST_REST)

    async def _next_turn(self) -> bool:
        """Wait until it is time to look; False if nobody watches any more."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._due):
                await self._arrived.wait()
        if self._arrived.is_set():
            await asyncio.sleep(_GATHERING)
        return bool(self._watches)

    async def _look(self, began: float, *, whole: bool) -> bool:
        """Look at what is fresh; if ``whole`` at what changed of all the others too."""
        fresh = self._take_fresh()
        if not fresh and not whole:
            return False
        known = dict(self._courses) if whole else {}
        for order_id in fresh:
            known.pop(order_id, None)
        try:
            async with self._engine.connect() as db:
                seen = await look(db, known, fresh, self._since if known else None)
        except PoolTimeout:
            self._read_anew(fresh)
            raise
        if seen.broken:
            self._begin_anew()
            return False
        if whole or self._since is None:
            self._since = seen.next
        self._show(seen, began)
        return bool(seen.courses)

    def _take_fresh(self) -> list[UUID]:
        fresh = [*islice(self._fresh, MOST_FRESH)]
        for order_id in fresh:
            del self._fresh[order_id]
        if not self._fresh:
            self._arrived.clear()
        return fresh

    def _show(self, seen: Look, began: float) -> None:
        for order_id, course in seen.courses.items():
            watching = self._watches.get(order_id)
            if watching:
                self._courses[order_id] = course
                for watch in watching:
                    if watch.came <= began:
                        watch.show(course)

    def _begin_anew(self) -> None:
        """Read all orders whole: what was read before may be no measure any more."""
        self._courses.clear()
        self._since = None
        self._read_anew(self._watches)

    async def _check_keys(self, now: float) -> None:
        """End those whose key was revoked, has expired, or whose carrier may not."""
        if now < self._keys_due:
            return
        self._keys_due = now + self._check_every
        watches = self._all()
        async with self._engine.connect() as db:
            keys = {watch.key for watch in watches}
            living = await still_living(db, self._clock.now(), keys)
        for watch in watches:
            if watch.key not in living:
                watch.end()
