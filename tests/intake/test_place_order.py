import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import event, func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.order_builders import (
    INTAKE,
    NUMBER,
    a_query,
    a_reachable_platform,
    an_order,
    asked,
    asking,
    bring_to,
    with_changes,
)
from tests.support.sealing import BLIND_INDEX, SEALER
from tests.support.trail import trail
from unbind_broker.audit.tables import audit_events
from unbind_broker.base.database import Db
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.ids import CarrierId, OrderId, uuid7_time
from unbind_broker.endpoints.states import Delivery
from unbind_broker.intake.asked import AfterQuery, Asked
from unbind_broker.intake.place_order import Placed, place
from unbind_broker.intake.refusals import (
    ActionNotOffered,
    NoPlatforms,
    PlatformUnavailable,
    PlatformUnknown,
    QueryUnknown,
)
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.items.views import read_order
from unbind_broker.orders.idempotency import (
    IdempotencyInProgress,
    IdempotencyKeyReused,
    Repeatable,
    StoredAnswer,
    remember,
)
from unbind_broker.orders.states import (
    Action,
    HoldReason,
    OrderKind,
    OrderStatus,
    Scope,
)
from unbind_broker.orders.tables import order_log, orders
from unbind_broker.platforms.service import suspend
from unbind_broker.platforms.tables import platforms


async def asked_platforms(db: Db, order_id: OrderId) -> set[str]:
    found = await db.execute(
        select(platforms.c.slug)
        .join(items, items.c.platform_id == platforms.c.id)
        .where(items.c.order_id == order_id)
    )
    return set(found.scalars())


async def logged(db: Db, order_id: OrderId) -> bool:
    found = await db.execute(
        select(func.count()).where(order_log.c.order_id == order_id)
    )
    return bool(found.scalar_one())


async def test_an_order_is_written_down_with_what_it_is_about(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db, "weibo")
    order_id = await an_order(db, carrier, asked(reference="R-1"))
    row = (await db.execute(select(orders).where(orders.c.id == order_id))).one()
    cutoff = datetime(2025, 2, 28, 16, tzinfo=UTC)
    assert row.kind is OrderKind.UNBIND
    assert row.status is OrderStatus.IN_PROGRESS
    assert row.action is Action.DETACH
    assert (row.cutoff, row.bound_from, row.bound_before) == (cutoff, None, cutoff)
    assert row.deadline == datetime(2026, 11, 27, 15, 59, 59, tzinfo=UTC)
    assert row.reference == "R-1"
    assert row.number_index == BLIND_INDEX.index(NUMBER)
    opened = SEALER.open(row.number_sealed, context=b"number")
    assert opened.decode() == NUMBER.e164
    assert uuid7_time(order_id) == NOON
    assert await logged(db, order_id)


async def test_left_out_platforms_mean_all_that_receive_items(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db, "weibo")
    await a_reachable_platform(db, "pulling", delivery=Delivery.PULL)
    await a_platform(db, "without-endpoint")
    await an_endpoint(db, await a_platform(db, "unverified"), verified=False)
    await an_endpoint(db, await a_platform(db, "suspended", suspended=True))
    await an_endpoint(db, await a_platform(db, "disabled"), disabled="410")
    order_id = await an_order(db, carrier)
    assert await asked_platforms(db, order_id) == {"weibo", "pulling", "disabled"}


async def test_named_platforms_are_the_only_ones_asked(db: Db) -> None:
    carrier = await a_carrier(db)
    for slug in ("weibo", "douyin", "taobao"):
        await a_reachable_platform(db, slug)
    order_id = await an_order(db, carrier, asked(platforms=("taobao", "weibo")))
    assert await asked_platforms(db, order_id) == {"taobao", "weibo"}


async def test_nobody_to_ask_is_refused(db: Db) -> None:
    carrier = await a_carrier(db)
    with pytest.raises(NoPlatforms):
        await an_order(db, carrier)


async def refusal(db: Db, wanted: Asked) -> BrokerError:
    carrier = await a_carrier(db)
    with pytest.raises(BrokerError) as refused:
        await place(db, NOON, wanted, asking(carrier), INTAKE)
    return refused.value


async def test_unknown_platforms_are_pointed_at(db: Db) -> None:
    await a_reachable_platform(db, "weibo")
    refused = await refusal(db, asked(platforms=("weibo", "nope", "weibo2")))
    assert isinstance(refused, PlatformUnknown)
    assert [e.pointer for e in refused.errors] == ["/platforms/1", "/platforms/2"]


