"""What must be so after every step, and what once everything has come to its end."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

from sqlalchemy import Row, Table, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.protection_truth import PULLED, SENSITIVE, day_of
from tests.support.protection_world import World
from unbind_broker.callbacks.demands import REMOVALS
from unbind_broker.callbacks.tables import violations
from unbind_broker.carriers.tables import brakes
from unbind_broker.deliveries.queue import REQUESTS
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.holdings.states import Ended
from unbind_broker.holdings.tables import holdings
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ENDED_BY_US, ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.positions import Position
from unbind_broker.orders.states import (
    OPEN,
    HoldReason,
    OrderKind,
    OrderStatus,
    Scope,
)
from unbind_broker.orders.tables import order_log, orders
from unbind_broker.platforms.tables import PlatformStatus, platforms

_GOES_ON = {None, Ended.PORTED_OUT, Ended.TAKEN_OVER}
_SPARED: defaultdict[Ended | None, set[Ended]] = defaultdict(
    set, {Ended.TAKEN_OVER: {Ended.DISCONNECTED}}
)
"""Who took a holder over by its own word alone does not end him by it either."""
_BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Seen:
    """Everything that is written down, at one moment."""

    orders: dict[Any, Row[Any]]
    items: dict[ItemKey, Row[Any]]
    holdings: list[Row[Any]]
    violations: dict[ItemKey, list[Row[Any]]]
    deliveries: set[tuple[int, Any, Any]]
    log: set[Position]
    brakes: list[Row[Any]]
    receiving: set[int]

    def of_order(self, order: Row[Any]) -> list[Row[Any]]:
        return [one for one in self.items.values() if one.order_id == order.id]

    def holds(self, carrier_id: int) -> bool:
        return any(one.carrier_id in {None, carrier_id} for one in self.brakes)


async def look(engine: AsyncEngine) -> Seen:
    async with engine.connect() as db:

        async def rows(table: Table) -> list[Row[Any]]:
            return list(await db.execute(select(table)))

        raised = defaultdict(list)
        for row in await rows(violations):
            raised[ItemKey(row.order_id, row.platform_id)].append(row)
        return Seen(
            orders={row.id: row for row in await rows(orders)},
            items={
                ItemKey(row.order_id, row.platform_id): row for row in await rows(items)
            },
            holdings=[
                row
                for row in sorted(await rows(holdings), key=lambda row: row.id)
                if row.retracted_at is None
            ],
            violations=raised,
            deliveries={
                (row.endpoint_id, row.event, row.order_id)
                for row in await rows(deliveries)
            },
            log={Position(row.xid, row.order_id) for row in await rows(order_log)},
            brakes=[row for row in await rows(brakes) if row.released_at is None],
            receiving={
                row.id
                for row in await rows(platforms)
                if row.status is PlatformStatus.ACTIVE
            },
        )


def check(world: World, before: Seen, now: Seen) -> None:
    """Look at one step: ``before`` it and ``now``."""
    found = [
        f"{rule.__name__.removeprefix('_')}: {complaint}"
        for rule in _RULES
        for complaint in rule(world, before, now)
    ]
    assert not found, "\n".join(found)


def check_swept(world: World, now: Seen) -> None:
    """Look when nothing is left that a crash kept from being settled."""
    found = [*_unsettled(world, now), *_untold(world, now)]
    assert not found, "\n".join(found)


def check_guarded(world: World, now: Seen) -> None:
    """Look when the clock that keeps the brake has run."""
    loose = [
        order.id
        for order in now.orders.values()
        if order.kind is OrderKind.UNBIND
        and order.status is OrderStatus.IN_PROGRESS
        and order.told_at is None
        and order.deadline > world.clock.now()
        and now.holds(order.carrier_id)
    ]
    assert not loose, f"in progress though the brake is on: {loose}"


def _removals_are_raised(world: World, _: Seen, now: Seen) -> Iterator[str]:
    for key, item in now.items.items():
        order = now.orders[key.order_id]
        if item.status not in REMOVALS or _covers(order, item.last_bound_at):
            continue
        leader = ItemKey(item.follows or key.order_id, key.platform_id)
        claim = (item.status, item.removed, item.last_bound_at)
        told = [
            (row.outcome, row.removed, row.last_bound_at)
            for row in now.violations.get(leader, ())
        ]
        if claim not in told:
            yield f"{world.slugs[key.platform_id]} removed outside, unseen: {key}"


def _violations_are_undone(_: World, before: Seen, now: Seen) -> Iterator[str]:
    for key, raised in now.violations.items():
        for row in raised:
            if row in before.violations.get(key, ()):
                continue
            if row.restore_id is None and key.platform_id in now.receiving:
                yield f"nobody is asked to undo {key}"
            if row.restore_id is not None:
                restore = now.orders[row.restore_id]
                asked = ItemKey(row.restore_id, key.platform_id)
                if restore.restores != key.order_id or asked not in now.items:
                    yield f"{key} is undone by something else"


def _present_holders_are_safe(world: World, _: Seen, now: Seen) -> Iterator[str]:
    """By what is really so: who holds the number, who made the binding."""
    for (slug, order_id), removal in world.truth.removals.items():
        key = ItemKey(order_id, world.platforms[slug].id)
        item, order = now.items[key], now.orders[order_id]
        standing = item.last_bound_at == removal.last_bound_at
        if item.status not in REMOVALS or not standing:
            continue
        if order.scope is not Scope.PREVIOUS_OWNER:
            continue
        later = [
            one for one in removal.bindings if day_of(one.bound_at) >= order.owner_since
        ]
        if later and not removal.wrongly:
            yield f"the interval of {key} lets in what the present holder made"
        right = order.owner_since <= removal.present_since
        own = [
            one for one in removal.bindings if one.holder_since == removal.present_since
        ]
        if right and own and key not in now.violations:
            yield f"{key}: a present holder's binding is gone, and nobody knows"


def _one_holder_at_a_time(_: World, __: Seen, now: Seen) -> Iterator[str]:
    acting = [
        one
        for one in now.orders.values()
        if one.kind is OrderKind.UNBIND and one.status in OPEN
    ]
    for one, other in combinations(acting, 2):
        if one.number_index != other.number_index:
            continue
        if one.owner_since != other.owner_since and _overlap(one, other):
            yield f"{one.id} and {other.id} act for two holders of one number"


def _orders_rest_on_holdings(_: World, __: Seen, now: Seen) -> Iterator[str]:
    for order in now.orders.values():
        if order.status not in OPEN or order.kind is OrderKind.RESTORE:
            continue
        of_holder = [
            one
            for one in now.holdings
            if (one.number_index, one.since) == (order.number_index, order.owner_since)
        ]
        own = [one for one in of_holder if one.carrier_id == order.carrier_id]
        if not own:
            yield f"{order.id} rests on nothing"
            continue
        here, anywhere = _last_end(own), _last_end(of_holder)
        if here not in _GOES_ON:
            yield f"{order.id} is open, its holding is {here}"
        elif anywhere not in {*_GOES_ON, *_SPARED[here]}:
            yield f"{order.id} is open, its holder is {anywhere}"


def _followers_go_with_leaders(world: World, _: Seen, now: Seen) -> Iterator[str]:
    for key, item in now.items.items():
        if item.follows is None:
            continue
        leader = now.items[ItemKey(item.follows, key.platform_id)]
        if not leader.followed or leader.follows is not None:
            yield f"{key} follows what does not lead"
        order = now.orders[key.order_id]
        if item.status.is_final or not leader.status.is_final:
            continue
        # One whose own deadline has passed is left to that.
        if leader.status not in ENDED_BY_US or order.deadline > world.clock.now():
            yield f"{key} waits, its leader is {leader.status}"


def _asked_once(world: World, _: Seen, now: Seen) -> Iterator[str]:
    groups: defaultdict[Any, list[Row[Any]]] = defaultdict(list)
    for key, item in now.items.items():
        order = now.orders[key.order_id]
        question = (
            order.number_index,
            order.kind,
            order.scope,
            order.cutoff,
            order.action,
            key.platform_id,
        )
        if not _may_stand_alone(world, now, order, item):
            groups[question].append(item)
    for question, found in groups.items():
        alone = [one for one in found if one.follows is None]
        if len(alone) > 1:
            yield f"asked {len(alone)} times: {question[1:]}"


def _may_stand_alone(world: World, now: Seen, order: Row[Any], item: Row[Any]) -> bool:
    """Tell what joins nothing, or is joined by nothing, by the rules of joining."""
    equal = [
        one
        for one in now.orders.values()
        if (one.number_index, one.kind, one.cutoff, one.scope, one.action)
        == (order.number_index, order.kind, order.cutoff, order.scope, order.action)
    ]
    folded = world.slugs[item.platform_id] == SENSITIVE
    return (
        item.status.is_final
        or order.kind is OrderKind.RESTORE
        or (folded and order.scope is Scope.PREVIOUS_OWNER)
        or any(one.recheck or one.held_for is HoldReason.BRAKED for one in equal)
        or any(
            one.kind is OrderKind.RESTORE
            and one.number_index == order.number_index
            and ItemKey(one.id, item.platform_id) in now.items
            for one in now.orders.values()
        )
        or order.deadline <= world.clock.now()
    )


def _orders_agree_with_items(world: World, _: Seen, now: Seen) -> Iterator[str]:
    for order in now.orders.values():
        parts = now.of_order(order)
        still_open = [one for one in parts if not one.status.is_final]
        closed = order.status not in OPEN
        if closed and still_open:
            yield f"{order.id} is {order.status}, {len(still_open)} items are open"
        if closed != (order.completed_at is not None):
            yield f"{order.id} is {order.status}, completed at {order.completed_at}"
        if closed and order.told_at is None:
            yield f"{order.id} is {order.status}, and its carrier is not told"
        if order.told_at and not _is_over(world, order, parts):
            yield f"{order.id} is told to be over, and is not"


def _nothing_is_sent_of_held_orders(_: World, __: Seen, now: Seen) -> Iterator[str]:
    for item in now.items.values():
        order = now.orders[item.order_id]
        waits = order.status is OrderStatus.HELD
        if waits and order.held_for is not HoldReason.BRAKED and item.attempts:
            yield f"{order.id} is held, and something was sent"


def _orders_end_once(_: World, before: Seen, now: Seen) -> Iterator[str]:
    for was in before.orders.values():
        order = now.orders[was.id]
        if was.status not in OPEN and was.status is not order.status:
            yield f"{order.id} was {was.status} and is {order.status}"
        if was.told_at and was.told_at != order.told_at:
            yield f"{order.id} was told at another time"


def _items_only_go_on(_: World, before: Seen, now: Seen) -> Iterator[str]:
    for key, was in before.items.items():
        item = now.items[key]
        if item.attempts < was.attempts:
            yield f"{key}: attempts fell"
        if was.status.is_final and not item.status.is_final:
            yield f"{key}: {was.status} is {item.status} again"


def _results_stand(world: World, before: Seen, now: Seen) -> Iterator[str]:
    """A platform's own result gives way to its amendment only."""
    for key, was in before.items.items():
        item = now.items[key]
        own = was.status.is_final and was.status not in ENDED_BY_US
        changed = _result(was) != _result(item)
        if own and changed and _source(key, item) not in world.amended:
            yield f"{key}: {was.status} became {item.status} without amend"


