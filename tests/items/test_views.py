from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import (
    a_query,
    a_reachable_platform,
    an_order,
    asked,
    bring_to,
)
from tests.support.sealing import BLIND_INDEX, SEALER
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.carriers.service import Carrier
from unbind_broker.items.item import Item, ItemKey
from unbind_broker.items.service import replace
from unbind_broker.items.states import HolderAction, ItemStatus, Reason
from unbind_broker.items.tables import items
from unbind_broker.items.views import list_orders, read_order
from unbind_broker.orders.states import OrderKind, OrderStatus, Scope
from unbind_broker.orders.tables import orders
from unbind_broker.orders.views import OrderFilter

FIELDS = [
    "id",
    "kind",
    "status",
    "number",
    "owner_since",
    "cutoff",
    "scope",
    "action",
    "carrier",
    "reference",
    "created_at",
    "held_until",
    "held_for",
    "deadline",
    "completed_at",
    "summary",
    "sensitive",
    "items",
]
ITEM_FIELDS = [
    "platform",
    "platform_name",
    "status",
    "reason",
    "detail",
    "attempts",
    "acknowledged_at",
    "finished_at",
    "bindings",
    "removed",
    "kept",
    "restorable_until",
    "action_url",
    "late",
    "overdue",
]


async def seen(db: Db, carrier: Carrier, order_id: OrderId) -> dict[str, Any]:
    view = await read_order(db, carrier.id, order_id, SEALER)
    assert view is not None
    return dict(view)


async def test_an_order_shows_the_fields_of_the_contract_in_order(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    view = await seen(db, carrier, await an_order(db, carrier, asked(reference="R")))
    assert list(view) == FIELDS
    assert list(view["items"][0]) == ITEM_FIELDS
    assert view.pop("id").startswith("ord_")
    assert view == {
        "kind": "unbind",
        "status": "in_progress",
        "number": "+86138****1234",
        "owner_since": "2025-03-01",
        "cutoff": "2025-02-28T16:00:00Z",
        "scope": "previous_owner",
        "action": "detach",
        "carrier": "china-mobile",
        "reference": "R",
        "created_at": "2026-11-20T04:00:00Z",
        "held_until": None,
        "held_for": None,
        "deadline": "2026-11-27T15:59:59Z",
        "completed_at": None,
        "summary": {"total": 1, "queued": 1},
        "sensitive": {"total": 0, "finished": 0},
        "items": [
            {
                **dict.fromkeys(ITEM_FIELDS),
                "platform": "weibo",
                "platform_name": "weibo 平台",
                "status": "queued",
                "attempts": 0,
                "late": False,
                "overdue": False,
            }
        ],
    }


async def test_a_query_has_its_own_prefix_and_no_action(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    view = await seen(db, carrier, await a_query(db, carrier))
    assert view["id"].startswith("qry_")
    assert (view["kind"], view["action"]) == ("query", None)
    assert view["deadline"] == "2026-11-20T04:10:00Z"


async def test_a_held_order_says_until_when_and_why(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    wanted = asked(scope=Scope.CURRENT_OWNER, platforms=("weibo",))
    view = await seen(db, carrier, await an_order(db, carrier, wanted))
    assert view["status"] == "held"
    assert view["held_until"] == "2026-11-21T04:00:00Z"
    assert view["held_for"] == "undo_window"


async def test_items_stand_in_the_order_of_their_slugs(db: Db) -> None:
    carrier = await a_carrier(db)
    for slug in ("weibo", "alipay", "jd"):
        await a_reachable_platform(db, slug)
    view = await seen(db, carrier, await an_order(db, carrier))
    assert [item["platform"] for item in view["items"]] == ["alipay", "jd", "weibo"]


async def test_a_result_is_shown(db: Db) -> None:
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db)
    order_id = await an_order(db, carrier)
    result = Item(
        key=ItemKey(order_id, platform.id),
        status=ItemStatus.PARTLY_UNBOUND,
        reason=Reason.LEGAL_HOLD,
        detail="words",
        removed=2,
        kept=1,
        acknowledged_at=NOON,
        finished_at=NOON + timedelta(hours=1),
        restorable_until=NOON + timedelta(days=7),
    )
    await replace(db, [result])
    item = (await seen(db, carrier, order_id))["items"][0]
    assert item == {
        **dict.fromkeys(ITEM_FIELDS),
        "platform": "weibo",
        "platform_name": "weibo 平台",
        "status": "partly_unbound",
        "reason": "legal_hold",
        "detail": "words",
        "attempts": 0,
        "acknowledged_at": "2026-11-20T04:00:00Z",
        "finished_at": "2026-11-20T05:00:00Z",
        "removed": 2,
        "kept": 1,
        "restorable_until": "2026-11-27T04:00:00Z",
        "late": False,
        "overdue": False,
    }


async def test_what_the_holder_must_do_is_shown_while_it_stands(db: Db) -> None:
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db)
    order_id = await an_order(db, carrier)
    waiting = Item(
        key=ItemKey(order_id, platform.id),
        status=ItemStatus.ACTION_REQUIRED,
        holder_action=HolderAction.VERIFY_CODE,
        action_url="https://weibo.com/confirm",
        acknowledged_at=NOON,
        expected_at=NOON + timedelta(days=1),
        cooling_off_until=NOON + timedelta(days=2),
    )
    await replace(db, [waiting])
    item = (await seen(db, carrier, order_id))["items"][0]
    assert list(item) == [
        *ITEM_FIELDS,
        "action",
        "expected_at",
        "cooling_off_until",
    ]
    assert item["action"] == "verify_code"
    assert item["action_url"] == "https://weibo.com/confirm"
    assert item["expected_at"] == "2026-11-21T04:00:00Z"
    assert item["cooling_off_until"] == "2026-11-22T04:00:00Z"


@pytest.mark.parametrize("status", list(ItemStatus))
@pytest.mark.parametrize("late", [False, True])
async def test_overdue_is_what_had_no_timely_result(
    db: Db, status: ItemStatus, *, late: bool
) -> None:
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db)
    order_id = await an_order(db, carrier)
    deadline = (await db.execute(select(orders.c.deadline))).scalar_one()
    await bring_to(db, ItemKey(order_id, platform.id), status, now=deadline)
    await db.execute(update(items).values(late=late))
    item = (await seen(db, carrier, order_id))["items"][0]
    missed = status in {ItemStatus.EXPIRED, ItemStatus.UNDELIVERABLE}
    assert item["overdue"] is (late or missed)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("status", [ItemStatus.UNDELIVERABLE, ItemStatus.NOT_BOUND])
