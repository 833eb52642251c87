"""The summer of 2022 once more, on a broker that guards the present holder.

A carrier with wrong dates has people's own accounts unbound. Platforms that see the
number in use refuse; one is careless, one removes even what it was not asked to. The
broker raises the violation, has it undone, and stops the carrier after a few items.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter
from typing import Any

from unbind_broker.base.clock import Clock
from unbind_broker.client import Client, Consent, Question, Unbinding
from unbind_broker.client.errors import (
    AlreadyCompleted,
    NothingToRestore,
    UnbindingBraked,
)
from unbind_broker.demo.broker_client import BrokerClient, open_http
from unbind_broker.demo.replay_world import (
    CARELESS,
    GREEDY,
    PLATFORMS,
    ReplayMind,
    World,
    replay_platforms,
)
from unbind_broker.demo.screen import Screen
from unbind_broker.demo.simulation import Play, simulated_by_admin
from unbind_broker.demo.traits import Traits

CARRIER = "replay-carrier"
PEOPLE = 40
MIGRATED = timedelta(days=50)
"""So long ago the carrier moved its records: to it that day is everybody's first."""

PATIENCE = 60.0
"""Seconds that each scene may take before the story is given up."""

_POLL = 0.2


@dataclass(frozen=True, slots=True)
class Proof:
    """What proves the end: both name faults, and are content when there is none."""

    audit: Callable[[], Awaitable[Sequence[str]]]
    receipt: Callable[[str, dict[str, Any]], Sequence[str]]


@dataclass(frozen=True, slots=True)
class ReplayStage:
    """Where the replay takes place."""

    broker_url: str
    admin_key: str
    clock: Clock
    proof: Proof


@dataclass(slots=True)
class _Cast:
    """Everybody who calls the broker, and the world as it is."""

    admin: BrokerClient
    carrier: Client
    auditor: BrokerClient
    world: World
    numbers: list[str]


async def tell_of_2022(stage: ReplayStage, screen: Screen) -> bool:
    """Tell the story; True if nobody is worse off in the end, and it can be proved."""
    started = perf_counter()
    async with _cast(stage, screen) as cast:
        orders = await _send(stage, cast, screen)
        checks = [
            await _caught(cast, screen),
            await _braked(stage, cast, screen, orders),
            await _undone(cast, screen, orders),
            await _proved(stage, cast, screen, orders[0]),
        ]
    screen.say(f"It took {perf_counter() - started:.1f} s.")
    return all(checks)


@asynccontextmanager
async def _cast(stage: ReplayStage, screen: Screen) -> AsyncIterator[_Cast]:
    entries = replay_platforms()
    world = World(stage.clock.now())
    numbers = [f"+86138000020{place:02}" for place in range(PEOPLE)]
    world.settle(numbers)
    screen.head(f"{PEOPLE} people with {len(PLATFORMS)} accounts each, all their own")
    screen.say(
        "They have held their numbers since 2016. Their carrier moved its records "
        f"{MIGRATED.days} days ago, and now sends that day as everybody's first."
    )
    play = Play(stage.clock, lambda _: Traits())
    async with (
        simulated_by_admin(
            stage.broker_url, stage.admin_key, entries, play
        ) as simulation,
        open_http(stage.broker_url) as http,
    ):
        for name in PLATFORMS:
            simulation.platforms.recast(ReplayMind(name, world))
        admin = BrokerClient(http, stage.admin_key)
        await admin.make("/v1/admin/carriers", {"slug": CARRIER})
        asked = {"role": "carrier", "carrier": CARRIER, "name": "replay"}
        key = await _key(admin, asked)
        audit_key = await _key(admin, {"role": "auditor", "name": "replay"})
        auditor = BrokerClient(http, audit_key)
        async with Client(stage.broker_url, key) as carrier:
            yield _Cast(admin, carrier, auditor, world, numbers)


async def _key(admin: BrokerClient, asked: dict[str, Any]) -> str:
    issued = await admin.call("POST", "/v1/admin/keys", asked)
    return str(issued.body["key"])


async def _send(stage: ReplayStage, cast: _Cast, screen: Screen) -> list[str]:
    """Send order after order until the broker takes no more."""
    screen.head("The carrier sends an unbind order for each of them")
    orders: list[str] = []
    for number in cast.numbers:
        try:
            made = await cast.carrier.orders.place(_unbinding(stage, number))
        except UnbindingBraked as braked:
            screen.say(f"Order {len(orders) + 1} was refused: {braked}")
            break
        orders.append(made.id)
        await asyncio.sleep(0.3)
    screen.say(f"{len(orders)} of {PEOPLE} orders were taken.")
    results: Counter[str] = Counter()
    for order in orders:
        for item in (await cast.carrier.orders.get(order)).items:
            results[item.reason or item.status] += 1
    told = ", ".join(f"{what} {count}" for what, count in results.most_common())
    screen.say(f"What the platforms answered so far: {told}.")
    screen.say(
        f"{CARELESS} looks at no use and removes; {GREEDY} removes even accounts of "
        f"last week. {cast.world.removals} accounts were cut off."
    )
    return orders


