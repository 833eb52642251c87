"""What an attempt had sent, made again from what it was about.

Bodies are not kept: they hold numbers. One is shown only if its bytes are the very ones
that were signed, and then with every number masked.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from unbind_broker.base.database import Db
from unbind_broker.base.ids import AttemptId, PlatformId
from unbind_broker.base.sealing import Sealer
from unbind_broker.deliveries.attempts import Attempt
from unbind_broker.deliveries.queue import REQUEST_EVENTS, TOLD_OF_ITEMS, Subject
from unbind_broker.endpoints.events import ENDPOINT_EVENTS, EventType
from unbind_broker.sending.briefs import Briefs
from unbind_broker.sending.contents import load_told
from unbind_broker.sending.payloads import (
    Outgoing,
    OutgoingItem,
    payload,
    test_payload,
)

HIDDEN = "***"
"""Stands for an attestation, which names the number too."""

_NOTHING = hashlib.sha256(b"").digest()
_SECOND = timedelta(seconds=1)

Missing = Literal["destroyed", "changed", "unreadable", "not_kept", "not_sent"]
"""Why a body cannot be shown: its number, or its notice, was destroyed by retention; it
says something else today; its number was sealed by a key that is not at hand; it held a
challenge; nothing was signed at all."""


@dataclass(frozen=True)
class Rebuilt:
    """The masked body, or why there is none."""

    body: dict[str, Any] | None = None
    missing: Missing | None = None


async def rebuild(
    db: Db, sealer: Sealer, platform: PlatformId | None, tried: Collection[Attempt]
) -> dict[AttemptId, Rebuilt]:
    """Make the bodies of these attempts of one endpoint again, all with one read.

    ``platform`` is None for a carrier's endpoint.
    """
    subjects = {one for attempt in tried for one in _subjects(attempt)}
    requests = {one.subject_id for one in subjects if one.event in REQUEST_EVENTS}
    items = await Briefs(sealer).recall(db, requests) if requests else {}
    others = [one for one in subjects if one.event not in REQUEST_EVENTS]
    found: dict[Subject, Outgoing] = {
        one: items[one.subject_id].to_platform(platform)
        for one in subjects
        if platform is not None
        and one.event in REQUEST_EVENTS
        and one.subject_id in items
    }
    found.update(await load_told(db, others))
    return {attempt.id: _rebuilt(attempt, found) for attempt in tried}


def _subjects(attempt: Attempt) -> list[Subject]:
    event, endpoint_id = attempt.event, attempt.endpoint_id
    return [Subject(endpoint_id, event, one) for one in attempt.subject_ids]


def _rebuilt(attempt: Attempt, found: Mapping[Subject, Outgoing]) -> Rebuilt:
    if attempt.body_sha256 == _NOTHING:
        return Rebuilt(missing="not_sent")
    if attempt.event in ENDPOINT_EVENTS:
        return _probe(attempt)
    contents = [found.get(one) for one in _subjects(attempt)]
    known = [one for one in contents if one is not None]
    if len(known) < len(contents):
        gone = attempt.event not in TOLD_OF_ITEMS
        return Rebuilt(missing="destroyed" if gone else "changed")
    if not all(one.is_readable for one in known):
        return Rebuilt(missing="unreadable")
    return _shown(attempt, [payload(attempt.event, attempt.started_at, known)], known)


def _probe(attempt: Attempt) -> Rebuilt:
    """Make a test's body again; it was written a moment before it was sent."""
    if attempt.event is not EventType.ENDPOINT_TEST:
        return Rebuilt(missing="not_kept")
    times = (attempt.started_at, attempt.started_at - _SECOND)
    return _shown(attempt, [test_payload(at) for at in times], [])


def _shown(
    attempt: Attempt, bodies: Sequence[bytes], contents: Sequence[Outgoing]
) -> Rebuilt:
    for body in bodies:
        if hashlib.sha256(body).digest() == attempt.body_sha256:
            return Rebuilt(body=_masked(json.loads(body), contents))
    return Rebuilt(missing="changed")


def _masked(body: dict[str, Any], contents: Sequence[Outgoing]) -> dict[str, Any]:
    numbers = {
        one.public_id: one.number.masked
        for one in contents
        if isinstance(one, OutgoingItem) and one.number is not None
    }
    for item in body["data"].get("items", []) if numbers else []:
        item["number"] = numbers[item["id"]]
        if item["attestation"] is not None:
            item["attestation"] = HIDDEN
    return body