async def test_platforms_that_receive_nothing_are_pointed_at(db: Db) -> None:
    await a_reachable_platform(db, "weibo")
    platform = await a_reachable_platform(db, "gone")
    await suspend(db, NOON, platform.slug, "test")
    await an_endpoint(db, await a_platform(db, "unverified"), verified=False)
    refused = await refusal(db, asked(platforms=("weibo", "gone", "unverified")))
    assert isinstance(refused, PlatformUnavailable)
    assert [e.pointer for e in refused.errors] == ["/platforms/1", "/platforms/2"]


async def test_only_platforms_that_offer_it_close_accounts(db: Db) -> None:
    await a_reachable_platform(db, "weibo")
    await a_reachable_platform(db, "taobao", capabilities=("detach", "close_account"))
    wanted = asked(
        scope=Scope.CURRENT_OWNER,
        action=Action.CLOSE_ACCOUNT,
        platforms=("taobao", "weibo"),
    )
    refused = await refusal(db, wanted)
    assert isinstance(refused, ActionNotOffered)
    assert [e.pointer for e in refused.errors] == ["/platforms/1"]


async def test_orders_about_ones_own_bindings_wait_for_their_window(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db, "weibo")
    wanted = asked(scope=Scope.CURRENT_OWNER, platforms=("weibo",))
    order_id = await an_order(db, carrier, wanted)
    row = (await db.execute(select(orders).where(orders.c.id == order_id))).one()
    assert row.status is OrderStatus.HELD
    assert row.held_for is HoldReason.UNDO_WINDOW
    assert row.held_until == NOON + timedelta(hours=24)
    assert (row.bound_from, row.bound_before) == (row.cutoff, NOON)
    assert not await logged(db, order_id)


async def test_accepting_leaves_one_audit_event_without_the_number(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db, "weibo")
    order_id = await an_order(db, carrier, asked(reference="R-1"))
    found = await db.execute(
        select(audit_events).where(
            audit_events.c.order_id == order_id,
            audit_events.c.action == "order.accepted",
        )
    )
    fact = found.one()
    assert fact.actor == "carrier:china-mobile"
    assert fact.number_index == BLIND_INDEX.index(NUMBER)
    assert fact.facts["items"] == 1
    assert NUMBER.e164[-8:] not in str(fact.facts)


async def test_the_trail_outlives_the_consent_and_holds_its_digest_alone(
    db: Db,
) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db, "weibo")
    for _ in range(2):
        await an_order(db, carrier)
    facts = [one.facts for one in await trail(db, "order.accepted")]
    assert len({fact["consent"] for fact in facts}) == 2  # though given at once
    assert "sms_otp" not in str(facts)


async def test_a_provisional_deadline_is_kept_and_logged(
    db: Db, caplog: pytest.LogCaptureFixture
) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db, "weibo")
    far = datetime(2026, 12, 31, 4, tzinfo=UTC)
    order_id = await an_order(db, carrier, asked(now=far), now=far)
    found = await db.execute(
        select(orders.c.deadline_provisional).where(orders.c.id == order_id)
    )
    assert found.scalar_one()
    assert "deadline_provisional" in caplog.messages


def after_query(query_id: OrderId, **changes: object) -> Asked:
    return with_changes(asked(), about=AfterQuery(query_id), **changes)


async def a_finished_query(
    db: Db, outcomes: dict[str, ItemStatus], *, sensitive: tuple[str, ...] = ()
) -> OrderId:
    carrier = await a_carrier(db)
    places = {}
    for slug in outcomes:
        made = await a_reachable_platform(db, slug, sensitive=slug in sensitive)
        places[slug] = made.id
    query_id = await a_query(db, carrier)
    for slug, status in outcomes.items():
        await bring_to(db, ItemKey(query_id, places[slug]), status)
    return query_id


async def follow(db: Db, query_id: OrderId, wanted: Asked) -> OrderId:
    found = await db.execute(select(orders.c.carrier_id).where(orders.c.id == query_id))
    asker = replace(asking(await a_carrier(db, "helper")), id=found.scalar_one())
    placed = await place(db, NOON, wanted, asker, INTAKE)
    assert isinstance(placed, Placed)
    return placed.order_id


