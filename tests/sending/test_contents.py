"""What rows of ``deliveries`` stand for, and when they stand for nothing any more."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from tests.support.builders import a_carrier, an_endpoint
from tests.support.clock import NOON
from tests.support.order_builders import a_reachable_platform, an_order, bring_to
from tests.support.sealing import SEALER
from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId, EndpointId, OrderId, PlatformId
from unbind_broker.deliveries.queue import Due, Subject
from unbind_broker.endpoints import service as endpoints
from unbind_broker.endpoints.endpoint import Owner
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus, Reason
from unbind_broker.items.tables import items
from unbind_broker.notices.telling import tell
from unbind_broker.orders.states import OrderKind, OrderStatus
from unbind_broker.orders.tables import orders
from unbind_broker.sending.briefs import Briefs
from unbind_broker.sending.contents import KEPT_TRYING, Loaded, load
from unbind_broker.sending.payloads import OutgoingCancel, OutgoingNotice

CANCELLED_AT = NOON + timedelta(hours=1)


@dataclass
class Desk:
    """One order at one platform, and the carrier's own endpoint."""

    db: Db
    carrier: CarrierId
    platform: PlatformId
    at_platform: EndpointId
    at_carrier: EndpointId
    order: OrderId

    @property
    def cancel(self) -> Subject:
        return Subject(self.at_platform, EventType.UNBIND_CANCELLED, self.order)

    async def load(self, *subjects: Subject, now: datetime = CANCELLED_AT) -> Loaded:
        rows = [Due(one, NOON, 0) for one in subjects]
        return await load(self.db, now, Briefs(SEALER), rows)

    async def call_back(self) -> None:
        await self.db.execute(
            update(orders).values(
                status=OrderStatus.CANCELLED, completed_at=CANCELLED_AT
            )
        )
        key = ItemKey(self.order, self.platform)
        await bring_to(self.db, key, ItemStatus.CANCELLED)
        await self.db.execute(update(items).values(reason=Reason.SUPERSEDED))


@pytest.fixture
async def desk(db: Db) -> Desk:
    carrier = await a_carrier(db)
    told = await an_endpoint(db, carrier)
    platform = await a_reachable_platform(db)
    owner = Owner(platform.slug, platform_id=platform.id)
    posted = await endpoints.require(db, owner)
    order = await an_order(db, carrier)
    return Desk(db, carrier.id, platform.id, posted.id, told.endpoint.id, order)


async def test_cancellation_says_why_and_when(desk: Desk) -> None:
    await desk.call_back()
    loaded = await desk.load(desk.cancel)
    content = loaded.contents[desk.cancel]
    assert isinstance(content, OutgoingCancel)
    assert content.order_id == desk.order
    assert content.kind is OrderKind.UNBIND
    assert content.reason is Reason.SUPERSEDED
    assert content.cancelled_at == CANCELLED_AT
    assert loaded.outdated == []


async def test_result_that_came_in_late_leaves_no_reason_to_tell(desk: Desk) -> None:
    await desk.call_back()
    await bring_to(desk.db, ItemKey(desk.order, desk.platform), ItemStatus.NOT_BOUND)
    content = (await desk.load(desk.cancel)).contents[desk.cancel]
    assert isinstance(content, OutgoingCancel)
    assert content.reason is None


@pytest.mark.parametrize(
    ("deadline", "until"),
    [
        (NOON + timedelta(minutes=10), CANCELLED_AT + KEPT_TRYING),
        (NOON + timedelta(days=20), NOON + timedelta(days=20)),
    ],
    ids=["soon", "far"],
)
async def test_cancellation_is_repeated_for_days_and_to_the_deadline_at_least(
    desk: Desk, deadline: datetime, until: datetime
) -> None:
    await desk.db.execute(update(orders).values(deadline=deadline))
    await desk.call_back()
    just_before = until - timedelta(microseconds=1)
    assert desk.cancel in (await desk.load(desk.cancel, now=just_before)).contents
    loaded = await desk.load(desk.cancel, now=until)
    assert loaded == Loaded({}, [desk.cancel])


async def test_cancellation_of_an_order_that_is_open_means_nothing(desk: Desk) -> None:
    assert await desk.load(desk.cancel) == Loaded({}, [desk.cancel])


async def test_request_of_a_held_order_waits_and_is_not_outdated(desk: Desk) -> None:
    request = Subject(desk.at_platform, EventType.UNBIND_REQUESTED, desk.order)
    found = await desk.load(request)
    assert list(found.contents) == [request]
    await desk.db.execute(
        update(orders).values(status=OrderStatus.HELD, held_until=NOON)
    )
    assert await desk.load(request) == Loaded({}, [])


async def test_notice_holds_the_bytes_that_were_stored(desk: Desk) -> None:
    event = EventType.ORDER_HELD
    told = await tell(desk.db, NOON, desk.carrier, event, desk.order, {"words": "请"})
    subject = Subject(desk.at_carrier, event, told)
    loaded = await desk.load(subject)
    content = OutgoingNotice(
        told, event, NOON, '{"words":"请"}'.encode(), NOON + KEPT_TRYING
    )
    assert loaded == Loaded({subject: content}, [])


async def test_notice_is_given_up_after_five_days(desk: Desk) -> None:
    event = EventType.CARRIER_BRAKED
    told = await tell(desk.db, NOON, desk.carrier, event, None, {})
    subject = Subject(desk.at_carrier, event, told)
    assert subject in (await desk.load(subject, now=NOON + timedelta(days=4))).contents
    given_up = await desk.load(subject, now=NOON + timedelta(days=5))
    assert given_up == Loaded({}, [subject])
