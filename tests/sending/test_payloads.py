import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.sending.parts import a_cancel, a_notice, an_item
from tests.support.clock import NOON
from unbind_broker.api.webhooks import (
    EndpointTest,
    EndpointVerification,
    ItemsRequested,
    RestoreRequested,
    UnbindCancelled,
)
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.states import Reason
from unbind_broker.orders.states import OrderKind
from unbind_broker.sending import payloads


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        (OrderKind.QUERY, EventType.QUERY_REQUESTED),
        (OrderKind.UNBIND, EventType.UNBIND_REQUESTED),
    ],
)
def test_request_is_what_the_document_describes(
    kind: OrderKind, event: EventType
) -> None:
    items = [an_item(kind=kind), an_item(kind=kind)]
    body = payloads.payload(event, NOON, items)
    read = ItemsRequested.model_validate_json(body)
    assert [item.id for item in read.data.items] == [one.public_id for one in items]
    assert json.loads(body)["timestamp"] == "2026-11-20T04:00:00Z"


def test_restore_names_the_order_that_it_undoes() -> None:
    undone = an_item()
    item = replace(an_item(kind=OrderKind.RESTORE), restores=undone.order_id)
    body = payloads.payload(EventType.RESTORE_REQUESTED, NOON, [item])
    read = RestoreRequested.model_validate_json(body)
    assert [one.restores for one in read.data.items] == [undone.public_id]
    assert "restores" not in json.loads(undone.encoded)


def test_cancellation_is_what_the_document_describes_and_names_no_number() -> None:
    later = NOON + timedelta(minutes=1)
    cancels = [a_cancel(), replace(a_cancel(), reason=None)]
    body = payloads.payload(EventType.UNBIND_CANCELLED, later, cancels)
    read = UnbindCancelled.model_validate_json(body)
    assert read.timestamp == later
    assert [one.reason for one in read.data.items] == [Reason.BY_CARRIER, None]
    assert {one.cancelled_at for one in read.data.items} == {NOON}
    assert json.loads(body)["data"]["items"][0].keys() == {
        "id",
        "reason",
        "cancelled_at",
    }


def test_notice_holds_the_stored_bytes_and_tells_when_it_happened() -> None:
    notice = a_notice()
    later = NOON + timedelta(days=1)
    body = payloads.payload(EventType.ORDER_HELD, later, [notice])
    assert body.endswith(b'"data":' + notice.data + b"}")
    assert json.loads(body) == {
        "type": "order.held",
        "timestamp": "2026-11-20T04:00:00Z",
        "data": json.loads(notice.data),
    }


def test_what_calls_a_request_back_is_told_apart_from_it() -> None:
    item, notice = an_item(), a_notice()
    cancel = a_cancel(item.order_id)
    assert cancel.subject_id == item.subject_id
    assert len({item.key, cancel.key, notice.key}) == 3


@pytest.mark.parametrize(
    ("event", "most"),
    [
        (EventType.UNBIND_REQUESTED, 50),
        (EventType.UNBIND_CANCELLED, 50),
        (EventType.ORDER_VIOLATION, 1),
    ],
)
def test_only_carriers_notices_go_one_by_one(event: EventType, most: int) -> None:
    assert payloads.most_together(event, 50) == most


def test_ids_tell_queries_and_orders_apart() -> None:
    assert an_item(kind=OrderKind.QUERY).public_id.startswith("qry_")
    assert an_item(kind=OrderKind.UNBIND).public_id.startswith("ord_")
    assert an_item(kind=OrderKind.RESTORE).public_id.startswith("ord_")


def test_borders_of_the_interval_are_exact() -> None:
    moment = NOON + timedelta(microseconds=123456)
    item = replace(an_item(), bound_from=NOON, bound_before=moment)
    written = json.loads(item.encoded)
    assert written["bound_from"] == "2026-11-20T04:00:00Z"
    assert written["bound_before"] == "2026-11-20T04:00:00.123456Z"


def test_item_without_a_readable_number_is_not_written() -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        _ = an_item(number=None).encoded


def test_printed_item_hides_the_number() -> None:
    assert "+8613800001234" not in repr(an_item())


def test_verification_and_test_are_what_the_document_describes() -> None:
    verification = payloads.verification_payload(NOON, "c_é")
    assert (
        EndpointVerification.model_validate_json(verification).data.challenge == "c_é"
    )
    test = EndpointTest.model_validate_json(payloads.test_payload(NOON))
    assert test.data == {}