async def test_an_order_after_a_query_takes_what_was_bound(db: Db) -> None:
    query_id = await a_finished_query(
        db,
        {
            "weibo": ItemStatus.BOUND,
            "douyin": ItemStatus.NOT_BOUND,
            "taobao": ItemStatus.REFUSED,
            "jd": ItemStatus.QUEUED,
        },
    )
    order_id = await follow(db, query_id, after_query(query_id))
    assert await asked_platforms(db, order_id) == {"weibo"}
    rows = await db.execute(
        select(orders).where(orders.c.id.in_([query_id, order_id])).order_by("id")
    )
    query, order = rows.all()
    assert order.query_id == query_id
    for copied in ("number_index", "owner_since", "scope", "cutoff", "bound_before"):
        assert getattr(order, copied) == getattr(query, copied)


@pytest.mark.parametrize(
    "answered", [ItemStatus.BOUND, ItemStatus.NOT_BOUND, ItemStatus.QUEUED]
)
async def test_an_order_after_a_query_takes_every_sensitive_platform(
    db: Db, answered: ItemStatus
) -> None:
    query_id = await a_finished_query(
        db,
        {"weibo": ItemStatus.NOT_BOUND, "dating": answered},
        sensitive=("dating",),
    )
    order_id = await follow(db, query_id, after_query(query_id))
    assert await asked_platforms(db, order_id) == {"dating"}


async def test_a_query_that_found_nothing_leaves_nobody(db: Db) -> None:
    query_id = await a_finished_query(db, {"weibo": ItemStatus.NOT_BOUND})
    with pytest.raises(NoPlatforms):
        await follow(db, query_id, after_query(query_id))


async def test_platforms_suspended_since_the_query_are_left_out(db: Db) -> None:
    query_id = await a_finished_query(
        db, {"weibo": ItemStatus.BOUND, "douyin": ItemStatus.BOUND}
    )
    await suspend(db, NOON, "douyin", "test")
    order_id = await follow(db, query_id, after_query(query_id))
    assert await asked_platforms(db, order_id) == {"weibo"}


async def test_an_order_after_a_query_may_give_the_port_date(db: Db) -> None:
    query_id = await a_finished_query(db, {"weibo": ItemStatus.BOUND})
    wanted = after_query(query_id, ported_in_on=date(2025, 4, 1))
    order_id = await follow(db, query_id, wanted)
    found = await db.execute(
        select(orders.c.ported_in_on).where(orders.c.id == order_id)
    )
    assert found.scalar_one() == date(2025, 4, 1)


async def test_closing_accounts_after_a_query_needs_platforms_that_offer_it(
    db: Db,
) -> None:
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db, "weibo")
    wanted = asked(OrderKind.QUERY, scope=Scope.CURRENT_OWNER)
    query_id = await a_query(db, carrier, wanted)
    await bring_to(db, ItemKey(query_id, platform.id), ItemStatus.BOUND)
    with pytest.raises(ActionNotOffered) as refused:
        await follow(db, query_id, after_query(query_id, action=Action.CLOSE_ACCOUNT))
    assert refused.value.errors[0].pointer == "/action"


async def test_another_carriers_query_is_unknown(db: Db) -> None:
    query_id = await a_finished_query(db, {"weibo": ItemStatus.BOUND})
    other = await a_carrier(db, "china-unicom")
    with pytest.raises(QueryUnknown):
        await place(db, NOON, after_query(query_id), asking(other), INTAKE)


async def test_an_order_is_no_query(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db, "weibo")
    order_id = await an_order(db, carrier)
    with pytest.raises(QueryUnknown):
        await place(db, NOON, after_query(order_id), asking(carrier), INTAKE)


