"""What made-up platforms tell about test numbers: the same at all of them. Pure."""

from datetime import datetime, timedelta
from enum import IntEnum

from unbind_broker.base.instants import show_instant
from unbind_broker.base.magic_numbers import (
    NOTHING,
    Answer,
    Behaviour,
    Block,
    block_of,
)
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.rehearsals.telling import (
    RESTORABLE_FOR,
    Item,
    Line,
    Plan,
    tell_late,
)

SOON = timedelta(seconds=3)
"""After so long, what is not told at once is told."""

_ANOTHER: Line = {"outcome": "refused", "reason": "not_supported"}
"""A result that no number of the table has which is reported twice."""

_ASKED_FOR = frozenset({"unbound", "closed", "restored"})


class When(IntEnum):
    """When a finding about a number of a clearance is told, in this order."""

    NOW = 1
    SOON = 2
    LATE = 3  # after the deadline of the wave


def plan_fixed(block: Block, item: Item, now: datetime) -> Plan:
    """Say what is told about an item of the block, and when."""
    result, soon = fixed_result(block, item), SOON.total_seconds()
    match block.behaviour:
        case Behaviour.SLOW:
            return Plan(later=((soon, result),))
        case Behaviour.LATE:
            return tell_late(item, result, now)
        case Behaviour.CONTRADICTING:
            another = {"id": item.id, **_ANOTHER}
            return Plan(at_once=(result,), later=((soon, another),))
        case Behaviour.ASKING if result["outcome"] in _ASKED_FOR:
            return Plan(at_once=(_ask(item),), later=((soon, result),))
        case Behaviour.PROMPT | Behaviour.ASKING | Behaviour.VIOLATING:
            return Plan(at_once=(result,))


def fixed_result(block: Block, item: Item) -> Line:
    """Give the final result of an item; of two that contradict, the first."""
    interval = item.bound_from, item.bound_before
    if item.event == "query.requested":
        return {"id": item.id, **_line(block.answer_query(*interval))}
    answer = _detached(block, *interval)
    if item.event == "restore.requested":
        outcome = "restored" if answer.removed else "not_bound"
        return {"id": item.id, "outcome": outcome}
    line = {"id": item.id, **_line(answer)}
    if answer.removed:
        line["restorable_until"] = show_instant(item.deadline + RESTORABLE_FOR)
    if item.action == "close_account" and answer.outcome == "unbound":
        line["outcome"] = "closed"
    return line


def find_fixed(
    block: Block, number: str, bound_before: datetime
) -> list[tuple[When, Line]]:
    """Say what is told about a number of a manifest; nothing where it is clean."""
    answer = _detached(block, None, bound_before)
    if answer.outcome == "not_bound":
        return []
    counts = ("removed", "kept")
    told = {key: value for key, value in _line(answer).items() if key not in counts}
    finding: Line = {"number": number, **told}
    match block.behaviour:
        case Behaviour.SLOW:
            return [(When.SOON, finding)]
        case Behaviour.LATE:
            return [(When.LATE, finding)]
        case Behaviour.CONTRADICTING:
            another: Line = {"number": number, **_ANOTHER}
            return [(When.NOW, finding), (When.SOON, another)]
        case Behaviour.PROMPT | Behaviour.ASKING | Behaviour.VIOLATING:
            return [(When.NOW, finding)]


def fixed_block(number: str) -> Block | None:
    """Find the block that fixes the answers for a number, as events write it."""
    known = block_of(PhoneNumber(number))
    if known is not None:
        return known
    first, last = NOTHING.number(0).e164, NOTHING.number(NOTHING.size - 1).e164
    is_nothing = len(number) == len(first) and first <= number <= last
    return NOTHING if is_nothing else None


def _ask(item: Item) -> Line:
    return {"id": item.id, "outcome": "action_required", "action": "confirm_in_app"}


def _detached(
    block: Block, bound_from: datetime | None, bound_before: datetime
) -> Answer:
    """Say what is detached; one that violates also takes what is behind the border.

    Where the present holder asks about their own bindings, there is nobody to violate.
    """
    if block.behaviour is not Behaviour.VIOLATING or bound_from is not None:
        return block.answer_unbind(bound_from, bound_before)
    bound = [at for at in block.bound_at if at is not None]
    last = max(*bound, bound_before)
    return Answer("unbound", removed=len(bound), last_bound_at=last)


def _line(answer: Answer) -> Line:
    line: Line = {"outcome": answer.outcome}
    for name in ("reason", "bindings", "removed", "kept"):
        value = getattr(answer, name)
        if value is not None:
            line[name] = value
    if answer.last_bound_at is not None:
        line["last_bound_at"] = show_instant(answer.last_bound_at)
    if answer.reason == "other":
        line["detail"] = "a test number: refused for another reason"
    return line
