from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from tests.support.clock import NOON
from unbind_broker.base.database import Db
from unbind_broker.base.ids import AttemptId, EndpointId, new_uuid7
from unbind_broker.deliveries import attempts
from unbind_broker.deliveries.attempts import Attempt, Timings
from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind
from unbind_broker.deliveries.tables import attempts as attempt_rows
from unbind_broker.endpoints.events import EventType


def an_attempt() -> Attempt:
    return Attempt(
        id=AttemptId(new_uuid7(NOON)),
        endpoint_id=EndpointId(3),
        event=EventType.QUERY_REQUESTED,
        subject_ids=(UUID(int=1), UUID(int=2)),
        webhook_id="msg_1",
        body_sha256=b"\x01" * 32,
        started_at=NOON,
        outcome=Outcome(OutcomeKind.THROTTLED, 429, timedelta(seconds=3)),
        timings=Timings(12, dns_ms=1, connect_ms=2, tls_ms=1, first_byte_ms=11),
        error=None,
        answer_head='wait, {"please"}',
    )


async def test_attempt_is_kept_as_it_was(db: Db) -> None:
    attempt = an_attempt()
    assert await attempts.append(db, [attempt]) == {attempt.id}
    (row,) = (await db.execute(select(attempt_rows))).mappings()
    assert dict(row) == {
        "id": attempt.id,
        "endpoint_id": 3,
        "event": EventType.QUERY_REQUESTED,
        "order_ids": [UUID(int=1), UUID(int=2)],
        "webhook_id": "msg_1",
        "body_sha256": b"\x01" * 32,
        "started_at": NOON,
        "outcome": OutcomeKind.THROTTLED,
        "status_code": 429,
        "dns_ms": 1,
        "connect_ms": 2,
        "first_byte_ms": 11,
        "total_ms": 12,
        "error": None,
        "answer_head": 'wait, {"please"}',
        "tls_ms": 1,
        "occasion": None,
        "replay": False,
    }


async def test_appending_again_tells_what_is_new(db: Db) -> None:
    old, new = an_attempt(), an_attempt()
    without_answer = replace(
        new, outcome=Outcome(OutcomeKind.UNREACHABLE), error="connection refused"
    )
    await attempts.append(db, [old])
    assert await attempts.append(db, [old, without_answer]) == {new.id}
    assert await attempts.append(db, [old, without_answer]) == set()


async def test_nothing_to_append_is_no_fault(db: Db) -> None:
    assert await attempts.append(db, []) == set()