def _ends_give_way_to_late_results(
    world: World, before: Seen, now: Seen
) -> Iterator[str]:
    for key, was in before.items.items():
        item = now.items[key]
        if was.status not in ENDED_BY_US or was.status is item.status:
            continue
        late = item.late and item.status not in ENDED_BY_US
        if not late or _source(key, item) not in world.spoken_of:
            yield f"{key}: {was.status} became {item.status}"
        if was.status is ItemStatus.CANCELLED and item.follows is not None:
            yield f"{key}: called back, and took a result all the same"


def _nothing_is_lost(world: World, _: Seen, now: Seen) -> Iterator[str]:
    """What waits for a push is under way, due, or ahead of the cursor."""
    post_office = world.post_office
    for key, item in now.items.items():
        order, slug = now.orders[key.order_id], world.slugs[key.platform_id]
        waits = item.status is ItemStatus.QUEUED and item.follows is None
        going = order.status is OrderStatus.IN_PROGRESS
        if not (waits and going) or slug == PULLED:
            continue
        if order.deadline <= world.clock.now():
            continue
        endpoint = post_office.lanes[slug].endpoint_id
        ahead = {one.order_id for one in now.log - post_office.passed[slug]}
        is_due = (endpoint, REQUESTS[order.kind], key.order_id) in now.deliveries
        is_ahead = key.order_id in ahead and not item.attempts
        in_hand = key.order_id in post_office.requests_in_hand(slug)
        if not (is_due or is_ahead or in_hand):
            yield f"{key} of {slug} will never be sent"


