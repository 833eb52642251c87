"""Every answer that a platform can give, and when in a story it gives it."""

from dataclasses import dataclass, field
from typing import Any

from unbind_broker.items.states import REFUSALS

Lines = list[dict[str, Any]]
ACKNOWLEDGED = {"outcome": "acknowledged"}


@dataclass
class Answers:
    """What the sensitive platform says: on taking it, then, later, after the end."""

    taking: Lines = field(default_factory=lambda: [ACKNOWLEDGED])
    soon: Lines = field(default_factory=list)
    later: Lines = field(default_factory=list)
    at_last: Lines = field(default_factory=list)
    undone: Lines = field(default_factory=list)
    refuses_payload: bool = False


INSIDE = {"last_bound_at": "2024-05-01T00:00:00Z"}
OUTSIDE = {"last_bound_at": "2025-06-01T00:00:00Z"}
RESTORABLE = {"restorable_until": "2027-01-01T00:00:00Z"}


def line(outcome: str, **fields: Any) -> dict[str, Any]:
    return {"outcome": outcome, **fields}


NOT_BOUND = line("not_bound")
UNBOUND = line("unbound", removed=2, **INSIDE, **RESTORABLE)
PARTLY = line("partly_unbound", removed=1, kept=1, reason="legal_hold", **INSIDE)
REFUSED = line("refused", reason="suspected_fraud")
VIOLATION = line("unbound", removed=1, **OUTSIDE, **RESTORABLE)
WORKING = line(
    "in_progress",
    expected_at="2026-11-22T00:00:00Z",
    cooling_off_until="2026-11-23T00:00:00Z",
)
WANTING = line(
    "action_required",
    action="confirm_in_app",
    action_url="https://dating.com/confirm",
    detail="please confirm",
)
BOUND = line("bound", bindings=3, **INSIDE)
NONSENSE = line("unbound", removed=1)  # rejected: bound-at-missing


NOTHING_THERE = Answers(soon=[NOT_BOUND], undone=[NOT_BOUND])


def _for_every_reason(outcome: dict[str, Any]) -> Lines:
    """Correct one reason by the next."""
    return [
        {**outcome, "reason": reason.value, "detail": "words", "amend": True}
        for reason in sorted(REFUSALS)
    ]


INTERIM = {
    "working": Answers(soon=[WORKING]),
    "wanting": Answers(soon=[WANTING]),
    "working, then unbound": Answers(soon=[WORKING], later=[UNBOUND]),
    "wanting, then working, then partly": Answers(
        soon=[WANTING, WORKING], later=[PARTLY]
    ),
    "wanting, then unbound late": Answers(soon=[WANTING], at_last=[UNBOUND]),
}
EVER_POSSIBLE = {
    "nothing": Answers(),
    "acknowledged again": Answers(soon=[ACKNOWLEDGED]),
    "rejected": Answers(soon=[NONSENSE]),
    "payload refused": Answers(taking=[], refuses_payload=True),
    "payload refused, then not bound": Answers(
        taking=[], refuses_payload=True, soon=[NOT_BOUND]
    ),
    "in the answer": Answers(taking=[NOT_BOUND]),
    "late": Answers(at_last=[NOT_BOUND]),
    "refused late": Answers(at_last=[REFUSED]),
    "refused": Answers(soon=_for_every_reason(REFUSED)),
}
OF_ORDERS = {
    **EVER_POSSIBLE,
    **INTERIM,
    "partly unbound": Answers(soon=_for_every_reason(PARTLY)),
    "unbound": Answers(soon=[UNBOUND], undone=[line("restored")]),
    "unbound in the answer": Answers(taking=[UNBOUND]),
    "unbound later": Answers(later=[UNBOUND], undone=[WORKING]),
    "unbound late": Answers(at_last=[UNBOUND], undone=[REFUSED]),
    "violation": Answers(soon=[VIOLATION]),
    "violation in the answer": Answers(taking=[VIOLATION]),
    "violation late": Answers(at_last=[VIOLATION]),
    "amended to a violation": Answers(
        soon=[NOT_BOUND], later=[{**VIOLATION, "amend": True}]
    ),
    "amended": Answers(soon=[UNBOUND], later=[{**NOT_BOUND, "amend": True}]),
    "amended late": Answers(soon=[REFUSED], at_last=[{**PARTLY, "amend": True}]),
    "conflicting": Answers(soon=[UNBOUND, REFUSED], later=[NOT_BOUND]),
}
OF_QUERIES = {
    **EVER_POSSIBLE,
    "bound": Answers(soon=[BOUND]),
    "bound in the answer": Answers(taking=[BOUND]),
    "bound later": Answers(later=[BOUND]),
    "bound late": Answers(at_last=[BOUND]),
    "bound outside": Answers(soon=[{**BOUND, **OUTSIDE}]),
    "amended": Answers(soon=[BOUND], later=[{**NOT_BOUND, "amend": True}]),
    "amended to bound": Answers(soon=[NOT_BOUND], at_last=[{**BOUND, "amend": True}]),
    "conflicting": Answers(soon=[BOUND, NOT_BOUND]),
}
