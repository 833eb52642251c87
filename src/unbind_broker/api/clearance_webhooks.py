"""The webhooks about clearances, for the OpenAPI document and for the feed."""

from typing import Literal

from pydantic import Field
from pydantic.config import JsonDict

from unbind_broker.api.clearance_bodies import ClearanceSummary
from unbind_broker.api.fields import AnswerModel, ShownInstant
from unbind_broker.clearances.states import StopReason

_ID = "clr_01kb2x5c7zf3v8h1m4n6p9q2rs"


class PublishedWave(AnswerModel):
    """Numbers to be cleared; none of them is named here."""

    id: str = Field(examples=[_ID], description="The clearance.")
    wave: int = Field(examples=[1])
    numbers: int = Field(examples=[1000], description="How many the wave has.")
    carrier: str = Field(examples=["china-mobile"])
    interval: Literal["per_number"] = Field(
        description="Each number of the manifest has a `bound_before` of its own: the "
        "day after it was given up. There is no start."
    )
    published_at: ShownInstant
    deadline: ShownInstant
    manifest: str = Field(
        examples=[f"/v1/clearances/{_ID}/manifest?wave=1"],
        description="Where the numbers are read.",
    )


class ClearancePublished(AnswerModel):
    """Read the manifest, detach what is bound, report with `complete: true`.

    Any 2xx takes it. Otherwise it is repeated by the plan for orders until the
    deadline. A clearance that had stopped and goes on is told of again.
    """

    type: Literal["clearance.published"]
    timestamp: ShownInstant
    data: PublishedWave


class EndedClearance(AnswerModel):
    """What came of a clearance by the time at which it ended or stopped."""

    clearance_id: str = Field(examples=[_ID])
    reference: str | None = Field(examples=["B-20261122"])
    status: Literal["completed", "stopped"] = Field(
        description="`stopped`: too many numbers of the first wave are in use. None of "
        "its numbers may be sold; check the dates. If an administrator lets it go on, "
        "this type comes once more at its end."
    )
    stop_reason: StopReason | None = Field(examples=[None])
    summary: ClearanceSummary
    overdue: list[str] = Field(
        examples=[["weibo"]], description="Platforms that were not done in time."
    )
    results: str = Field(examples=[f"/v1/clearances/{_ID}/results"])


class ClearanceCompleted(AnswerModel):
    """Your clearance has come to an end, or stands still: see its `status`.

    It is completed when every platform is done with it, or its deadline has passed.
    """

    type: Literal["clearance.completed"]
    timestamp: ShownInstant
    data: EndedClearance


CLEARANCE_WEBHOOKS: tuple[tuple[str, str, type[AnswerModel]], ...] = (
    ("clearance.published", "Numbers are to be cleared", ClearancePublished),
    ("clearance.completed", "A clearance has ended or stopped", ClearanceCompleted),
)

CLEARANCE_EXAMPLES: dict[str, JsonDict] = {
    "clearance.published": {
        "id": _ID,
        "wave": 1,
        "numbers": 1000,
        "carrier": "china-mobile",
        "interval": "per_number",
        "published_at": "2026-11-21T08:00:00Z",
        "deadline": "2026-11-27T15:59:59Z",
        "manifest": f"/v1/clearances/{_ID}/manifest?wave=1",
    },
    "clearance.completed": {
        "clearance_id": _ID,
        "reference": "B-20261122",
        "status": "completed",
        "stop_reason": None,
        "summary": {
            "total": 120000,
            "clean": 119957,
            "blocked": 41,
            "partial": 0,
            "withdrawn": 2,
        },
        "overdue": [],
        "results": f"/v1/clearances/{_ID}/results",
    },
}
"""``data`` of each."""
