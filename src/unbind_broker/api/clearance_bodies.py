"""What carriers send to have numbers cleared, and how clearances are shown."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from unbind_broker.api.fields import AnswerModel, RequestModel
from unbind_broker.api.order_bodies import Number, Reference
from unbind_broker.api.pages import Page
from unbind_broker.clearances.states import ClearanceStatus, StopReason
from unbind_broker.intake.clearing_lines import BAD_CODES, FIELDS

MOST_WITHDRAWN = 1000

_ID = "clr_01kb2x5c7zf3v8h1m4n6p9q2rs"
_AT = "2026-11-22T08:00:00Z"


class ClearanceBody(RequestModel):
    """A draft to begin; its numbers are put in afterwards."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reference": "B-20261122"}]}
    )

    reference: Reference | None = Field(
        default=None,
        examples=["B-20261122"],
        description="Your own id, echoed everywhere; must not hold a number.",
    )


class WithdrawBody(RequestModel):
    """Numbers whose former holders have come back."""

    numbers: list[Number] = Field(
        min_length=1, max_length=MOST_WITHDRAWN, examples=[["+8613800001234"]]
    )


class PublishBody(RequestModel):
    """Nothing needs to be said; the body may be left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})


class ListedClearance(AnswerModel):
    """A clearance as it stands."""

    id: str = Field(examples=[_ID])
    status: ClearanceStatus = Field(
        examples=["in_progress"],
        description="`draft`: numbers can be put in, nobody else sees it. "
        "`in_progress`: platforms look for bindings. `stopped`: too many numbers of "
        "the first wave are in use, no further wave goes out until an administrator "
        "lets it. `completed`: every platform is done, or the deadline has passed.",
    )
    reference: str | None = Field(examples=["B-20261122"])
    numbers: int = Field(examples=[120000], description="How many were accepted.")
    withdrawn: int = Field(
        examples=[2], description="How many of them were withdrawn since."
    )
    refused: int = Field(
        examples=[1],
        description="How many of them had a holder again when it was published, and "
        "were left out.",
    )
    created_at: str = Field(examples=[_AT])
    published_at: str | None = Field(examples=[_AT])
    deadline: str | None = Field(
        examples=["2026-11-27T15:59:59Z"],
        description="By when platforms must be done.",
    )
    completed_at: str | None = Field(examples=[None])
    stopped_at: str | None = Field(
        examples=[None], description="When it stopped last, even if it goes on by now."
    )
    stop_reason: StopReason | None = Field(examples=[None])
    destroyed_at: str | None = Field(
        examples=[None],
        description="When it began to lose its numbers: a draft that nobody touches "
        "after 7 days, all others after 180 (settings of the broker). What was counted "
        "stays, and nothing of it goes on.",
    )


ListedClearancePage = Page[ListedClearance]


class PartShown(AnswerModel):
    """How many numbers a part brought."""

    part: int = Field(examples=[1])
    accepted: int = Field(examples=[119999])
    refused: int = Field(examples=[1], description="Lines that were left out.")
    at: str = Field(examples=[_AT])


class WaveShown(AnswerModel):
    """Numbers that platforms get at one time."""

    wave: int = Field(examples=[1])
    numbers: int = Field(examples=[1000])
    due_at: str = Field(examples=[_AT])
    published_at: str | None = Field(examples=[_AT])


class ClearanceSummary(AnswerModel):
    """How many numbers stand how, by what platforms that are named found."""

    total: int = Field(examples=[120000])
    clean: int = Field(
        examples=[118000], description="Every platform is done, none kept a binding."
    )
    blocked: int = Field(
        examples=[41],
        description="A platform kept a binding, or found the number in use.",
    )
    partial: int = Field(examples=[1957], description="A platform is not done yet.")
    withdrawn: int = Field(
        examples=[2],
        description="Not to be cleared: withdrawn, or held by somebody again. Results "
        "tell at once who became known after it was published; here it counts a little "
        "later: after seconds, in a million numbers an hour, in what is over a day.",
    )


class PlatformProgressShown(AnswerModel):
    """How far one platform has come."""

    platform: str = Field(examples=["weibo"])
    platform_name: str = Field(examples=["微博"])
    category: str = Field(examples=["social"])
    numbers: int = Field(examples=[120000], description="Published to it so far.")
    read_to: int = Field(
        examples=[120000],
        description="The last place that it has read; results name places too.",
    )
    findings: int = Field(
        examples=[41020], description="Numbers that had bindings there."
    )
    complete: bool = Field(description="It is done with all that was published to it.")
    completed_at: str | None = Field(examples=[None])
    overdue: bool = Field(description="The clearance has ended without it.")


class SensitiveShown(AnswerModel):
    """Sensitive platforms, which are never named."""

    total: int = Field(examples=[12])
    finished: int = Field(examples=[9], description="Those that have read all numbers.")


class ClearanceShown(ListedClearance):
    """A clearance with its parts, its waves, and how far platforms have come."""

    summary: ClearanceSummary
    platforms: list[PlatformProgressShown]
    sensitive: SensitiveShown

    parts: list[PartShown]
    waves: list[WaveShown]


class BadLineShown(AnswerModel):
    """A line that was left out. The number is not repeated."""

    line: int = Field(examples=[17], description="Counted from 1, the header included.")
    code: str = Field(
        examples=["invalid-number"],
        description="Why: " + ", ".join(f"`{code}`" for code in BAD_CODES) + ".",
    )
    detail: str = Field(
        examples=["this number stands in this clearance already"],
    )


class PutPartShown(PartShown):
    """What became of a part."""

    bad: list[BadLineShown] = Field(
        description="The first 1,000 of the lines that were left out."
    )


class WithdrawnLine(AnswerModel):
    """What became of one number of the list."""

    place: int = Field(examples=[1], description="Its place in the list, from 1.")
    status: Annotated[
        str, Field(pattern="^(withdrawn|duplicate|unknown|rejected)$")
    ] = Field(
        examples=["withdrawn"],
        description="`duplicate`: was withdrawn before. `unknown`: this clearance "
        "does not hold it. `rejected`: is no mobile number.",
    )


class WithdrawalShown(AnswerModel):
    """How many numbers were withdrawn, and what became of each."""

    withdrawn: int = Field(examples=[1])
    results: list[WithdrawnLine]


_NDJSON = '{"number": "+8613800001234", "disconnected_on": "2026-08-20"}\n'
_CSV = f"{','.join(FIELDS)}\n+8613800001234,2026-08-20\n"


def _uploaded() -> dict[str, Any]:
    """Describe an upload for the document: the route reads the body itself."""
    examples = {"application/x-ndjson": _NDJSON, "text/csv": _CSV}
    content = {
        kind: {"schema": {"type": "string"}, "examples": {"one": {"value": text}}}
        for kind, text in examples.items()
    }
    return {"requestBody": {"required": True, "content": content}}


UPLOADED = _uploaded()
