import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.sending.parts import an_item
from tests.support.clock import NOON
from unbind_broker.api.webhooks import (
    EndpointTest,
    EndpointVerification,
    ItemsRequested,
)
from unbind_broker.endpoints.events import EventType
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
