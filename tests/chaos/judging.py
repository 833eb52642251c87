"""Hold what the receivers saw against what the database says."""

import bisect
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import text

from tests.chaos.scene import Scene
from tests.chaos.sink import Request
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import OrderStatus

READ_AHEAD = 2.0
"""Seconds for which an owner may have had an item in its hands, without looking it up
again, when another's late record of it committed."""

_ITEMS = """
    SELECT order_id, platform_id, status, acknowledged_at IS NOT NULL AS acknowledged
    FROM items
"""
_ATTEMPTS = f"""
    SELECT endpoint_id, encode(body_sha256, 'hex') AS digest,
        extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 AS committed
    FROM attempts WHERE outcome = {OutcomeKind.ACCEPTED.code}
"""  # noqa: S608 - a code


class Item(NamedTuple):
    """One platform's part of an order, by its door and the order's public id."""

    door: int
    order: str


@dataclass
class Told:
    """What the database says in the end."""

    status: dict[Item, ItemStatus] = field(default_factory=dict)
    acknowledged: set[Item] = field(default_factory=set)
    orders: Counter[str] = field(default_factory=Counter)
    order_ids: set[str] = field(default_factory=set)
    recorded: dict[tuple[int, str], float] = field(default_factory=dict)
    """When it was committed that a request was answered with 2xx, by door and digest.
    An answer for which its sender did not wait long enough is not among them."""


async def read_database(scene: Scene) -> Told:
    """Read how every item and order ended, and which requests are on record."""
    told = Told()
    doors = {platform: door for door, platform in enumerate(scene.platforms)}
    ends = {endpoint: door for door, endpoint in enumerate(scene.endpoints)}
    async with scene.engine.connect() as db:
        for row in await db.execute(text(_ITEMS)):
            item = Item(doors[row.platform_id], format_id(Prefix.ORDER, row.order_id))
            told.status[item] = ItemStatus.from_code(row.status)
            if row.acknowledged:
                told.acknowledged.add(item)
        for row in await db.execute(text("SELECT id, status FROM orders")):
            told.orders[OrderStatus.from_code(row.status).value] += 1
            told.order_ids.add(format_id(Prefix.ORDER, row.id))
        for row in await db.execute(text(_ATTEMPTS)):
            told.recorded[ends[row.endpoint_id], row.digest] = row.committed
    return told


@dataclass
class Repeats:
    """Items that came again after their platform had answered 2xx.

    ``unrecorded`` counts the items of all answers that were not heard, whose record was
    lost, or committed after the item had come again: what was in flight or not yet
    written when something befell its worker, counted exactly. ``unexplained`` repeats
    have no such answer.
    """

    repeats: int = 0
    unrecorded: int = 0
    unexplained: list[str] = field(default_factory=list)


def find_repeats(seen: Iterable[Request], told: Told) -> Repeats:
    """Go through all requests in order of their arrival; a reminder is none."""
    seen = [request for request in seen if not request.reminds]
    found = Repeats()
    taken: defaultdict[Item, list[Request]] = defaultdict(list)
    unheard: set[tuple[Item, str]] = set()
    for request in seen:
        for order in request.ids:
            item = Item(request.door, order)
            earlier = [r for r in taken[item] if (r.ended or 0) < request.arrived]
            if earlier:
                found.repeats += 1
                if any(_was_recorded(r, request, told) for r in earlier):
                    found.unexplained.append(f"{item} at {request.arrived:.3f}")
                unheard |= {(item, r.digest) for r in earlier}
            if _is_answered(request):
                taken[item].append(request)
    found.unrecorded = len(unheard) + sum(
        (item, request.digest) not in unheard
        and (request.door, request.digest) not in told.recorded
        for item, requests in taken.items()
        for request in requests
    )
    return found


def _is_answered(request: Request) -> bool:
    return 200 <= request.status < 300


def _was_recorded(earlier: Request, again: Request, told: Told) -> bool:
    committed = told.recorded.get((earlier.door, earlier.digest))
    return committed is not None and committed < again.arrived - READ_AHEAD


def most_in_flight(
    seen: Iterable[Request], given_up_after: float | None = None
) -> dict[int, int]:
    """Find for each door how many requests were there at once, at most.

    ``given_up_after`` counts one for so many seconds only: a sender that stands still
    cannot hang up on a receiver that never answers.
    """
    moments: defaultdict[int, list[tuple[float, int]]] = defaultdict(list)
    for request in seen:
        ends = [request.ended] if request.ended is not None else []
        if given_up_after is not None:
            ends.append(request.arrived + given_up_after)
        moments[request.door].append((request.arrived, 1))
        if ends:
            moments[request.door].append((min(ends), -1))
    return {door: _highest(found) for door, found in moments.items()}


def at_the_peak(seen: Iterable[Request], given_up_after: float) -> list[str]:
    """Say which requests were there together when there were most of them.

    Seconds from the arrival of the last of them: when each arrived and was done with.
    """
    requests, together = list(seen), list[Request]()
    for last in requests:
        there = [
            one
            for one in requests
            if one.arrived <= last.arrived < one.arrived + given_up_after
            and (one.ended is None or one.ended > last.arrived)
        ]
        together = max(together, there, key=len)
    now = max((one.arrived for one in together), default=0.0)
    return [
        f"{one.arrived - now:+.3f} to "
        + ("never" if one.ended is None else f"{one.ended - now:+.3f}")
        for one in together
    ]


def most_in_any(seconds: float, seen: Iterable[Request]) -> dict[int, int]:
    """Find for each door how many requests arrived within any so many seconds."""
    arrivals: defaultdict[int, list[float]] = defaultdict(list)
    for request in seen:
        arrivals[request.door].append(request.arrived)
    return {
        door: max(
            place - bisect.bisect_right(times, at - seconds) + 1
            for place, at in enumerate(times)
        )
        for door, times in arrivals.items()
    }


def _highest(moments: list[tuple[float, int]]) -> int:
    level = highest = 0
    for _, step in sorted(moments):
        level += step
        highest = max(highest, level)
    return highest


def taken_items(seen: Iterable[Request]) -> set[Item]:
    """Give everything that a receiver answered with 2xx."""
    return {
        Item(request.door, order)
        for request in seen
        if _is_answered(request)
        for order in request.ids
    }


def verified(seen: Iterable[Request]) -> tuple[int, int, int]:
    """Count requests: those whose signature holds, those where it does not, all."""
    found: Counter[Any] = Counter(request.verified for request in seen)
    return found[True], found[False], found.total()
