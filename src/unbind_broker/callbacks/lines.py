"""Read the lines of a platform's report, each by itself. Pure."""

from collections.abc import Callable, Mapping
from typing import TypeGuard, TypeVar
from uuid import UUID

from unbind_broker.base.coded_enum import CodedEnum
from unbind_broker.base.ids import Prefix, parse_id
from unbind_broker.base.instants import parse_instant
from unbind_broker.base.names import LONGEST_URL
from unbind_broker.base.numbers import clean_free_text, mask_numbers
from unbind_broker.callbacks.report import Report, UnknownId, Unreadable
from unbind_broker.items.states import (
    OUTCOMES,
    REFUSALS,
    HolderAction,
    ItemStatus,
)

LINE_INVALID = "line-invalid"
LARGEST_COUNT = 2**31 - 1
_LONGEST_ECHO = 64

REPORTABLE = frozenset[ItemStatus]().union(*OUTCOMES.values())
"""Every outcome that a platform may report of some kind of order."""

Word = TypeVar("Word", bound=CodedEnum)


def read_line(line: object) -> Report | UnknownId | Unreadable:
    """Read one JSON value; a field that is ``null`` counts as left out."""
    if not _is_object(line):
        return Unreadable(None, LINE_INVALID, "expected an object")
    given = {name: value for name, value in line.items() if value is not None}
    written_id = given.get("id")
    if not isinstance(written_id, str) or not written_id.isascii():
        return Unreadable(None, LINE_INVALID, "id: expected the id of an item")
    named = _read_id(written_id)
    # What is no id may be anything, and it is echoed.
    echo = written_id if named else mask_numbers(written_id[:_LONGEST_ECHO])
    try:
        fields = _read_fields(given)
    except _Wrong as wrong:
        return Unreadable(echo, LINE_INVALID, str(wrong))
    if named is None:
        return UnknownId(echo)
    prefix, order_id = named
    return Report(id=echo, prefix=prefix, order_id=order_id, **fields)  # type: ignore[arg-type] # read by name


def _read_id(text: str) -> tuple[Prefix, UUID] | None:
    for prefix in (Prefix.QUERY, Prefix.ORDER):
        order_id = parse_id(text, prefix)
        if order_id is not None:
            return prefix, order_id
    return None


class _Wrong(Exception):
    """A field that cannot be read; never repeats what stood there."""


def _read_fields(given: Mapping[str, object]) -> dict[str, object]:
    if given.keys() - _READERS.keys() - {"id"}:
        known = ", ".join(("id", *_READERS))
        raise _Wrong(f"there is a field that is none of {known}")
    if "outcome" not in given:
        raise _Wrong("outcome: this field is required")
    fields: dict[str, object] = {}
    for name, read in _READERS.items():
        if name not in given:
            continue
        try:
            fields[name] = read(given[name])
        except _Wrong as wrong:
            raise _Wrong(f"{name}: {wrong}") from None
    return fields


def _is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, dict)


def _one_of(words: frozenset[Word]) -> Callable[[object], Word]:
    by_word = {word.value: word for word in words}
    listed = ", ".join(sorted(by_word))

    def read(value: object) -> Word:
        found = by_word.get(value) if isinstance(value, str) else None
        if found is None:
            raise _Wrong(f"expected one of {listed}")
        return found

    return read


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value <= LARGEST_COUNT:
        raise _Wrong(f"expected a whole number from 0 to {LARGEST_COUNT}")
    return value


def _instant(value: object) -> object:
    found = parse_instant(value) if isinstance(value, str) else None
    if found is None:
        raise _Wrong("expected an instant such as 2026-11-21T08:00:00Z")
    return found


def _free_text(value: object) -> str | None:
    if not isinstance(value, str):
        raise _Wrong("expected text")
    return clean_free_text(value) or None


def _url(value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_URL:
        raise _Wrong(f"expected a URL of at most {LONGEST_URL} characters")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Wrong("expected true or false")
    return value


_READERS: dict[str, Callable[[object], object]] = {
    "outcome": _one_of(REPORTABLE),
    "reason": _one_of(REFUSALS),
    "detail": _free_text,
    "bindings": _count,
    "removed": _count,
    "kept": _count,
    "last_bound_at": _instant,
    "restorable_until": _instant,
    "expected_at": _instant,
    "cooling_off_until": _instant,
    "action": _one_of(frozenset(HolderAction)),
    "action_url": _url,
    "amend": _flag,
}
