"""What must be so of delivery after every step, and at the end."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from tests.support.delivery_world import World
from unbind_broker.deliveries.queue import REQUESTS
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.tables import endpoint_leases
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.positions import Position
from unbind_broker.orders.states import OPEN, OrderKind, OrderStatus
from unbind_broker.orders.tables import order_log, orders
from unbind_broker.orders.views import show_order_id

Key = tuple[str, str]
"""Platform and public id of an item."""


@dataclass(frozen=True)
class Seen:
    """What is written down at one moment; everything of delivery, and nothing else."""

    orders: dict[UUID, Row[Any]]
    items: dict[Key, Row[Any]]
    due: set[tuple[str, EventType, UUID]]
    log: dict[UUID, list[Position]]
    cursors: dict[str, Position]


async def look(world: World) -> Seen:
    slugs = {platform.id: slug for slug, platform in world.platforms.items()}
    names = {endpoint: slug for slug, endpoint in world.endpoints.items()}
    async with world.engine.connect() as db:
        asked = {row.id: row for row in await db.execute(select(orders))}
        parts = {}
        for row in await db.execute(select(items)):
            public_id = show_order_id(asked[row.order_id].kind, row.order_id)
            parts[slugs[row.platform_id], public_id] = row
        due = {
            (names[row.endpoint_id], row.event, row.order_id)
            for row in await db.execute(select(deliveries))
        }
        log = defaultdict(list)
        for row in await db.execute(select(order_log)):
            log[row.order_id].append(Position(row.xid, row.order_id))
        cursors = {
            names[row.endpoint_id]: Position(row.cursor_xid, row.cursor_order_id)
            for row in await db.execute(select(endpoint_leases))
        }
    return Seen(asked, parts, due, log, cursors)


def check(world: World, before: Seen, now: Seen) -> None:
    """Look at one step."""
    found = [
        *world.network.complaints,
        *_as_the_model_says(world, now),
        *_goes_on(world, now),
        *_counts(world, before, now),
        *_stands_on_answers(world, now),
        *_orders_end_with_their_items(now),
    ]
    assert not found, "\n".join(found)


def check_stale(before: Seen, now: Seen, keys: set[Key]) -> None:
    """Look at what a worker wrote whose word counts for nothing."""
    for key in keys:
        was, item = before.items[key], now.items[key]
        assert (was.attempts, was.status) == (item.attempts, item.status), key


def check_swept(now: Seen) -> None:
    """Look when nothing is left that a crash kept from being settled."""
    for order in now.orders.values():
        parts = [one for one in now.items.values() if one.order_id == order.id]
        done = all(one.status.is_final for one in parts)
        assert not (done and order.status in OPEN), f"{order.id} is {order.status}"


def check_told(world: World, now: Seen) -> None:
    """Look whether platforms know what was called back after it was sent.

    What a worker took with it into the grave, the broker never knew.
    """
    for key, item in now.items.items():
        slug, public_id = key
        order = now.orders[item.order_id]
        changing = order.kind is not OrderKind.QUERY
        ended = (
            ItemStatus.CANCELLED in world.model.orders[public_id].parts[slug].changes
        )
        sent = item.attempts > 0 or key in world.heard_too_late
        told = public_id in world.network.sites[slug].told
        assert told or not (changing and ended and sent), f"{key}: nobody was told"


def _as_the_model_says(world: World, now: Seen) -> Iterator[str]:
    expected = {
        (slug, public_id): part.status
        for public_id, order in world.model.orders.items()
        for slug, part in order.parts.items()
    }
    for key in expected.keys() | now.items.keys():
        item = now.items.get(key)
        stands = None if item is None else item.status
        if expected.get(key) is not stands:
            yield f"{key} is {stands}, expected {expected.get(key)}"


def _goes_on(world: World, now: Seen) -> Iterator[str]:
    """The invariant of delivery: whatever is open has a way on."""
    for key, item in now.items.items():
        slug, _ = key
        order = now.orders[item.order_id]
        waits = item.status is ItemStatus.QUEUED
        if not waits or order.status is OrderStatus.HELD:
            continue  # the rest is ended by a platform, or by the deadline
        if order.deadline <= world.clock.now():
            continue
        if (slug, REQUESTS[order.kind], item.order_id) in now.due:
            continue
        ahead = [at for at in now.log[item.order_id] if at > now.cursors[slug]]
        if not (ahead and item.attempts == 0):
            yield f"{key} will never be sent"


def _counts(world: World, before: Seen, now: Seen) -> Iterator[str]:
    """Attempts never fall, and none is counted that was not made."""
    for key, item in now.items.items():
        slug, public_id = key
        was = before.items.get(key)
        if was is not None and item.attempts < was.attempts:
            yield f"{key}: attempts fell"
        if item.attempts > world.network.sites[slug].received[public_id]:
            yield f"{key}: more attempts than requests"


def _stands_on_answers(world: World, now: Seen) -> Iterator[str]:
    """Nothing is taken that nobody took, nothing refused that nobody refused."""
    for key, item in now.items.items():
        slug, public_id = key
        site, order = world.network.sites[slug], now.orders[item.order_id]
        taken = public_id in site.taken or key in world.model.reported
        if item.acknowledged_at is not None and not taken:
            yield f"{key} is taken, and nobody took it"
        early = item.finished_at is not None and item.finished_at < order.deadline
        undeliverable = item.status is ItemStatus.UNDELIVERABLE
        if undeliverable and early and public_id not in site.refused:
            yield f"{key} is undeliverable, and was never refused by itself"


def _orders_end_with_their_items(now: Seen) -> Iterator[str]:
    still_open = {one.order_id for one in now.items.values() if not one.status.is_final}
    for order in now.orders.values():
        if order.status not in OPEN and order.id in still_open:
            yield f"{order.id} is {order.status}, and has open items"
