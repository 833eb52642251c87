import random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sending.parts import SECRET
from tests.support.clock import NOON
from unbind_broker.base.ids import Prefix, parse_id
from unbind_broker.base.signing import sign_v1
from unbind_broker.endpoints.events import EventType
from unbind_broker.sending.batches import webhook_id

orders = st.lists(
    st.integers(1, 2**128 - 1).map(lambda number: UUID(int=number)),
    min_size=1,
    max_size=20,
    unique=True,
)


@given(orders, st.randoms())
def test_webhook_id_depends_on_the_items_and_not_on_their_order(
    order_ids: list[UUID], dice: random.Random
) -> None:
    shuffled = dice.sample(order_ids, len(order_ids))
    event = EventType.UNBIND_REQUESTED
    assert webhook_id(event, order_ids) == webhook_id(event, shuffled)


@given(orders)
def test_webhook_id_tells_items_events_and_occasions_apart(
    order_ids: list[UUID],
) -> None:
    ids = {
        webhook_id(EventType.UNBIND_REQUESTED, order_ids),
        webhook_id(EventType.QUERY_REQUESTED, order_ids),
        webhook_id(EventType.UNBIND_REQUESTED, order_ids, UUID(int=1)),
        webhook_id(EventType.UNBIND_REQUESTED, order_ids[1:]),
    }
    assert len(ids) == 4


@pytest.mark.parametrize(
    ("event", "prefix"),
    [(EventType.UNBIND_REQUESTED, "msg_"), (EventType.ORDER_HELD, "evt_")],
)
def test_webhook_id_can_be_signed(event: EventType, prefix: str) -> None:
    made = webhook_id(event, [UUID(int=1)])
    assert made.startswith(prefix)
    assert sign_v1([SECRET], made, NOON, b"{}").startswith("v1,")


def test_notice_keeps_the_id_that_the_feed_shows() -> None:
    notice = UUID(int=7)
    made = webhook_id(EventType.CARRIER_BRAKED, [notice])
    assert parse_id(made, Prefix.EVENT) == notice