async def test_nothing_is_overdue_that_ended_before_the_deadline(
    db: Db, status: ItemStatus, *, late: bool
) -> None:
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db)
    order_id = await an_order(db, carrier)
    await bring_to(db, ItemKey(order_id, platform.id), status, now=NOON)
    await db.execute(update(items).values(late=late))
    item = (await seen(db, carrier, order_id))["items"][0]
    assert (item["late"], item["overdue"]) == (late, False)


async def test_the_summary_counts_the_statuses_that_are_there(db: Db) -> None:
    carrier = await a_carrier(db)
    places = [await a_reachable_platform(db, slug) for slug in ("a", "b", "c", "d")]
    order_id = await an_order(db, carrier)
    for place, status in zip(
        places[:3],
        (ItemStatus.UNBOUND, ItemStatus.ACKNOWLEDGED, ItemStatus.UNBOUND),
        strict=True,
    ):
        await bring_to(db, ItemKey(order_id, place.id), status)
    view = await seen(db, carrier, order_id)
    assert list(view["summary"].items()) == [
        ("total", 4),
        ("queued", 1),
        ("acknowledged", 1),
        ("unbound", 2),
    ]


@pytest.mark.parametrize("status", list(ItemStatus))
async def test_a_sensitive_platform_is_only_counted(db: Db, status: ItemStatus) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db, "weibo")
    dating = await a_reachable_platform(db, "dating", sensitive=True)
    order_id = await an_order(db, carrier)
    await bring_to(db, ItemKey(order_id, dating.id), status)
    view = await seen(db, carrier, order_id)
    assert "dating" not in str(view)
    assert view["summary"] == {"total": 1, "queued": 1}
    taken = status is not ItemStatus.QUEUED
    assert view["sensitive"] == {"total": 1, "finished": int(taken)}


async def test_a_sensitive_platforms_answer_shows_nowhere(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db, "weibo")
    dating = await a_reachable_platform(db, "dating", sensitive=True)
    order_id = await an_order(db, carrier)
    views = []
    for status in (ItemStatus.UNBOUND, ItemStatus.NOT_BOUND, ItemStatus.REFUSED):
        await bring_to(db, ItemKey(order_id, dating.id), status)
        views.append(await seen(db, carrier, order_id))
    assert views[0] == views[1] == views[2]


async def test_the_holder_sees_sensitive_platforms_of_their_own(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db, "dating", sensitive=True)
    wanted = asked(scope=Scope.CURRENT_OWNER, platforms=("dating",))
    view = await seen(db, carrier, await an_order(db, carrier, wanted))
    assert [item["platform"] for item in view["items"]] == ["dating"]
    assert view["sensitive"] == {"total": 0, "finished": 0}


