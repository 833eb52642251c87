"""An attempt as the endpoint's owner and the administrators see it."""

from typing import Any, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from unbind_broker.api.fields import AnswerModel, ShownInstant
from unbind_broker.api.pages import Page
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.deliveries.attempts import Attempt
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.endpoints.events import NOTICES, EventType
from unbind_broker.sending.rebuilding import Missing, Rebuilt

BodyMissing = Missing | Literal["see_attempt"]

_ITEM_ID = "ord_01kb2x5c7zf3v8h1m4n6p9q2rs"
_BODY: JsonDict = {
    "type": "unbind.requested",
    "timestamp": "2026-11-21T08:00:00Z",
    "data": {
        "items": [
            {
                "id": _ITEM_ID,
                "number": "+86138****8000",
                "scope": "previous_owner",
                "action": "detach",
                "owner_since": "2025-03-01",
                "bound_from": None,
                "bound_before": "2025-02-28T16:00:00Z",
                "carrier": "china-mobile",
                "created_at": "2026-11-21T08:00:00Z",
                "deadline": "2026-11-27T16:00:00Z",
                "attestation": None,
            }
        ]
    },
}
_EXAMPLE: JsonDict = {
    "id": "att_01kb2x5d0m3n8c6q1v5w7x9y2z",
    "type": "unbind.requested",
    "webhook_id": f"msg_{'5f' * 32}",
    "items": [_ITEM_ID],
    "started_at": "2026-11-21T08:00:00Z",
    "outcome": "accepted",
    "status_code": 200,
    "error": None,
    "timings": {"dns": 2, "connect": 4, "tls": 9, "first_byte": 31, "total": 33},
    "answer_head": "ok",
    "body_sha256": "a3" * 32,
    "replay": False,
    "occasion": None,
    "body": _BODY,
    "body_missing": None,
}


class AttemptTimings(AnswerModel):
    """Milliseconds; null where a part did not happen, as on a kept connection."""

    dns: int | None
    connect: int | None
    tls: int | None
    first_byte: int | None = Field(description="From the start of the request.")
    total: int


class AttemptShown(AnswerModel):
    """One signed request to the endpoint, and what came of it."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    type: EventType
    webhook_id: str = Field(
        description="The same for the same items and occasion, on every retry."
    )
    items: list[str] = Field(
        description="What it was about: items, the carrier's event, or that a wave of "
        "a clearance was published."
    )
    started_at: ShownInstant
    outcome: OutcomeKind = Field(
        description="`accepted`: 2xx. `gone`: 410. `payload_refused`: 400, 413, 415, "
        "422. `throttled`: 429, 502, 503, 504. `misconfigured`: 3xx, 401, 403, 404, "
        "405. `failed`: any other answer. `timed_out`, `unreachable`: no answer. "
        "`blocked`: the address may not be posted to. `own_fault`: the broker's."
    )
    status_code: int | None = Field(description="null: there was no answer.")
    error: str | None = Field(description="Why there was no answer, in a few words.")
    timings: AttemptTimings
    answer_head: str | None = Field(
        description="The first characters of the answer, longer runs of digits masked."
    )
    body_sha256: str = Field(
        description="SHA-256 of the bytes that were signed, in hexadecimal."
    )
    replay: bool = Field(description="It was sent again because its receiver asked.")
    occasion: str | None = Field(
        description="Null but for items that were asked for anew (requeued)."
    )
    body: dict[str, Any] | None = Field(
        description="What was sent, the number masked, an attestation replaced by "
        "`***`. It is not kept: it is made again, and shown only if its bytes have "
        "this `body_sha256`."
    )
    body_missing: BodyMissing | None = Field(
        description="Why there is no body. `destroyed`: the number was destroyed by "
        "retention. `changed`: the items say something else by now, so that it cannot "
        "be made again. `unreadable`: the number's key is not at hand. `not_kept`: it "
        "held a challenge. `not_sent`: nothing was signed. `see_attempt`: the page is "
        "too long for it, read the attempt by its id."
    )


class AttemptPage(Page[AttemptShown]):
    """Attempts, newest first."""


def show_attempt(attempt: Attempt, rebuilt: Rebuilt | None) -> AttemptShown:
    """Show an attempt; None: its body is not looked for."""
    timings, outcome, occasion = attempt.timings, attempt.outcome, attempt.occasion
    return AttemptShown(
        id=format_id(Prefix.ATTEMPT, attempt.id),
        type=attempt.event,
        webhook_id=attempt.webhook_id,
        items=[format_id(_prefix(attempt.event), one) for one in attempt.subject_ids],
        started_at=attempt.started_at,
        outcome=outcome.kind,
        status_code=outcome.status_code,
        error=attempt.error,
        timings=AttemptTimings(
            dns=timings.dns_ms,
            connect=timings.connect_ms,
            tls=timings.tls_ms,
            first_byte=timings.first_byte_ms,
            total=timings.total_ms,
        ),
        answer_head=attempt.answer_head,
        body_sha256=attempt.body_sha256.hex(),
        replay=attempt.replay,
        occasion=None if occasion is None else occasion.hex,
        body=None if rebuilt is None else rebuilt.body,
        body_missing="see_attempt" if rebuilt is None else rebuilt.missing,
    )


def _prefix(event: EventType) -> Prefix:
    if event in NOTICES or event is EventType.CLEARANCE_PUBLISHED:
        return Prefix.EVENT
    return Prefix.QUERY if event is EventType.QUERY_REQUESTED else Prefix.ORDER
