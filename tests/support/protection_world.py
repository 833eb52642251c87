"""A small world that drives the real use cases: carriers, platforms, clocks, crashes.

Every step is a transaction of its own, as at the edges; a step that crashes does all
its work and then loses it. What must follow a commit can be lost too: the settling of
orders, and the look at a carrier's results.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.sending.record_desk import ME, PLANS
from tests.support.builders import a_carrier
from tests.support.clock import FixedClock
from tests.support.fetching import fetch_for
from tests.support.guards import BRAKE
from tests.support.order_builders import INTAKE, a_reachable_platform, asked, asking
from tests.support.protection_post import Flight, PostOffice, open_post_office
from tests.support.protection_truth import ALL, PULLED, SENSITIVE, Truth, day_of
from tests.support.sealing import SEALER
from tests.support.sweeping import sweep
from unbind_broker.base.database import Db
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.ids import CarrierId, Prefix, parse_id
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.callbacks.braking import consider, let_go, stop
from unbind_broker.callbacks.results import Applying, LineStatus, apply
from unbind_broker.carriers import service as carrier_service
from unbind_broker.carriers.service import Carrier
from unbind_broker.deadlines.braking import keep_brake
from unbind_broker.deadlines.expiring import expire_overdue
from unbind_broker.deadlines.releasing import release_held
from unbind_broker.deadlines.suspending import call_back_suspended
from unbind_broker.endpoints.states import Delivery
from unbind_broker.holdings.states import HoldingEvent
from unbind_broker.intake.asked import AfterQuery, Asked
from unbind_broker.intake.cancelling import cancel
from unbind_broker.intake.holding_feed import take_lines
from unbind_broker.intake.holding_lines import HoldingLine
from unbind_broker.intake.place_order import place
from unbind_broker.intake.restoring import AskedRestore, restore
from unbind_broker.intake.retracting import WrongHolding, retract
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.notices.ending import settle
from unbind_broker.orders.states import OrderKind
from unbind_broker.platforms import service as platform_service
from unbind_broker.platforms.service import Platform
from unbind_broker.sending.briefs import Briefs
from unbind_broker.sending.record import write

CARRIERS = ("china-mobile", "china-unicom", "china-telecom")
APPLYING = Applying(INTAKE.policy.working_time, replace(BRAKE, least=3))
_TICK = timedelta(milliseconds=1500)
_MANY = 1000


@dataclass(frozen=True)
class Fate:
    """``crash``: nothing of a step is kept; ``forget``: nothing follows its commit."""

    crash: bool = False
    forget: bool = False


@dataclass
class World:
    engine: AsyncEngine
    clock: FixedClock = field(default_factory=FixedClock)
    truth: Truth = field(default_factory=Truth)
    carriers: list[Carrier] = field(default_factory=list)
    platforms: dict[str, Platform] = field(default_factory=dict)
    post_office: PostOffice = field(init=False)
    spoken_of: set[ItemKey] = field(default_factory=set)
    """Items that platforms reported on in this step."""
    amended: set[ItemKey] = field(default_factory=set)
    """Those that a platform corrected in this step."""

    async def begin(self) -> None:
        async with self.engine.begin() as db:
            self.carriers = [await a_carrier(db, slug) for slug in CARRIERS]
            for slug in ALL:
                pulls = Delivery.PULL if slug == PULLED else Delivery.PUSH
                self.platforms[slug] = await a_reachable_platform(
                    db,
                    slug,
                    sensitive=slug == SENSITIVE,
                    delivery=pulls,
                    capabilities=("detach", "close_account"),
                )
                self.truth.settle_in(slug)
            ids = {slug: one.id for slug, one in self.platforms.items()}
            self.post_office = await open_post_office(db, self.engine, self.truth, ids)

    @property
    def slugs(self) -> dict[int, str]:
        return {platform.id: slug for slug, platform in self.platforms.items()}

    def tick(self, by: timedelta = _TICK) -> None:
        """Let a step begin, later than everything before it."""
        self.clock.advance(by)
        self.spoken_of, self.amended = set(), set()

    @asynccontextmanager
    async def step(self, fate: Fate) -> AsyncIterator[Db]:
        async with self.engine.connect() as db, db.begin() as opened:
            yield db
            if fate.crash:
                await opened.rollback()

    # What carriers do

    async def ask(self, place_: int, wanted: Asked, fate: Fate) -> BrokerError | None:
        carrier = self.carriers[place_]
        try:
            async with self.step(fate) as db:
                await place(db, self.clock.now(), wanted, asking(carrier), INTAKE)
        except BrokerError as refused:
            return refused
        return None

    def wanted(
        self, kind: OrderKind, number: PhoneNumber, since: date, **more: Any
    ) -> Asked:
        recheck = more.pop("recheck", False)
        ported_in_on = more.pop("ported_in_on", None)
        made = asked(
            kind, number=number, owner_since=since, now=self.clock.now(), **more
        )
        return replace(made, recheck=recheck, ported_in_on=ported_in_on)

    def wanted_after(self, query: UUID, *, recheck: bool) -> Asked:
        made = asked(now=self.clock.now())
        about = AfterQuery(query)  # type: ignore[arg-type] # ids of rows have no type
        return replace(made, about=about, recheck=recheck)

    async def tell(
        self,
        place_: int,
        told: Sequence[tuple[PhoneNumber, HoldingEvent, date]],
        fate: Fate,
    ) -> None:
        lines = [HoldingLine(at, *one) for at, one in enumerate(told, 1)]
        carrier = asking(self.carriers[place_])
        async with self.step(fate) as db:
            await take_lines(db, self.clock.now(), lines, carrier, INTAKE)

    async def call_back(self, place_: int, order: UUID, fate: Fate) -> None:
        carrier = asking(self.carriers[place_])
        try:
            async with self.step(fate) as db:
                await cancel(db, self.clock.now(), carrier, order)
        except BrokerError:
            pass

    async def undo(self, place_: int, order: UUID, fate: Fate) -> None:
        wanted = AskedRestore(order_id=order, platforms=None, reason="a mistake")
        carrier, time = asking(self.carriers[place_]), INTAKE.policy.working_time
        try:
            async with self.step(fate) as db:
                await restore(db, self.clock.now(), wanted, carrier, time)
        except BrokerError:
            pass

    # What administrators do

    async def retract(
        self, number_index: bytes, carrier: CarrierId, since: date | None, fate: Fate
    ) -> None:
        slug = next(one.slug for one in self.carriers if one.id == carrier)
        wrong = WrongHolding(number_index, carrier, slug, since)
        async with self.step(fate) as db:
            await retract(db, self.clock.now(), wrong, "admin:test", "told wrongly")

    async def brake(self, place_: int | None, fate: Fate, *, on: bool) -> None:
        carrier = None if place_ is None else self.carriers[place_].id
        act = stop if on else let_go
        async with self.step(fate) as db:
            await act(db, self.clock.now(), carrier, "a drill", "admin:test")

    async def suspend_carrier(self, place_: int, fate: Fate, *, on: bool) -> None:
        now, slug = self.clock.now(), CARRIERS[place_]
        act = carrier_service.suspend if on else carrier_service.resume
        async with self.step(fate) as db:
            await act(db, now, slug, "admin:test")
        if on and not (fate.crash or fate.forget):
            async with self.step(fate) as db:
                ids = [self.carriers[place_].id]
                await call_back_suspended(db, now, ids, _MANY)

    async def suspend_platform(self, slug: str, fate: Fate, *, on: bool) -> None:
        act = platform_service.suspend if on else platform_service.resume
        async with self.step(fate) as db:
            await act(db, self.clock.now(), slug, "admin:test")

    # What platforms do

    async def report(
        self, slug: str, lines: Sequence[dict[str, Any]], fate: Fate
    ) -> list[LineStatus]:
        now, platform = self.clock.now(), self.platforms[slug].id
        async with self.step(fate) as db:
            applied = await apply(db, now, platform, list(lines), APPLYING)
        if fate.crash:
            return []
        statuses = [answer.status for answer in applied.answers]
        for line, status in zip(lines, statuses, strict=True):
            self._note(slug, line, recorded=status is LineStatus.RECORDED)
        await self._follow_up(applied.touched, applied.alarming, fate)
        return statuses

    def _note(self, slug: str, line: dict[str, Any], *, recorded: bool) -> None:
        """Remember which items a report changed, and what it truly said."""
        amend = line.get("amend", False)
        bare = {name: value for name, value in line.items() if name != "amend"}
        for request in self.truth.requests[slug].values():
            if request.public_id != line["id"]:
                continue
            key = ItemKey(request.order_id, self.platforms[slug].id)
            self.spoken_of.add(key)
            if amend:
                self.amended.add(key)
            if (
                recorded
                and next(
                    status for status in ItemStatus if status.value == line["outcome"]
                ).is_final
            ):
                self.truth.recorded(slug, bare, request.order_id)

    async def _follow_up(
        self, touched: Collection[UUID], alarming: Collection[CarrierId], fate: Fate
    ) -> None:
        if fate.forget:
            return
        now = self.clock.now()
        async with self.engine.begin() as db:
            await settle(db, now, touched)
        async with self.engine.begin() as db:
            await consider(db, now, alarming, APPLYING.brake)

    async def fetch(self, fate: Fate) -> None:
        """Let the platform without an inbound door fetch its items."""
        platform = self.platforms[PULLED].id
        async with self.step(fate) as db:
            now = self.clock.now()
            found = await fetch_for(db, now, platform, 2)
            items = await Briefs(SEALER).load(db, now, found)
        if not fate.crash:
            for one in items.values():
                self.truth.arrive(PULLED, one.to_platform(platform))

    # What workers do

    async def record(self, flight: Flight, fate: Fate) -> None:
        """Write down what came of a request, or die before that and send it again."""
        self.post_office.flights.remove(flight)
        now = self.clock.now()
        async with self.step(fate) as db:
            written = await write(db, now, ME, [flight.finished], PLANS, APPLYING)
        if fate.crash:
            return
        self.post_office.done(flight)
        known = self.truth.removals.keys()
        for line in flight.answered:
            # Nobody reads what such a line is answered: of two the first one stands.
            order_id = parse_id(line["id"], Prefix.QUERY, Prefix.ORDER)
            is_first = (flight.slug, order_id) not in known
            self._note(flight.slug, line, recorded=is_first)
        await self._follow_up(written.touched, written.alarming, fate)

    # What time brings

    async def clock_step(self, name: str, fate: Fate) -> None:
        now = self.clock.now()
        overdue: set[UUID] = set()
        async with self.step(fate) as db:
            match name:
                case "expire":
                    overdue = await expire_overdue(db, now, _MANY)
                case "release":
                    await release_held(db, now, _MANY)
                case "brake":
                    await keep_brake(db, now, _MANY)
                case "suspended":
                    ids = [one.id for one in self.carriers]
                    await call_back_suspended(db, now, ids, _MANY)
                case _:
                    await sweep(db, now)
        if not fate.crash:
            await self._follow_up(overdue, (), fate)

    @property
    def today(self) -> date:
        return day_of(self.clock.now())