def _unsettled(_: World, now: Seen) -> Iterator[str]:
    for order in now.orders.values():
        parts = now.of_order(order)
        if _can_settle(order) and all(one.status.is_final for one in parts):
            yield f"every item of {order.id} is final, and it is {order.status}"


def _untold(world: World, now: Seen) -> Iterator[str]:
    for order in now.orders.values():
        over = _is_over(world, order, now.of_order(order))
        if _can_settle(order) and over and order.told_at is None:
            yield f"{order.id} is over for its carrier, who is not told"


def _can_settle(order: Row[Any]) -> bool:
    return order.status is OrderStatus.IN_PROGRESS or (
        order.status is OrderStatus.HELD and order.held_for is HoldReason.BRAKED
    )


def _is_over(world: World, order: Row[Any], parts: Iterable[Row[Any]]) -> bool:
    def is_done(item: Row[Any]) -> bool:
        folded = (
            world.slugs[item.platform_id] == SENSITIVE
            and order.scope is Scope.PREVIOUS_OWNER
        )
        taken = item.status is not ItemStatus.QUEUED
        return item.status.is_final or (folded and taken)

    return all(is_done(one) for one in parts)


def _last_end(stretches: Sequence[Row[Any]]) -> Ended | None:
    """Tell how the last of them ended, by the days that were told."""
    if any(one.ended is None for one in stretches):
        return None
    ended: Ended = max(stretches, key=lambda one: (one.until, one.id)).ended
    return ended


