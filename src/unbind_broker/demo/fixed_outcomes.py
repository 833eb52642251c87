"""What simulated platforms do about test numbers: the same for all, whatever is set."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from unbind_broker.base.instants import show_instant
from unbind_broker.base.magic_numbers import (
    NOTHING,
    Answer,
    Behaviour,
    Block,
    block_of,
)
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.demo.outcomes import (
    RESTORABLE_FOR,
    Item,
    Line,
    Mind,
    Plan,
    tell_late,
)
from unbind_broker.demo.traits import Traits

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


def fixed_block(number: str) -> Block | None:
    """Find the block that fixes the answers for a number, as events write it."""
    known = block_of(PhoneNumber(number))
    if known is not None:
        return known
    first, last = NOTHING.number(0).e164, NOTHING.number(NOTHING.size - 1).e164
    is_nothing = len(number) == len(first) and first <= number <= last
    return NOTHING if is_nothing else None


@dataclass(frozen=True, slots=True)
class WithFixedOutcomes:
    """Decide by the table of test numbers; ``mind`` decides about every other one."""

    mind: Mind

    @property
    def slug(self) -> str:
        """Name the platform."""
        return self.mind.slug

    @property
    def traits(self) -> Traits:
        """Say how it behaves about other numbers."""
        return self.mind.traits

    def plan(self, item: Item, now: datetime) -> Plan:
        """Say what is told about ``item``, and when."""
        block = fixed_block(item.number)
        return self.mind.plan(item, now) if block is None else _plan(block, item, now)

    def result(self, item: Item) -> Line:
        """Give the final result of ``item``; of two that contradict, the first."""
        block = fixed_block(item.number)
        return self.mind.result(item) if block is None else _result(block, item)


def find_fixed(block: Block, entry: Mapping[str, Any]) -> list[tuple[When, Line]]:
    """Say what is told about a number of a manifest; nothing where it is clean."""
    answer = _detached(block, None, datetime.fromisoformat(entry["bound_before"]))
    if answer.outcome == "not_bound":
        return []
    counts = ("removed", "kept")
    told = {key: value for key, value in _line(answer).items() if key not in counts}
    number: Line = {"number": entry["number"]}
    finding = {**number, **told}
    match block.behaviour:
        case Behaviour.SLOW:
            return [(When.SOON, finding)]
        case Behaviour.LATE:
            return [(When.LATE, finding)]
        case Behaviour.CONTRADICTING:
            return [(When.NOW, finding), (When.SOON, {**number, **_ANOTHER})]
        case Behaviour.PROMPT | Behaviour.ASKING | Behaviour.VIOLATING:
            return [(When.NOW, finding)]


def _plan(block: Block, item: Item, now: datetime) -> Plan:
    result, soon = _result(block, item), SOON.total_seconds()
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


def _ask(item: Item) -> Line:
    return {"id": item.id, "outcome": "action_required", "action": "confirm_in_app"}


def _result(block: Block, item: Item) -> Line:
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
