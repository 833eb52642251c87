"""Words and their codes."""

import pytest

from unbind_broker.audit.tables import audit_events
from unbind_broker.base.coded_enum import CodedEnum
from unbind_broker.carriers.tables import CarrierStatus
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.states import Delivery, EndpointStatus, PausedBy
from unbind_broker.items.states import HolderAction, ItemStatus, Reason
from unbind_broker.keys.tables import Role
from unbind_broker.orders.states import (
    Action,
    ConsentMethod,
    HoldReason,
    OrderKind,
    OrderStatus,
    Scope,
)
from unbind_broker.platforms.tables import PlatformStatus

EVERY = [
    Action, CarrierStatus, ConsentMethod, Delivery, EndpointStatus, EventType,
    HoldReason, HolderAction, ItemStatus, OrderKind, OrderStatus, OutcomeKind,
    PausedBy, PlatformStatus, Reason, Role, Scope,
]  # fmt: skip


@pytest.mark.parametrize("enum", EVERY)
def test_codes_are_unique_and_lead_back(enum: type[CodedEnum]) -> None:
    codes = [member.code for member in enum]
    assert len(set(codes)) == len(codes)
    assert [enum.from_code(code) for code in codes] == list(enum)


def test_word_is_the_value() -> None:
    assert ItemStatus("not_bound") is ItemStatus.NOT_BOUND
    assert f"{ItemStatus.NOT_BOUND}" == "not_bound"


def test_unknown_code_is_refused() -> None:
    with pytest.raises(ValueError, match="5 is no ItemStatus"):
        ItemStatus.from_code(5)


def test_open_and_final_codes_are_told_apart_by_ten() -> None:
    assert all((status.code >= 10) == status.is_final for status in ItemStatus)
    assert {status for status in ItemStatus if not status.is_final} == {
        ItemStatus.QUEUED,
        ItemStatus.ACKNOWLEDGED,
        ItemStatus.IN_PROGRESS,
        ItemStatus.ACTION_REQUIRED,
    }


def test_audit_trail_has_no_column_for_a_number() -> None:
    assert not [c.name for c in audit_events.c if c.name in {"number", "number_sealed"}]
