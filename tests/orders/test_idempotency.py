"""Repeated requests are recognised without keeping what their senders wrote."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.sealing import BLIND_INDEX
from unbind_broker.base.ids import CarrierId
from unbind_broker.orders.idempotency import Repeatable

VISIBLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)


def recognised(key: str, content: bytes = b"POST /v1/orders\n{}") -> Repeatable:
    return Repeatable.of(CarrierId(1), key, content, BLIND_INDEX)


@given(VISIBLE)
def test_a_key_is_recognised_and_not_kept(key: str) -> None:
    found = recognised(key)
    assert found == recognised(key)
    assert len(found.key) == 64
    assert found.key != key


def test_a_key_that_is_a_number_leaves_no_digits_behind() -> None:
    assert "8613800001234" not in recognised("+8613800001234").key


def test_other_keys_and_other_contents_are_told_apart() -> None:
    first = recognised("key-1")
    assert recognised("key-2").key != first.key
    other = recognised("key-1", b"POST /v1/queries\n{}")
    assert other.key == first.key
    assert other.fingerprint != first.fingerprint
