"""Read the lines of a platform's report, each by itself. Pure."""

from uuid import UUID

from unbind_broker.base.ids import Prefix, parse_id
from unbind_broker.base.numbers import mask_numbers
from unbind_broker.callbacks.line_fields import (
    FieldWrong,
    Readers,
    count,
    flag,
    free_text,
    instant,
    is_object,
    one_of,
    read_fields,
    url,
)
from unbind_broker.callbacks.report import Report, UnknownId, Unreadable
from unbind_broker.items.states import (
    OUTCOMES,
    REFUSALS,
    HolderAction,
    ItemStatus,
)

LINE_INVALID = "line-invalid"
_LONGEST_ECHO = 64

REPORTABLE = frozenset[ItemStatus]().union(*OUTCOMES.values())
"""Every outcome that a platform may report of some kind of order."""


def read_line(line: object) -> Report | UnknownId | Unreadable:
    """Read one JSON value; a field that is ``null`` counts as left out."""
    if not is_object(line):
        return Unreadable(None, LINE_INVALID, "expected an object")
    given = {name: value for name, value in line.items() if value is not None}
    written_id = given.get("id")
    if not isinstance(written_id, str) or not written_id.isascii():
        return Unreadable(None, LINE_INVALID, "id: expected the id of an item")
    named = _read_id(written_id)
    # What is no id may be anything, and it is echoed.
    echo = written_id if named else mask_numbers(written_id[:_LONGEST_ECHO])
    try:
        fields = read_fields(given, _READERS, "id")
    except FieldWrong as wrong:
        return Unreadable(echo, LINE_INVALID, str(wrong))
    if named is None:
        return UnknownId(echo)
    prefix, order_id = named
    return Report(id=echo, prefix=prefix, order_id=order_id, **fields)  # type: ignore[arg-type] # read by name


def _read_id(text: str) -> tuple[Prefix, UUID] | None:
    order_id = parse_id(text, *_PREFIXES.values())
    if order_id is None:
        return None
    return _PREFIXES[text.partition("_")[0].lower()], order_id


_PREFIXES = {prefix.value: prefix for prefix in (Prefix.QUERY, Prefix.ORDER)}


_READERS: Readers = {
    "outcome": one_of(REPORTABLE),
    "reason": one_of(REFUSALS),
    "detail": free_text,
    "bindings": count,
    "removed": count,
    "kept": count,
    "last_bound_at": instant,
    "restorable_until": instant,
    "expected_at": instant,
    "cooling_off_until": instant,
    "action": one_of(frozenset(HolderAction)),
    "action_url": url,
    "amend": flag,
}
