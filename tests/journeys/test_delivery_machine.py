"""Nothing is lost on its way, and nothing is made up, whatever happens in what order.

Orders come in, workers lease, read, send, record, die, stall and take each other over,
platforms answer in every way and report later, time passes. A dictionary beside the
database says how every item must stand.
"""

import asyncio
import os
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select
from typing_extensions import override

from tests.support.clock import NOON
from tests.support.database import Server, open_patient_engine
from tests.support.deeds import Chosen, Deeds
from tests.support.delivery_checks import (
    check,
    check_stale,
    check_swept,
    check_told,
    look,
)
from tests.support.delivery_model import INTERIMS, a_line
from tests.support.delivery_network import Flight
from tests.support.delivery_parties import SLUGS
from tests.support.delivery_worker import Hand
from tests.support.delivery_world import World
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import OPEN, OrderKind

ASKED_FOR = os.environ.get("UNBIND_TEST_EXAMPLES")
"""A thorough run: so many sequences, and the shortest one that fails (minutes)."""
EXAMPLES = int(ASKED_FOR or 6)
FRESH = 6
"""After so many sequences Hypothesis mostly repeats parts of them."""
PHASES = tuple(Phase) if ASKED_FOR else (Phase.reuse, Phase.generate)
STEPS = 60
LIMIT = 300 * max(1, EXAMPLES // FRESH)
"""Seconds: a machine with five times too much to do took a third of it."""
LATEST = NOON + timedelta(days=20)
"""Tables are there for so long, and what is left must end too."""
MOST_ROUNDS = 120

Got = TypeVar("Got")
Answered = tuple[int | OutcomeKind, str | None]

picks = st.integers(0, 30)
slugs = st.sampled_from(SLUGS)
some_slugs = st.sampled_from([(), SLUGS[:1], SLUGS[:1], SLUGS[1:3], SLUGS[3:]])
culprits = st.sampled_from([()] * 5 + [SLUGS[:1], SLUGS])

ANSWERS: list[Answered] = [
    *[(200, None)] * 10,
    (202, None),
    (500, None),
    (500, None),
    (503, None),
    *[(503, "90")] * 2,
    *[(429, "7200")] * 2,
    (404, None),
    (302, None),
    (410, None),
    (422, None),
    (413, None),
    (OutcomeKind.TIMED_OUT, None),
    *[(OutcomeKind.UNREACHABLE, None)] * 2,
    (OutcomeKind.OWN_FAULT, None),
]
answers = st.sampled_from(ANSWERS)
outcomes = st.sampled_from([None, None, 0, 0, 1, 2])
rates = st.sampled_from([None, None, None, 5.0, 0.5, 0.01])
deed = Deeds()


class DeliveryMachine(RuleBasedStateMachine):
    server: Server
    loop: asyncio.AbstractEventLoop
    steps = 0

    def run(self, work: Coroutine[Any, Any, Got]) -> Got:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    @initialize(kind=st.sampled_from([OrderKind.QUERY, OrderKind.UNBIND]))
    def begin(self, kind: OrderKind) -> None:
        self.run(self._begin())
        self.do(self.world.order(kind, (), ()))

    async def _begin(self) -> None:
        self.database = self.server.fresh()
        url = await self.database.__aenter__()
        self.engine = open_patient_engine(url, pool=6, application="tests")
        self.world = World(self.engine)
        await self.world.begin()
        self.seen = await look(self.world)

    def do(self, work: Coroutine[Any, Any, Got]) -> Got:
        """Take one step, and look at what it changed."""
        type(self).steps += 1
        return self.run(self._do(work))

    async def _do(self, work: Coroutine[Any, Any, Got]) -> Got:
        await self.world.tick()
        got = await work
        now = await look(self.world)
        await self.world.look_at_endpoints()
        check(self.world, self.seen, now)
        self.before, self.seen = self.seen, now
        return got

    # Carriers

    @deed(6, count=st.integers(1, 4), to=some_slugs, bad=culprits)
    def order(self, count: int, to: tuple[str, ...], bad: tuple[str, ...]) -> None:
        for _ in range(count):
            self.do(self.world.order(OrderKind.UNBIND, to, bad))

    @deed(to=some_slugs, bad=culprits)
    def query(self, to: tuple[str, ...], bad: tuple[str, ...]) -> None:
        self.do(self.world.order(OrderKind.QUERY, to, bad))

    @deed(to=some_slugs)
    def order_own(self, to: tuple[str, ...]) -> None:
        self.do(self.world.order_own(to))

    @deed(2, to=some_slugs)
    def order_late(self, to: tuple[str, ...]) -> None:
        self.do(self.world.order_late(to))

    @deed(2, pick=picks)
    def call_back(self, pick: int) -> None:
        self.do(self.world.call_back(self._order(pick)))

    @deed(2, pick=picks)
    def undo(self, pick: int) -> None:
        self.do(self.world.undo(self._order(pick)))

    # Administrators

    @deed(2, pick=picks, mended=st.booleans())
    def requeue(self, pick: int, mended: bool) -> None:  # noqa: FBT001 - drawn by name
        """Have something sent again, and perhaps take it this time."""
        world = self.world
        refused = sorted(
            (slug, one)
            for slug, site in world.network.sites.items()
            for one in site.refused
        )
        if refused:
            slug, public_id = refused[pick % len(refused)]
            if mended:
                world.network.sites[slug].refuses.discard(public_id)
            self.do(world.requeue(slug, public_id))

    @deed()
    def mend(self) -> None:
        self.do(self.world.mend())

    # Workers

    @deed(8, pick=picks)
    def read(self, pick: int) -> None:
        self._read(pick, log=True, again=True)

    @deed(2, pick=picks)
    def read_log(self, pick: int) -> None:
        self._read(pick, log=True, again=False)

    @deed(2, pick=picks)
    def read_again(self, pick: int) -> None:
        self._read(pick, log=False, again=True)

    @deed(6, pick=picks, unsure=st.sampled_from([False, False, False, True]))
    def record(self, pick: int, unsure: bool) -> None:  # noqa: FBT001 - drawn by name
        self._record(self._hand(pick), unsure=unsure)

    @deed(3, pick=picks)
    def turn(self, pick: int) -> None:
        hand = self._hand(pick)
        self.do(self.world.wake(hand))

    @deed(2, pick=picks, how=st.sampled_from(["", "", "recorded", "written"]))
    def crash(self, pick: int, how: str) -> None:
        self.do(self.world.crash(self._hand(pick), how))
        if not self.world.hands:
            self.do(self.world.hire(knows_dead=bool(how)))

    @deed(pick=picks)
    def stall(self, pick: int) -> None:
        hand = self._hand(pick)
        if not hand.is_stalled:
            self.do(self.world.stall(hand))

    @deed(pick=picks)
    def retire(self, pick: int) -> None:
        if len(self.world.hands) > 1:
            self.do(self.world.retire(self._hand(pick)))

    @deed(2, knows_dead=st.booleans())
    def hire(self, knows_dead: bool) -> None:  # noqa: FBT001 - drawn by name
        self.do(self.world.hire(knows_dead=knows_dead))

    @deed()
    def bury(self) -> None:
        self.do(self.world.bury())
        for hand in self.world.living:
            self.do(hand.turn())

    # Platforms

    @deed(6, pick=picks, answered=answers, outcome=outcomes)
    def answer(self, pick: int, answered: Answered, outcome: int | None) -> None:
        flights = self.world.network.in_order
        if flights:
            self._answer(flights[pick % len(flights)], answered, outcome)

    @deed(6, answered=answers, outcome=outcomes)
    def answer_all(self, answered: Answered, outcome: int | None) -> None:
        for flight in self.world.network.in_order:
            self._answer(flight, answered, outcome)

    @deed(8, answered=answers, outcome=outcomes)
    def deliver(self, answered: Answered, outcome: int | None) -> None:
        """Let all workers read, send and record."""
        for hand in self.world.living:
            self.do(self.world.read(hand, log=True, again=True))
        self.answer_all(answered, outcome)
        for hand in list(self.world.living):
            self._record(hand)

    @deed(4, pick=picks, slug=slugs, outcome=picks, amend=st.booleans())
    def report(self, pick: int, slug: str, outcome: int, amend: bool) -> None:  # noqa: FBT001 - drawn by name
        known = sorted(self.world.network.sites[slug].received)
        if known:
            line = self.world.a_result(known[pick % len(known)], outcome)
            self.do(
                self.world.report(slug, {**line, **({"amend": True} if amend else {})})
            )

    @deed(
        pick=picks,
        slug=slugs,
        status=st.sampled_from([ItemStatus.ACKNOWLEDGED, *sorted(INTERIMS)]),
    )
    def report_interim(self, pick: int, slug: str, status: ItemStatus) -> None:
        known = sorted(
            one
            for one in self.world.network.sites[slug].received
            if self.world.model.orders[one].kind is not OrderKind.QUERY
        )
        if known:
            public_id = known[pick % len(known)]
            order = self.world.model.orders[public_id]
            self.do(self.world.report(slug, a_line(public_id, order, status)))

    @deed(2, slug=slugs, minutes=st.sampled_from([1, 30, 3000]))
    def redeliver(self, slug: str, minutes: int) -> None:
        self.do(self.world.redeliver(slug, timedelta(minutes=minutes)))

    @deed(pick=picks, slug=slugs)
    def redeliver_item(self, pick: int, slug: str) -> None:
        known = sorted(self.world.network.sites[slug].received)
        if known:
            public_id = known[pick % len(known)]
            self.do(self.world.redeliver_item(slug, public_id))

    @deed(2, slug=slugs, verb=st.sampled_from(["pause", "resume", "verify"]))
    def change(self, slug: str, verb: str) -> None:
        self.do(self.world.change(slug, verb))

    @deed(slug=slugs, batch=st.integers(1, 4), together=st.integers(1, 3), rate=rates)
    def limit(self, slug: str, batch: int, together: int, rate: float | None) -> None:
        self.do(
            self.world.change(
                slug,
                "limit",
                max_batch=batch,
                max_concurrency=together,
                max_rate=rate,
            )
        )

    # Time

    @deed(5, seconds=st.sampled_from([2, 6, 6, 60, 400, 3600, 40_000, 150_000]))
    def wait(self, seconds: int) -> None:
        if self.world.clock.now() < LATEST:
            self.do(self.world.wait(timedelta(seconds=seconds)))

    @deed(2, name=st.sampled_from(["expire", "expire", "release", "sweep"]))
    def tell_time(self, name: str) -> None:
        self.do(self.world.clock_step(name))

    @deed(2)
    def prune(self) -> None:
        """Forget the part of the log that every cursor has passed."""
        for hand in self.world.living:
            self.do(hand.turn())
        self.do(self.world.clock_step("prune"))

    @rule(chosen=deed.any)
    def act(self, chosen: Chosen) -> None:
        name, values = chosen
        getattr(self, name)(**values)

    # The end

    @override
    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self._come_to_rest()
            self._come_to_the_end()
        finally:
            self.run(self._close())

    def _come_to_rest(self) -> None:
        """Let everything be answered with 2xx until nothing waits any more."""
        world = self.world
        self.do(world.end_late())
        for hand in list(world.hands):
            self._record(hand)
            self.do(world.wake(hand))
        self.do(world.bury())
        if any(order.is_held for order in world.model.orders.values()):
            self.do(world.wait(timedelta(hours=25)))
        self.do(world.clock_step("release"))
        for slug, site in world.network.sites.items():
            site.refuses.clear()
            for verb in ("verify", "resume", "limit"):
                self.do(world.change(slug, verb))
        for _ in range(MOST_ROUNDS):
            self.deliver((200, None), None)
            if not self._is_waiting():
                break
            self.do(world.wait(self._until_due()))
            self.do(world.clock_step("expire"))
        assert not self._is_waiting(), f"waits for ever: {world.waiting()}"
        self._sweep()
        check_told(world, self.seen)

    def _come_to_the_end(self) -> None:
        """Let every deadline pass."""
        self.do(self.world.wait(timedelta(days=16)))
        self.do(self.world.clock_step("expire"))
        self._sweep()
        left = [one.id for one in self.seen.orders.values() if one.status in OPEN]
        assert not left, f"open for ever: {left}"
        assert not self.seen.due, f"to be sent for ever: {self.seen.due}"

    def _is_waiting(self) -> bool:
        return bool(self.world.waiting() or self.seen.due or self.world.network.flights)

    def _until_due(self) -> timedelta:
        """Say how long nothing is due, and how long a platform is left in peace."""

        async def first_due() -> timedelta:
            async with self.engine.connect() as db:
                at = (await db.execute(select(func.min(deliveries.c.due_at)))).scalar()
            now = self.world.clock.now()
            return max(at - now, timedelta(0)) if at else timedelta(0)

        return self.run(first_due()) + timedelta(minutes=11)

    def _sweep(self) -> None:
        # What a follower took in one sweep completes its order in the next.
        for _ in range(2):
            self.do(self.world.clock_step("sweep"))
        check_swept(self.seen)

    async def _close(self) -> None:
        for hand in self.world.hands:
            hand.die()
        await self.world.end_late()
        await self.engine.dispose()
        await self.database.__aexit__(None, None, None)

    def _answer(self, flight: Flight, answered: Answered, outcome: int | None) -> None:
        # It may have taken too long meanwhile.
        if flight in self.world.network.flights:
            self.do(self._answered(flight, answered, outcome))

    async def _answered(
        self, flight: Flight, answered: Answered, outcome: int | None
    ) -> None:
        if flight in self.world.network.flights:
            await self.world.answer(flight, *answered, outcome)

    def _record(self, hand: Hand, *, unsure: bool = False) -> None:
        stale = self.do(self.world.record(hand, unsure=unsure))
        asked = [one for one in stale if one.is_request]
        keys = {(one.slug, item) for one in asked for item in one.ids}
        check_stale(self.before, self.seen, keys)

    def _read(self, pick: int, *, log: bool, again: bool) -> None:
        self.do(self.world.read(self._hand(pick), log=log, again=again))

    def _hand(self, pick: int) -> Hand:
        return self.world.hands[pick % len(self.world.hands)]

    def _order(self, pick: int) -> str:
        known = sorted(self.world.model.orders)
        return known[pick % len(known)]


@pytest.mark.timeout(LIMIT)
async def test_nothing_is_lost_or_made_up_whatever_happens(server: Server) -> None:
    DeliveryMachine.server = server
    DeliveryMachine.loop = asyncio.get_running_loop()
    DeliveryMachine.steps = 0
    chosen = settings(
        max_examples=FRESH,
        stateful_step_count=STEPS,
        deadline=None,
        phases=PHASES,
        suppress_health_check=list(HealthCheck),
    )
    for _ in range(0, EXAMPLES, FRESH):
        await asyncio.to_thread(
            run_state_machine_as_test, DeliveryMachine, settings=chosen
        )
    assert DeliveryMachine.steps > EXAMPLES
