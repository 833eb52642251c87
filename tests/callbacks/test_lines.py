import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.callbacks.line_fields import LARGEST_COUNT
from unbind_broker.callbacks.lines import REPORTABLE, read_line
from unbind_broker.callbacks.report import Report, UnknownId, Unreadable
from unbind_broker.items.states import HolderAction, ItemStatus, Reason

ORDER = UUID("0199f3c2-5b1e-7c55-9f0e-2f7a5a0c1d11")
ID = format_id(Prefix.ORDER, ORDER)


def line(**fields: Any) -> dict[str, Any]:
    return {"id": ID, "outcome": "not_bound", **fields}


def refusal(value: object) -> str:
    read = read_line(value)
    assert isinstance(read, Unreadable)
    assert read.code == "line-invalid"
    return read.detail


def test_a_line_is_read() -> None:
    whole = line(
        outcome="partly_unbound",
        reason="other",
        detail="still owes",
        bindings=3,
        removed=2,
        kept=1,
        last_bound_at="2024-05-01T08:00:00+08:00",
        restorable_until="2026-12-01T00:00:00Z",
        expected_at="2026-12-02T00:00:00Z",
        cooling_off_until="2026-12-03T00:00:00Z",
        action="verify_code",
        action_url="https://weibo.com/x",
        amend=True,
    )
    assert read_line(whole) == Report(
        id=ID,
        prefix=Prefix.ORDER,
        order_id=ORDER,
        outcome=ItemStatus.PARTLY_UNBOUND,
        reason=Reason.OTHER,
        detail="still owes",
        bindings=3,
        removed=2,
        kept=1,
        last_bound_at=datetime(2024, 5, 1, tzinfo=UTC),
        restorable_until=datetime(2026, 12, 1, tzinfo=UTC),
        expected_at=datetime(2026, 12, 2, tzinfo=UTC),
        cooling_off_until=datetime(2026, 12, 3, tzinfo=UTC),
        action=HolderAction.VERIFY_CODE,
        action_url="https://weibo.com/x",
        amend=True,
    )


def test_a_null_field_counts_as_left_out() -> None:
    optional = dict.fromkeys(set(Report._fields) - {"id", "outcome"})
    for ours in ("prefix", "order_id"):
        del optional[ours]
    assert read_line(line(**optional)) == read_line(line())


def test_ids_are_read_in_either_case() -> None:
    read = read_line(line(id=ID.upper()))
    assert isinstance(read, Report)
    assert (read.order_id, read.id) == (ORDER, ID.upper())


@pytest.mark.parametrize(
    "written",
    [
        "",
        "x",
        ID[4:],
        ID[:-1],
        f"{ID}0",
        format_id(Prefix.CLEARANCE, ORDER),
        "ord_" * 99,
    ],
)
def test_an_id_of_nothing_is_unknown_not_wrong(written: str) -> None:
    assert read_line(line(id=written)) == UnknownId(written[:64])


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        "x",
        [],
        [line()],
        True,
        {},
        {"id": 5, "outcome": "bound"},
        {"id": "\ud800", "outcome": "bound"},
    ],
)
def test_a_line_is_an_object_with_an_id(value: object) -> None:
    assert refusal(value)


@pytest.mark.parametrize("outcome", ["not_bound", "lost"])
def test_a_number_in_the_place_of_an_id_is_not_echoed(outcome: str) -> None:
    read = read_line({"id": "+8613800001234", "outcome": outcome})
    assert isinstance(read, UnknownId | Unreadable)
    assert read.id == "****"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"outcome": "expired"}, "outcome: expected one of"),
        ({"outcome": "cancelled"}, "outcome: expected one of"),
        ({"outcome": "queued"}, "outcome: expected one of"),
        ({"outcome": "UNBOUND"}, "outcome: expected one of"),
        ({"outcome": ["bound"]}, "outcome: expected one of"),
        ({"outcome": None}, "outcome: this field is required"),
        ({"reason": "by_carrier"}, "reason: expected one of"),
        ({"reason": {}}, "reason: expected one of"),
        ({"detail": 7}, "detail: expected text"),
        ({"bindings": -1}, "bindings: expected a whole number"),
        ({"bindings": LARGEST_COUNT + 1}, "bindings: expected a whole number"),
        ({"removed": 1.0}, "removed: expected a whole number"),
        ({"removed": True}, "removed: expected a whole number"),
        ({"kept": "1"}, "kept: expected a whole number"),
        ({"last_bound_at": "2024-05-01"}, "last_bound_at: expected an instant"),
        ({"last_bound_at": 0}, "last_bound_at: expected an instant"),
        ({"restorable_until": "soon"}, "restorable_until: expected an instant"),
        ({"action": "call"}, "action: expected one of"),
        ({"action_url": 1}, "action_url: expected a URL"),
        ({"action_url": "https://weibo.com/" + "x" * 2048}, "action_url: expected a"),
        ({"amend": "true"}, "amend: expected true or false"),
        ({"number": "x"}, "there is a field that is none of id, outcome, reason"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, object], words: str) -> None:
    assert refusal(line(**fields)).startswith(words)


def test_a_missing_outcome_is_named() -> None:
    assert refusal({"id": ID}) == "outcome: this field is required"


def test_free_text_is_masked_and_cut() -> None:
    read = read_line(line(detail="call 138 0000 1234\n" + "x" * 500))
    assert isinstance(read, Report)
    assert read.detail is not None
    assert read.detail.startswith("call **** x")
    assert len(read.detail) == 200
    nothing = read_line(line(detail=" \u200b"))
    assert isinstance(nothing, Report)
    assert nothing.detail is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
field_names = st.sampled_from(["id", "outcome", "reason", "bindings", "last_bound_at"])


@given(
    json_values
    | st.dictionaries(field_names, json_values | st.sampled_from([ID, "bound"]))
)
def test_no_json_value_breaks_the_reader(value: object) -> None:
    read = read_line(value)
    assert isinstance(read, Report | UnknownId | Unreadable)


@given(st.sampled_from(sorted(REPORTABLE)))
def test_every_settable_outcome_is_read(outcome: ItemStatus) -> None:
    read = read_line(json.loads(json.dumps(line(outcome=outcome))))
    assert isinstance(read, Report)
    assert read.outcome is outcome