def _covers(order: Row[Any], at: datetime) -> bool:
    begun = order.bound_from is None or at >= order.bound_from
    return bool(begun and at < order.bound_before)


def _overlap(one: Row[Any], other: Row[Any]) -> bool:
    begin = max(one.bound_from or _BEGINNING, other.bound_from or _BEGINNING)
    return bool(begin < min(one.bound_before, other.bound_before))


def _source(key: ItemKey, item: Row[Any]) -> ItemKey:
    """Name the item whose platform's word this one goes by."""
    return ItemKey(item.follows or key.order_id, key.platform_id)


def _result(item: Row[Any]) -> tuple[Any, ...]:
    return (
        item.status,
        item.reason,
        item.bindings,
        item.removed,
        item.kept,
        item.last_bound_at,
        item.finished_at,
    )


_Rule = Callable[[World, Seen, Seen], Iterator[str]]
_RULES: tuple[_Rule, ...] = (
    _removals_are_raised,
    _violations_are_undone,
    _present_holders_are_safe,
    _one_holder_at_a_time,
    _orders_rest_on_holdings,
    _followers_go_with_leaders,
    _asked_once,
    _orders_agree_with_items,
    _nothing_is_sent_of_held_orders,
    _orders_end_once,
    _items_only_go_on,
    _results_stand,
    _ends_give_way_to_late_results,
    _nothing_is_lost,
)
