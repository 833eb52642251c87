"""What platforms report about a clearance, and what each line is answered."""

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from unbind_broker.api.fields import AnswerModel, Instant, RequestModel
from unbind_broker.api.result_bodies import SIGNATURE_HEADERS
from unbind_broker.callbacks.results import MAX_LINES, LineStatus
from unbind_broker.clearances.states import FindingOutcome, FindingReason

_ID = "clr_01kb2x5c7zf3v8h1m4n6p9q2rs"


def _words(words: type[FindingOutcome] | type[FindingReason]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": sorted(words)})


class FindingLineBody(RequestModel):
    """What was found about one number. Described here, read line by line."""

    number: str = Field(
        examples=["+8613800001234"], description="As the manifest writes it."
    )
    outcome: Annotated[str, _words(FindingOutcome)] = Field(
        examples=["unbound"],
        description="`not_bound` need not be reported; with `amend` it takes back what "
        "you found before.",
    )
    reason: Annotated[str | None, _words(FindingReason)] = Field(
        default=None, description="Needed by `refused` and `partly_unbound`."
    )
    last_bound_at: Instant | None = Field(
        default=None,
        examples=["2023-06-01T09:30:00Z"],
        description="When the newest of these bindings was made. Needed by `unbound` "
        "and `partly_unbound`.",
    )
    detail: str | None = Field(
        default=None,
        description="Cut to 200 characters, runs of 7 or more digits are masked. "
        "Needed by the reason `other`.",
    )
    amend: bool = Field(
        default=False, description="Replace your own earlier finding by this one."
    )


class FindingsBody(RequestModel):
    """Findings in any order, and whether all that is not among them is clean."""

    findings: list[Any] = Field(
        max_length=MAX_LINES,
        description="May be empty only together with `complete: true`.",
    )
    complete: bool = Field(
        default=False,
        description="Every number of the waves that you have read to their ends, and "
        "about which you found nothing, is clean.",
    )
    clearance: str | None = Field(
        default=None,
        examples=[_ID],
        description="The clearance of the path once more; another one is refused. Name "
        "it in signed reports: a signature covers the body and not the path, so what "
        "names no clearance proves to nobody which one it is about.",
    )


class FindingAnswer(AnswerModel):
    """What became of one line."""

    number: str | None = Field(
        examples=["+86138****1234"], description="Masked; null: there was none."
    )
    status: LineStatus = Field(examples=["recorded"])
    code: str | None = Field(
        default=None,
        examples=["bound-at-missing"],
        description="Why it was rejected: `line-invalid`, `number-withdrawn`, "
        "`bound-at-missing`, `reason-missing`, `reason-contradicts`, `detail-missing`. "
        "With `recorded` only `outside-interval`: the removal was a violation.",
    )
    detail: str | None = Field(default=None, examples=["unbound needs last_bound_at"])


class WaveProgress(AnswerModel):
    """How far you have come with one wave."""

    wave: int = Field(examples=[1])
    numbers: int = Field(examples=[1000])
    first_place: int = Field(examples=[1])
    last_place: int = Field(examples=[1000])
    read_to: int = Field(
        examples=[1000], description="The last place that you read; 0: none."
    )
    complete: bool


class FindingsAnswered(AnswerModel):
    """One answer per line, in their order, and where you stand."""

    clearance: str = Field(examples=[_ID])
    results: list[FindingAnswer]
    complete: bool = Field(
        description="You are done with every wave that was published to you."
    )
    waves: list[WaveProgress]


def _described() -> dict[str, Any]:
    whole = FindingsBody.model_json_schema()
    whole["properties"]["findings"]["items"] = FindingLineBody.model_json_schema()
    example = {"clearance": _ID, "findings": [_EXAMPLE], "complete": True}
    content = {"schema": whole, "examples": {"one": {"value": example}}}
    return {
        "requestBody": {"required": True, "content": {"application/json": content}},
        "parameters": SIGNATURE_HEADERS,
    }


_EXAMPLE = {
    "number": "+8613800001234",
    "outcome": "unbound",
    "last_bound_at": "2023-06-01T09:30:00Z",
}
REQUEST_BODY = _described()
"""Body and headers for the OpenAPI document: the route reads the raw bytes itself."""