def _unbinding(stage: ReplayStage, number: str) -> Unbinding:
    now = stage.clock.now()
    since = (now - MIGRATED).date()
    return Unbinding(number=number, owner_since=since, consent=Consent("in_app", now))


def _question(stage: ReplayStage, number: str) -> Question:
    now = stage.clock.now()
    since = (now - MIGRATED).date()
    return Question(number=number, owner_since=since, consent=Consent("in_app", now))


async def _caught(cast: _Cast, screen: Screen) -> bool:
    """See each violation, and its undoing."""
    screen.head("Violations: removed although bound after the date")
    found = await _until(
        lambda: cast.admin.all("/v1/admin/violations"),
        lambda rows: (
            bool(rows) and all(row["restore_status"] == "restored" for row in rows)
        ),
    )
    for row in found[:3]:
        screen.say(
            f"{row['order_id']} at {row['platform']}: bound {row['last_bound_at']}, "
            f"restore {row['restore_status']}"
        )
    screen.say(
        f"{len(found)} raised; the broker asked for each to be restored at once."
    )
    return bool(found) and all(row["restore_status"] == "restored" for row in found)


async def _braked(
    stage: ReplayStage, cast: _Cast, screen: Screen, orders: Sequence[str]
) -> bool:
    """See the brake: nothing more is unbound, while queries go on."""
    screen.head("The brake")
    brake = await cast.admin.get("/v1/admin/brake")
    mine = [
        one for one in brake["carriers"] if one["carrier"] == CARRIER and one["brake"]
    ]
    for one in mine:
        held = one["held_orders"]
        screen.say(f"{CARRIER}: {one['brake']['reason']}; orders held: {held}.")
    untouched = PEOPLE - len(orders)
    screen.say(f"{untouched} of {PEOPLE} people were never reached.")
    asked = await cast.carrier.queries.place(_question(stage, cast.numbers[-1]))
    screen.say(f"Queries go on: {asked.id} is {asked.status}.")
    return bool(mine) and untouched > 0


async def _undone(cast: _Cast, screen: Screen, orders: Sequence[str]) -> bool:
    """Let the carrier cancel what is open and have everything else restored."""
    screen.head("The carrier sees its mistake: it cancels, and has everything restored")
    restores = []
    for order in orders:
        with suppress(AlreadyCompleted):
            await cast.carrier.orders.cancel(order)
        restore = await _restore(cast.carrier, order)
        if restore is not None:
            restores.append(restore)
    for restore in restores:
        await cast.carrier.orders.until_over(restore, PATIENCE)
    left = cast.world.detached()
    screen.say(
        f"{len(restores)} orders restored; {cast.world.removals} accounts had been cut "
        f"off, {len(left)} still are."
    )
    return not left


async def _restore(carrier: Client, order: str) -> str | None:
    """Have one order restored; None if there is nothing to restore."""
    try:
        made = await carrier.orders.restore(order, "owner_since was wrong")
    except NothingToRestore:
        return None
    return made.id


async def _proved(stage: ReplayStage, cast: _Cast, screen: Screen, order: str) -> bool:
    """Check the receipt without the broker, and the whole trail."""
    screen.head("The proof")
    jws = await cast.carrier.orders.receipt(order)
    jwks = await cast.carrier.jwks()
    wrong = list(stage.proof.receipt(jws, jwks))
    screen.say(
        f"Receipt of {order}, checked with the public key alone: "
        f"{'; '.join(wrong) or 'it holds'}."
    )
    events = 0
    for action in ("violation.raised", "brake.engaged", "order.restore_asked"):
        page = await cast.auditor.get(f"/v1/audit/events?action={action}&limit=200")
        events += len(page["data"])
        screen.say(f"Audit trail: {len(page['data'])} × {action}")
        wrong += [] if page["data"] else [f"no {action} in the trail"]
    faults = list(await stage.proof.audit())
    screen.say(f"Audit trail verified: {'; '.join(faults) or 'no fault'}.")
    return not wrong and not faults and events > 0


async def _until(
    read: Callable[[], Awaitable[Any]], is_so: Callable[[Any], bool]
) -> Any:
    """Read again and again until it is so, or patience ends."""
    clock = asyncio.get_running_loop().time
    end = clock() + PATIENCE
    seen = await read()
    while not is_so(seen) and clock() < end:
        await asyncio.sleep(_POLL)
        seen = await read()
    return seen
