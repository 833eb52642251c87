"""What came of each number of a clearance, as its carrier reads it."""

from typing import Any

from pydantic import Field

from unbind_broker.api.fields import AnswerModel, Day, ShownInstant
from unbind_broker.clearances.release import NumberState
from unbind_broker.clearances.states import FindingOutcome, FindingReason

NDJSON = "application/x-ndjson"
CSV = "text/csv"
COLUMNS = (
    "place",
    "number",
    "disconnected_on",
    "state",
    "release",
    "hold_until",
    "overridden",
    "blocked_by",
    "missing",
)


class BlockerShown(AnswerModel):
    """A platform that kept a binding, or found the number in use."""

    platform: str = Field(examples=["icbc"])
    category: str = Field(examples=["bank"])
    outcome: FindingOutcome = Field(
        description="`unbound` with the reason `active_after_cutoff`: what it detached "
        "was bound after the number was given up."
    )
    reason: FindingReason = Field(examples=["legal_hold"])
    detail: str | None = Field(examples=[None])
    critical: bool = Field(
        description="It holds the number back, however long it takes: its category is "
        "critical, or it found the number in use."
    )


class NumberResultShown(AnswerModel):
    """What came of one number: a line of the stream."""

    place: int = Field(examples=[17], description="Its place in the clearance.")
    number: str = Field(examples=["+8613800001234"], description="E.164.")
    disconnected_on: Day
    state: NumberState = Field(
        description="`clean`: every platform is done, none kept a binding. `blocked`: "
        "by whom and why is in `blocked_by`. `partial`: who is not done yet is in "
        "`missing`. `withdrawn`: it is not cleared any more, by your word "
        "or because somebody holds it elsewhere, as far as is known when it is read."
    )
    release: bool = Field(description="May be sold, not before `hold_until`.")
    hold_until: ShownInstant | None = Field(
        description="The earliest instant at which it may be sold: the end of the "
        "freeze of 90 days, or, while only platforms that do not hold it back for "
        "good are waited for, the deadline, whichever is later. null: nobody can say."
    )
    overridden: bool = Field(description="An administrator released it.")
    blocked_by: list[BlockerShown]
    missing: list[str] = Field(
        examples=[["weibo"]],
        description="Platforms that are not done; empty where nobody was asked yet.",
    )


_ROW = {
    "place": 17,
    "number": "+8613800001234",
    "disconnected_on": "2026-08-20",
    "state": "blocked",
    "release": False,
    "hold_until": None,
    "overridden": False,
    "blocked_by": [
        {
            "platform": "icbc",
            "category": "bank",
            "outcome": "refused",
            "reason": "legal_hold",
            "detail": None,
            "critical": True,
        }
    ],
    "missing": [],
}
STREAMED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One line for each number.",
        "model": NumberResultShown,
        "content": {
            NDJSON: {"example": _ROW},
            CSV: {
                "schema": {"type": "string"},
                "example": f"{','.join(COLUMNS)}\n17,+8613800001234,2026-08-20,blocked,"
                "false,,false,icbc:legal_hold,\n",
            },
        },
    }
}
