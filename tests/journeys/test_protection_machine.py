"""Nobody is cut off by mistake, whatever happens in whatever order.

Carriers ask with right and wrong dates and tell of holders, platforms do what they are
asked or more than that, processes die before they commit or right after it. The truth
about who holds each number, and who bound what, is kept beside the database.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import date, timedelta
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
from typing_extensions import override

from tests.support.clock import NOON
from tests.support.database import Server, open_patient_engine
from tests.support.protection_checks import (
    Seen,
    check,
    check_guarded,
    check_swept,
    look,
)
from tests.support.protection_truth import (
    ALL,
    DAYS,
    FORMER,
    NUMBERS,
    PRESENT,
    PULLED,
    PUSHED,
    SENSITIVE,
    TODAY,
    Request,
)
from tests.support.protection_world import CARRIERS, Fate, World
from tests.support.sealing import BLIND_INDEX
from unbind_broker.base.ids import CarrierId
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.holdings.states import HoldingEvent
from unbind_broker.orders.states import OPEN, Action, OrderKind, OrderStatus, Scope

ASKED_FOR = os.environ.get("UNBIND_TEST_EXAMPLES")
"""A thorough run: so many sequences, and the shortest one that fails (minutes)."""
EXAMPLES = int(ASKED_FOR or 5)
FRESH = 10
"""After so many sequences Hypothesis mostly repeats parts of them."""
PHASES = tuple(Phase) if ASKED_FOR else (Phase.reuse, Phase.generate)
STEPS = 50
LIMIT = 300 * max(1, EXAMPLES // FRESH)
"""Seconds: a machine with five times too much to do took a third of it."""
LATEST = NOON + timedelta(days=20)
"""Tables are there for so long, and what is left must end too."""

Got = TypeVar("Got")
Deed = TypeVar("Deed", bound=Callable[..., None])

fates = st.sampled_from(
    [Fate()] * 6 + [Fate(crash=True), Fate(forget=True), Fate(forget=True)]
)
numbers = st.sampled_from([NUMBERS[0]] * 3 + [NUMBERS[1]])
days = st.sampled_from(DAYS)
carriers = st.sampled_from([0, 0, 0, 1, 1, 2])
some_platforms = st.none() | st.sampled_from([PUSHED, (PULLED,), (*PUSHED, SENSITIVE)])
picks = st.integers(0, 40)
pushed = st.sampled_from([*PUSHED, SENSITIVE])
WAYS = (
    ["rightly"] * 4 + ["wrongly"] * 3 + ["partly", "active_after_cutoff", "legal_hold"]
)
ways = st.sampled_from(WAYS)
outcomes = st.sampled_from(
    [OutcomeKind.ACCEPTED] * 5
    + [
        OutcomeKind.FAILED,
        OutcomeKind.UNREACHABLE,
        OutcomeKind.PAYLOAD_REFUSED,
    ]
)
interims = st.sampled_from(
    [
        {"outcome": "acknowledged"},
        {"outcome": "in_progress"},
        {"outcome": "action_required", "action": "confirm_in_app"},
    ]
)


DEEDS: list[str] = []
"""What may happen next, the more often the more times it stands here. One rule draws
from all of it: Hypothesis leaves most rules out of most sequences, and what is looked
for here comes of many kinds of steps."""
DRAWN: dict[str, st.SearchStrategy[dict[str, Any]]] = {}


def deed(weight: int = 1, **drawn: st.SearchStrategy[Any]) -> Callable[[Deed], Deed]:
    def note(method: Deed) -> Deed:
        DEEDS.extend([method.__name__] * weight)
        DRAWN[method.__name__] = st.fixed_dictionaries(drawn)
        return method

    return note


def any_of(names: list[str]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.sampled_from(names).flatmap(
        lambda name: st.tuples(st.just(name), DRAWN[name])
    )


@dataclass(frozen=True)
class Wish:
    """Anything that a carrier may ask for."""

    kind: OrderKind
    number: PhoneNumber
    since: date
    is_own: bool
    named: tuple[str, ...] | None
    closes: bool
    recheck: bool
    ported: date | None

    @property
    def scope(self) -> Scope:
        return Scope.CURRENT_OWNER if self.is_own else Scope.PREVIOUS_OWNER

    @property
    def platforms(self) -> tuple[str, ...] | None:
        must_name = self.is_own and self.kind is OrderKind.UNBIND
        return (self.named or PUSHED) if must_name else self.named

    @property
    def action(self) -> Action | None:
        if self.kind is OrderKind.QUERY:
            return None
        return Action.CLOSE_ACCOUNT if self.is_own and self.closes else Action.DETACH

    @property
    def ported_in_on(self) -> date | None:
        return self.ported if self.ported and self.ported > self.since else None


wishes = st.builds(
    Wish,
    kind=st.sampled_from([OrderKind.QUERY] + [OrderKind.UNBIND] * 3),
    number=numbers,
    since=days,
    is_own=st.sampled_from([False, False, False, True]),
    named=some_platforms,
    closes=st.booleans(),
    recheck=st.sampled_from([False, False, True]),
    ported=st.none() | days,
)


class ProtectionMachine(RuleBasedStateMachine):
    server: Server
    loop: asyncio.AbstractEventLoop
    steps = 0

    def run(self, work: Coroutine[Any, Any, Got]) -> Got:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    @initialize(carrier=carriers, slugs=some_platforms)
    def begin(self, carrier: int, slugs: tuple[str, ...] | None) -> None:
        self.run(self._begin())
        self.ask_for_all(carrier, NUMBERS[0], PRESENT, slugs, None)

    async def _begin(self) -> None:
        self.database = self.server.fresh()
        url = await self.database.__aenter__()
        self.engine = open_patient_engine(url, pool=2, application="tests")
        self.world = World(self.engine)
        await self.world.begin()
        self.seen = await look(self.engine)

    def do(self, work: Coroutine[Any, Any, Got]) -> Got:
        """Take one step, and look at what it changed."""
        self.world.tick()
        got = self.run(work)
        type(self).steps += 1
        self.look()
        return got

    def look(self) -> Seen:
        now = self.run(look(self.engine))
        check(self.world, self.seen, now)
        self.seen = now
        return now

    # Carriers

    @deed(
        5,
        carrier=carriers,
        number=numbers,
        since=st.sampled_from([None] * 7 + [FORMER, PRESENT, TODAY]),
        slugs=some_platforms,
        answered=st.sampled_from([None] * 5 + WAYS),
    )
    def ask_for_all(
        self,
        carrier: int,
        number: PhoneNumber,
        since: date | None,
        slugs: tuple[str, ...] | None,
        answered: str | None,
    ) -> None:
        """Place an order as most of them are, and perhaps have it answered at once."""
        since = since or self._known_since(number)
        wanted = self.world.wanted(OrderKind.UNBIND, number, since, platforms=slugs)
        self.do(self.world.ask(carrier, wanted, Fate()))
        if answered is not None:
            self.send_all(answered)

    @deed(2, carrier=carriers, wish=wishes, fate=fates)
    def ask(self, carrier: int, wish: Wish, fate: Fate) -> None:
        wanted = self.world.wanted(
            wish.kind,
            wish.number,
            wish.since,
            scope=wish.scope,
            platforms=wish.platforms,
            action=wish.action,
            recheck=wish.recheck,
            ported_in_on=wish.ported_in_on,
        )
        self.do(self.world.ask(carrier, wanted, fate))

    @deed(pick=picks, recheck=st.booleans(), fate=fates)
    def order_after_query(
        self,
        pick: int,
        recheck: bool,  # noqa: FBT001 - drawn by name
        fate: Fate,
    ) -> None:
        queries = [
            one for one in self.seen.orders.values() if one.kind is OrderKind.QUERY
        ]
        if queries:
            query = sorted(queries)[pick % len(queries)]
            wanted = self.world.wanted_after(query.id, recheck=recheck)
            self.do(self.world.ask(self._place(query.carrier_id), wanted, fate))

    @deed(
        2,
        carrier=carriers,
        told=st.lists(
            st.tuples(numbers, st.sampled_from(list(HoldingEvent)), days),
            min_size=1,
            max_size=3,
        ),
        fate=fates,
    )
    def tell(self, carrier: int, told: list[Any], fate: Fate) -> None:
        self.do(self.world.tell(carrier, told, fate))

    @deed(3, pick=picks, fate=fates)
    def call_back(self, pick: int, fate: Fate) -> None:
        order = self._order(pick, *OPEN) or self._order(pick)
        if order is not None:
            place = self._place(order.carrier_id)
            self.do(self.world.call_back(place, order.id, fate))

    @deed(pick=picks, fate=fates)
    def restore(self, pick: int, fate: Fate) -> None:
        order = self._order(pick)
        if order is not None:
            place = self._place(order.carrier_id)
            self.do(self.world.undo(place, order.id, fate))

    # Administrators

    @deed(pick=picks, fate=fates)
    def retract(self, pick: int, fate: Fate) -> None:
        if self.seen.holdings:
            wrong = self.seen.holdings[pick % len(self.seen.holdings)]
            named = (wrong.number_index, wrong.carrier_id, wrong.since)
            self.do(self.world.retract(*named, fate))

    @deed(
        carrier=st.none() | carriers,
        on=st.sampled_from([True, False, False]),
        fate=fates,
    )
    def brake(self, carrier: int | None, on: bool, fate: Fate) -> None:  # noqa: FBT001 - drawn by name
        self.do(self.world.brake(carrier, fate, on=on))

    @deed(
        carrier=st.none() | carriers,
        slug=st.sampled_from(ALL),
        on=st.sampled_from([True, False, False]),
        fate=fates,
    )
    def suspend(self, carrier: int | None, slug: str, on: bool, fate: Fate) -> None:  # noqa: FBT001 - drawn by name
        if carrier is None:
            self.do(self.world.suspend_platform(slug, fate, on=on))
        else:
            self.do(self.world.suspend_carrier(carrier, fate, on=on))

    # Platforms, and the workers that speak with them

    @deed(slug=pushed, kind=outcomes, how=st.sampled_from([None, *WAYS]))
    def post(self, slug: str, kind: OutcomeKind, how: str | None) -> None:
        truth = self.world.truth
        answer = how and (lambda request: truth.act(slug, request, how))
        self.do(
            self.world.post_office.post(
                self.world.clock.now(), slug, kind, answer or None
            )
        )

    @deed(pick=picks, fate=fates)
    def record(self, pick: int, fate: Fate) -> None:
        flights = self.world.post_office.flights
        if flights:
            self.do(self.world.record(flights[pick % len(flights)], fate))

    @deed(slug=pushed, kind=outcomes, how=st.sampled_from([None, *WAYS]))
    def send(self, slug: str, kind: OutcomeKind, how: str | None) -> None:
        self.post(slug, kind, how)
        if self.world.post_office.flights:
            self.do(self.world.record(self.world.post_office.flights[-1], Fate()))

    @deed(2, how=st.sampled_from([None, *WAYS]))
    def send_all(self, how: str | None) -> None:
        for slug in (*PUSHED, SENSITIVE):
            self.send(slug, OutcomeKind.ACCEPTED, how)

    @deed(slug=st.sampled_from(ALL), fate=fates)
    def fetch(self, slug: str, fate: Fate) -> None:
        if slug == PULLED:
            self.do(self.world.fetch(fate))
        else:
            self.do(self.world.post_office.read_on(slug))

    @deed(
        3,
        slug=st.sampled_from(ALL),
        pick=picks,
        how=ways,
        amend=st.booleans(),
        fate=fates,
    )
    def answer(
        self,
        slug: str,
        pick: int,
        how: str,
        amend: bool,  # noqa: FBT001 - drawn by name
        fate: Fate,
    ) -> None:
        request = self._request(slug, pick)
        if request is not None:
            line = self.world.truth.act(slug, request, how)
            line = {**line, "amend": True} if amend else line
            self.do(self.world.report(slug, [line], fate))

    @deed(
        slug=st.sampled_from(ALL),
        pick=picks,
        interim=st.none() | interims,
        fate=fates,
    )
    def answer_again(
        self, slug: str, pick: int, interim: dict[str, Any] | None, fate: Fate
    ) -> None:
        """Say the same once more, or something that ends nothing."""
        request = self._request(slug, pick)
        if request is None:
            return
        lines = [request.said] * 2 if request.said else []
        if interim is not None:
            lines = [{"id": request.public_id, **interim}]
        if lines:
            self.do(self.world.report(slug, lines, fate))

    # Time

    @deed(
        2,
        hours=st.sampled_from([0.1, 1, 1, 25, 72, 24 * 8]),
        clocks=st.lists(st.sampled_from(["expire", "release", "suspended"])),
        fate=fates,
    )
    def wait(self, hours: float, clocks: list[str], fate: Fate) -> None:
        if self.world.clock.now() < LATEST:
            self.world.clock.advance(timedelta(hours=hours))
        for name in clocks:
            self.do(self.world.clock_step(name, fate))

    @deed()
    def guard(self) -> None:
        self.do(self.world.clock_step("brake", Fate()))
        check_guarded(self.world, self.seen)

    @deed()
    def sweep(self) -> None:
        self._sweep()

    @deed(slug=st.sampled_from(ALL), number=numbers, moves=st.booleans())
    def bind(self, slug: str, number: PhoneNumber, moves: bool) -> None:  # noqa: FBT001 - drawn by name
        """Let the present holder, perhaps a new one, make an account."""
        if moves:
            self.world.truth.move_in(number, self.world.today)
        at = self.world.clock.now().replace(microsecond=0)
        self.world.truth.bind(slug, number, at)

    @rule(chosen=any_of(DEEDS))
    def act(self, chosen: tuple[str, dict[str, Any]]) -> None:
        name, values = chosen
        getattr(self, name)(**values)

    @override
    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self._come_to_the_end()
        finally:
            self.run(self._close())

    def _come_to_the_end(self) -> None:
        """Let the brakes go, and time pass, until nothing is open any more."""
        for carrier in (None, *range(len(CARRIERS))):
            self.do(self.world.brake(carrier, Fate(), on=False))
        for flight in list(self.world.post_office.flights):
            self.do(self.world.record(flight, Fate()))
        for hours in (25, 24 * 12):
            self.world.clock.advance(timedelta(hours=hours))
            for name in ("brake", "release", "suspended", "expire"):
                self.do(self.world.clock_step(name, Fate()))
            self._sweep()
        left = [one.id for one in self.seen.orders.values() if one.status in OPEN]
        assert not left, f"open for ever: {left}"

    def _sweep(self) -> None:
        # What a follower took in one sweep completes its order in the next.
        for _ in range(2):
            self.do(self.world.clock_step("sweep", Fate()))
        check_swept(self.world, self.seen)

    async def _close(self) -> None:
        await self.engine.dispose()
        await self.database.__aexit__(None, None, None)

    def _order(self, pick: int, *statuses: OrderStatus) -> Any:
        found = [
            one
            for one in self.seen.orders.values()
            if one.kind is not OrderKind.QUERY
            and one.status in (statuses or tuple(OrderStatus))
        ]
        return sorted(found)[pick % len(found)] if found else None

    def _known_since(self, number: PhoneNumber) -> date:
        index = BLIND_INDEX.index(number)
        known = [
            one.since
            for one in self.seen.holdings
            if one.number_index == index and one.since
        ]
        return max(known, default=PRESENT)

    def _place(self, carrier_id: CarrierId) -> int:
        return [one.id for one in self.world.carriers].index(carrier_id)

    def _request(self, slug: str, pick: int) -> Request | None:
        known = sorted(self.world.truth.requests[slug].items())
        return known[pick % len(known)][1] if known else None


@pytest.mark.timeout(LIMIT)
async def test_nobody_is_cut_off_by_mistake_whatever_happens(server: Server) -> None:
    ProtectionMachine.server = server
    ProtectionMachine.loop = asyncio.get_running_loop()
    ProtectionMachine.steps = 0
    chosen = settings(
        max_examples=min(FRESH, EXAMPLES),
        stateful_step_count=STEPS,
        deadline=None,
        phases=PHASES,
        suppress_health_check=list(HealthCheck),
    )
    for _ in range(0, EXAMPLES, FRESH):
        await asyncio.to_thread(
            run_state_machine_as_test, ProtectionMachine, settings=chosen
        )
    assert ProtectionMachine.steps > EXAMPLES