async def test_two_hundred_items_take_one_insert(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        for place_ in range(200):
            await a_reachable_platform(db, f"platform-{place_}")
    statements: list[str] = []

    def note(*call: object) -> None:
        statements.append(str(call[2]).strip())

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    async with engine.begin() as db:
        order_id = await an_order(db, carrier)
    event.remove(engine.sync_engine, "before_cursor_execute", note)
    assert len([one for one in statements if "INSERT INTO items" in one]) == 1
    assert len(statements) <= 5
    async with engine.connect() as db:
        count = select(func.count()).where(items.c.order_id == order_id)
        assert (await db.execute(count)).scalar_one() == 200


WANTED = {
    "all": asked(reference="case-1"),
    "named": asked(platforms=("weibo", "dating")),
    "held": asked(scope=Scope.CURRENT_OWNER, platforms=("weibo", "dating")),
    "query": asked(OrderKind.QUERY),
    "recheck": with_changes(asked(OrderKind.QUERY), recheck=True),
}


@pytest.mark.parametrize("wanted", WANTED.values(), ids=WANTED)
async def test_a_new_order_is_shown_as_it_will_be_read(db: Db, wanted: Asked) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db, "weibo")
    dating = await a_reachable_platform(db, "dating")
    await db.execute(
        update(platforms).where(platforms.c.id == dating.id).values(sensitive=True)
    )
    placed = await place(db, NOON, wanted, asking(carrier), INTAKE)
    assert isinstance(placed, Placed)
    assert placed.view is not None
    read = await read_order(db, carrier.id, placed.order_id, SEALER)
    assert json.dumps(placed.view) == json.dumps(read)


async def test_what_joins_another_order_is_read_anew(db: Db) -> None:
    carrier, other = await a_carrier(db), await a_carrier(db, "china-unicom")
    await a_reachable_platform(db, "weibo")
    await an_order(db, other)
    placed = await place(db, NOON, asked(), asking(carrier), INTAKE)
    assert isinstance(placed, Placed)
    assert placed.view is None


async def test_decisions_about_one_number_follow_each_other(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        await a_reachable_platform(db, "weibo")
    async with engine.begin() as first, engine.connect() as second:
        await an_order(first, carrier)
        await second.exec_driver_sql("SET lock_timeout = '100ms'")
        with pytest.raises(Exception, match="lock timeout"):
            await an_order(second, carrier)


def repeatable(carrier_id: CarrierId, fingerprint: bytes = b"same") -> Repeatable:
    return Repeatable(carrier_id, "key-1", fingerprint)


async def test_a_repeated_request_gets_the_first_answer(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db, "weibo")
    repeated = repeatable(carrier.id)
    wanted = with_changes(asked(), repeatable=repeated)
    first = await place(db, NOON, wanted, asking(carrier), INTAKE)
    assert isinstance(first, Placed)
    answer = StoredAnswer(202, "/v1/orders/ord_x", b"{}")
    await remember(db, NOON, repeated, answer)
    much_later = NOON + timedelta(hours=30)  # the consent would be too old by now
    again = await place(db, much_later, wanted, asking(carrier), INTAKE)
    assert again == answer


async def test_an_answer_outlives_the_query_that_its_request_followed(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db, "weibo")
    query_id = await a_query(db, carrier)
    repeated = repeatable(carrier.id)
    answer = StoredAnswer(202, "/v1/orders/ord_x", b"{}")
    await remember(db, NOON, repeated, answer)
    await db.execute(update(orders).values(number_sealed=None, destroyed_at=NOON))
    wanted = after_query(query_id, repeatable=repeated)
    assert await place(db, NOON, wanted, asking(carrier), INTAKE) == answer


async def test_a_key_belongs_to_one_request(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db, "weibo")
    await remember(db, NOON, repeatable(carrier.id), StoredAnswer(202, None, b"{}"))
    wanted = with_changes(asked(), repeatable=repeatable(carrier.id, b"other"))
    with pytest.raises(IdempotencyKeyReused):
        await place(db, NOON, wanted, asking(carrier), INTAKE)


async def test_a_key_belongs_to_one_carrier(db: Db) -> None:
    carrier = await a_carrier(db)
    other = await a_carrier(db, "china-unicom")
    await a_reachable_platform(db, "weibo")
    await remember(db, NOON, repeatable(carrier.id), StoredAnswer(202, None, b"{}"))
    wanted = with_changes(asked(), repeatable=repeatable(other.id))
    assert isinstance(await place(db, NOON, wanted, asking(other), INTAKE), Placed)


async def test_a_key_in_use_is_refused_at_once(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        await a_reachable_platform(db, "weibo")
    wanted = with_changes(asked(), repeatable=repeatable(carrier.id))
    async with engine.begin() as first, engine.begin() as second:
        await place(first, NOON, wanted, asking(carrier), INTAKE)
        with pytest.raises(IdempotencyInProgress):
            await place(second, NOON, wanted, asking(carrier), INTAKE)