async def test_another_carriers_order_is_not_there(db: Db) -> None:
    carrier = await a_carrier(db)
    other = await a_carrier(db, "china-unicom")
    await a_reachable_platform(db)
    order_id = await an_order(db, carrier)
    assert await read_order(db, other.id, order_id, SEALER) is None


async def listed(
    db: Db,
    carrier: Carrier,
    page: tuple[OrderId | None, int] = (None, 50),
    **chosen: Any,
) -> list[OrderId]:
    found = await list_orders(db, carrier.id, OrderFilter(**chosen), page, SEALER)
    return [OrderId(order_id) for order_id, _ in found]


async def test_lists_hold_a_carriers_own_orders_newest_first(db: Db) -> None:
    carrier = await a_carrier(db)
    other = await a_carrier(db, "china-unicom")
    await a_reachable_platform(db)
    first = await an_order(db, carrier)
    second = await a_query(db, carrier)
    await an_order(db, other)
    assert await listed(db, carrier) == [second, first]
    assert await listed(db, carrier, kinds=(OrderKind.UNBIND,)) == [first]


async def test_listed_orders_are_summed_up_without_their_items(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db, "weibo")
    dating = await a_reachable_platform(db, "dating", sensitive=True)
    order_id = await an_order(db, carrier)
    await bring_to(db, ItemKey(order_id, dating.id), ItemStatus.BOUND)
    await an_order(db, carrier)
    found = await list_orders(db, carrier.id, OrderFilter(), (None, 50), SEALER)
    view = dict(found[1][1])
    assert list(view) == FIELDS[:-1]
    assert view["summary"] == {"total": 1, "queued": 1}
    assert view["sensitive"] == {"total": 1, "finished": 1}
    whole = await seen(db, carrier, order_id)
    del whole["items"]
    assert view == whole


async def test_lists_are_filtered(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    other_number = PhoneNumber("+8613800009999")
    first = await an_order(db, carrier, asked(reference="A"))
    later = NOON + timedelta(hours=1)
    second = await an_order(
        db, carrier, asked(number=other_number, now=later), now=later
    )
    held = await an_order(
        db,
        carrier,
        asked(scope=Scope.CURRENT_OWNER, platforms=("weibo",), now=later),
        now=later,
    )
    assert await listed(db, carrier, reference="A") == [first]
    assert await listed(db, carrier, reference="a") == []
    assert await listed(db, carrier, status=OrderStatus.HELD) == [held]
    assert await listed(db, carrier, created_after=NOON) == [held, second]
    assert await listed(db, carrier, created_after=later) == []
    long_ago = datetime(1960, 1, 1, tzinfo=UTC)
    assert await listed(db, carrier, created_after=long_ago) == [held, second, first]
    index = BLIND_INDEX.index(other_number)
    assert await listed(db, carrier, number_index=index) == [second]


async def test_pages_neither_repeat_nor_skip_while_orders_arrive(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    there = [await an_order(db, carrier) for _ in range(7)]
    found: list[OrderId] = []
    cursor: OrderId | None = None
    while page := await listed(db, carrier, (cursor, 2)):
        found += page
        cursor = page[-1]
        await an_order(db, carrier)
    assert found == there[::-1]


async def test_an_item_of_every_status_can_be_read(db: Db) -> None:
    carrier = await a_carrier(db)
    order_id = await an_order(db, carrier, await _asked_with_platform(db))
    for place, status in enumerate(ItemStatus, start=1):
        platform = await a_reachable_platform(db, f"p{place}")
        row = {"order_id": order_id, "platform_id": platform.id, "status": status}
        final = NOON if status.is_final else None
        await db.execute(
            insert(items).values(**row, attempts=0, late=False, finished_at=final)
        )
    view = await seen(db, carrier, order_id)
    assert view["summary"]["total"] == len(ItemStatus) + 1


async def _asked_with_platform(db: Db) -> Any:
    await a_reachable_platform(db)
    return asked()


async def test_one_unreadable_number_spoils_neither_its_order_nor_the_list(
    db: Db, caplog: pytest.LogCaptureFixture
) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    lost, fine = [await an_order(db, carrier) for _ in range(2)]
    await db.execute(
        update(orders).where(orders.c.id == lost).values(number_sealed=b"of a lost key")
    )
    assert (await seen(db, carrier, lost))["number"] == "****"
    assert (await seen(db, carrier, fine))["number"] == "+86138****1234"
    chosen = OrderFilter(kinds=(OrderKind.UNBIND,))
    listed = await list_orders(db, carrier.id, chosen, (None, 50), SEALER)
    assert sorted(order["number"] for _, order in listed) == ["****", "+86138****1234"]
    assert "number_unreadable" in caplog.text
