from datetime import timedelta

import pytest

from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.signing_keys import PublicKey
from unbind_broker.endpoints.choice import EndpointChoice, check_choice, check_grace
from unbind_broker.endpoints.states import Delivery

URL = "https://hooks.weibo.com/"
KEY = PublicKey(bytes(range(32))).text


def faults(choice: EndpointChoice, *, for_carrier: bool = False) -> list[str]:
    try:
        check_choice(choice, for_carrier=for_carrier)
    except InvalidFields as invalid:
        return [wrong.pointer for wrong in invalid.errors]
    return []


@pytest.mark.parametrize(
    "choice",
    [
        EndpointChoice(url=URL),
        EndpointChoice(url=URL, max_batch=1, max_concurrency=1, max_rate=0.01),
        EndpointChoice(url=URL, max_batch=500, max_concurrency=64, max_rate=10_000),
        EndpointChoice(url=URL, result_public_key=KEY),
        EndpointChoice(url=URL, event_types=("unbind.requested", "endpoint.test")),
        EndpointChoice(delivery=Delivery.PULL),
    ],
)
def test_choice_passes(choice: EndpointChoice) -> None:
    assert faults(choice) == []


@pytest.mark.parametrize(
    ("choice", "pointer"),
    [
        (EndpointChoice(), "/url"),
        (EndpointChoice(url=URL, delivery=Delivery.PULL), "/url"),
        (EndpointChoice(url=f"{URL}/%2B8613800001234"), "/url"),
        (EndpointChoice(url=URL, max_batch=0), "/max_batch"),
        (EndpointChoice(url=URL, max_batch=501), "/max_batch"),
        (EndpointChoice(url=URL, max_concurrency=0), "/max_concurrency"),
        (EndpointChoice(url=URL, max_concurrency=65), "/max_concurrency"),
        (EndpointChoice(url=URL, max_rate=0), "/max_rate"),
        (EndpointChoice(url=URL, max_rate=-1), "/max_rate"),
        (EndpointChoice(url=URL, max_rate=10_001), "/max_rate"),
        (EndpointChoice(url=URL, max_rate=float("nan")), "/max_rate"),
        (EndpointChoice(url=URL, result_public_key="whpk_AAAA"), "/result_public_key"),
        (EndpointChoice(url=URL, result_public_key=KEY[5:]), "/result_public_key"),
        (EndpointChoice(url=URL, event_types=()), "/event_types"),
        (EndpointChoice(url=URL, event_types=("endpoint.test", "x")), "/event_types/1"),
        (EndpointChoice(url=URL, event_types=("order.completed",)), "/event_types/0"),
    ],
)
def test_wrong_choice_of_a_platform_is_pointed_at(
    choice: EndpointChoice, pointer: str
) -> None:
    assert faults(choice) == [pointer]


def test_carriers_have_other_events_and_report_nothing() -> None:
    orders = EndpointChoice(url=URL, event_types=("order.completed",))
    assert faults(orders, for_carrier=True) == []
    items = EndpointChoice(url=URL, event_types=("unbind.requested",))
    assert faults(items, for_carrier=True) == ["/event_types/0"]
    signed = EndpointChoice(url=URL, result_public_key=KEY)
    assert faults(signed, for_carrier=True) == ["/result_public_key"]


@pytest.mark.parametrize("seconds", [0, 1, 86_400, 604_800])
def test_grace_passes(seconds: int) -> None:
    check_grace(timedelta(seconds=seconds))
    assert InvalidFields.code == "validation-failed"


@pytest.mark.parametrize("seconds", [-1, 604_801])
def test_grace_is_refused(seconds: int) -> None:
    with pytest.raises(InvalidFields, match="/grace_seconds"):
        check_grace(timedelta(seconds=seconds))
