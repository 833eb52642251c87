"""What platforms report, and what each line is answered."""

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from unbind_broker.api.fields import AnswerModel, Instant, RequestModel
from unbind_broker.callbacks.line_fields import LARGEST_COUNT
from unbind_broker.callbacks.lines import REPORTABLE
from unbind_broker.callbacks.results import MAX_LINES, LineStatus
from unbind_broker.items.states import REFUSALS, HolderAction


def _words(words: frozenset[Any]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": sorted(words)})


Count = Annotated[int | None, Field(ge=0, le=LARGEST_COUNT)]


class ResultLine(RequestModel):
    """One item's result. Described here, read line by line."""

    id: str = Field(examples=["ord_01kb2x5c7zf3v8h1m4n6p9q2rs"])
    outcome: Annotated[str, _words(REPORTABLE)] = Field(examples=["unbound"])
    reason: Annotated[str | None, _words(REFUSALS)] = Field(
        default=None, description="Needed by `refused` and `partly_unbound`."
    )
    detail: str | None = Field(
        default=None,
        description="Cut to 200 characters, runs of 7 or more digits are masked. "
        "Needed by the reason `other`.",
    )
    bindings: Count = Field(
        default=None, description="Goes with `bound`: at least 1, null if not known."
    )
    removed: Count = Field(
        default=None,
        examples=[1],
        description="At least 1. Needed by `partly_unbound`; of `unbound` null if not "
        "known.",
    )
    kept: Count = Field(
        default=None, description="Needed by `partly_unbound`, at least 1."
    )
    last_bound_at: Instant | None = Field(
        default=None,
        examples=["2023-06-01T09:30:00Z"],
        description="When the newest of these bindings was made. Needed by `bound`, "
        "`unbound`, `partly_unbound` and `closed`.",
    )
    restorable_until: Instant | None = Field(
        default=None, description="Until then you can attach again what was detached."
    )
    expected_at: Instant | None = Field(
        default=None, description="When you expect to be done."
    )
    cooling_off_until: Instant | None = None
    action: Annotated[str | None, _words(frozenset(HolderAction))] = Field(
        default=None, description="Needed by `action_required`."
    )
    action_url: str | None = Field(
        default=None,
        description="https, on a domain registered for you or below it.",
    )
    amend: bool = Field(
        default=False, description="Replace your own earlier result by this one."
    )


class ReportBody(RequestModel):
    """Lines about items, in any order."""

    results: list[Any] = Field(min_length=1, max_length=MAX_LINES)


class LineAnswerShown(AnswerModel):
    """What became of one line."""

    id: str | None = Field(examples=["ord_01kb2x5c7zf3v8h1m4n6p9q2rs"])
    status: LineStatus = Field(examples=["recorded"])
    code: str | None = Field(
        default=None,
        examples=["bound-at-missing"],
        description="Why it was rejected: `line-invalid`, `outcome-not-possible`, "
        "`reason-missing`, `detail-missing`, `count-missing`, `count-contradicts`, "
        "`bound-at-missing`, `bound-outside-interval`, `action-missing`, "
        "`action-url-refused`. With `recorded` only `outside-interval`: the removal "
        "was a violation, and `restore.requested` asks you to undo it.",
    )
    detail: str | None = Field(default=None, examples=["unbound needs last_bound_at"])


class ReportAnswered(AnswerModel):
    """One answer per line, in their order."""

    results: list[LineAnswerShown]


def _signature_headers() -> list[dict[str, Any]]:
    header = {"in": "header", "required": False, "schema": {"type": "string"}}
    signed = "Needed once a `result_public_key` is registered."
    return [
        {**header, "name": name, "description": f"{meaning} {signed}"}
        for name, meaning in (
            ("webhook-id", "Chosen by you, the same on every retry."),
            ("webhook-timestamp", "Seconds since 1970, of this attempt."),
            ("webhook-signature", "`v1a,` and the Ed25519 signature in base64."),
        )
    ]


SIGNATURE_HEADERS = _signature_headers()
"""Of reports that are signed, for the OpenAPI document."""


def _described() -> dict[str, Any]:
    whole = ReportBody.model_json_schema()
    whole["properties"]["results"]["items"] = ResultLine.model_json_schema()
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": whole,
                    "examples": {"unbound": {"value": {"results": [_EXAMPLE]}}},
                }
            },
        },
        "parameters": SIGNATURE_HEADERS,
    }


_EXAMPLE = {
    "id": "ord_01kb2x5c7zf3v8h1m4n6p9q2rs",
    "outcome": "unbound",
    "removed": 1,
    "last_bound_at": "2023-06-01T09:30:00Z",
    "restorable_until": "2026-12-21T00:00:00Z",
}
REQUEST_BODY = _described()
"""Body and headers for the OpenAPI document: the route reads the raw bytes itself."""
