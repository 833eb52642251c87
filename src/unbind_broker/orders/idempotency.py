"""Answer a repeated request with the answer that the first one got."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

from sqlalchemy import bindparam, insert, select, update

from unbind_broker.base.database import BIG, Db, lock_key, sql
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.ids import CarrierId
from unbind_broker.base.sealing import BlindIndex
from unbind_broker.orders.tables import idempotency


class IdempotencyInProgress(BrokerError):
    """The first request with this key has not been answered yet."""

    code: ClassVar[str] = "idempotency-in-progress"
    title: ClassVar[str] = "The first request with this key is still running"

    def __init__(self) -> None:
        super().__init__(
            "another request with this Idempotency-Key is being served; try again"
        )


class IdempotencyKeyReused(BrokerError):
    """The key came before, with another request."""

    code: ClassVar[str] = "idempotency-key-reused"
    title: ClassVar[str] = "This Idempotency-Key was used for another request"


@dataclass(frozen=True)
class Repeatable:
    """A request that its sender may send again.

    ``key`` and ``fingerprint`` are keyed digests, of the ``Idempotency-Key`` and of
    method, path and body: equal requests share them, and they tell nothing about the
    number inside. Senders choose keys, and a number is a bad one, but unique.
    """

    carrier_id: CarrierId
    key: str
    fingerprint: bytes

    @classmethod
    def of(
        cls, carrier_id: CarrierId, key: str, content: bytes, index: BlindIndex
    ) -> Self:
        """Recognise a request by its ``Idempotency-Key`` and its content."""
        digest = index.fingerprint(b"idempotency-key\n" + key.encode())
        return cls(carrier_id, digest.hex(), index.fingerprint(content))


@dataclass(frozen=True)
class StoredAnswer:
    """An answer as it went out the first time."""

    status: int
    location: str | None
    body: bytes


async def earlier_answer(db: Db, request: Repeatable) -> StoredAnswer | None:
    """Return the first answer to this request; None lets the caller go ahead.

    Whoever is let ahead holds the key until the transaction ends. Raises
    ``IdempotencyInProgress`` at once, without waiting, while another one holds it, and
    ``IdempotencyKeyReused`` if the key belongs to another request.
    """
    if not (await db.execute(_TRY, {"key": lock_key_of(request)})).scalar_one():
        raise IdempotencyInProgress
    values = {"carrier": request.carrier_id, "digest": request.key}
    row = (await db.execute(_EARLIER, values)).one_or_none()
    return None if row is None else read_answer(request, row)


def read_answer(request: Repeatable, columns: Sequence[Any]) -> StoredAnswer | None:
    """Read the columns of ``ANSWER``, all null where there is none.

    Raises ``IdempotencyKeyReused``.
    """
    fingerprint, status, location, body = columns
    if status is None:
        return None
    if fingerprint != request.fingerprint:
        raise IdempotencyKeyReused(
            "this Idempotency-Key came before with another path or body"
        )
    return StoredAnswer(status, location, body)


def lock_key_of(request: Repeatable) -> int:
    """Give the key of the advisory lock under which a request is served."""
    return lock_key(f"idempotency/{request.carrier_id}/{request.key}")


async def remember(
    db: Db, now: datetime, request: Repeatable, answer: StoredAnswer
) -> None:
    """Keep an answer for repetitions; it stands or falls with the transaction."""
    await db.execute(
        _REMEMBER,
        {
            "carrier_id": request.carrier_id,
            "key": request.key,
            "fingerprint": request.fingerprint,
            "status": answer.status,
            "location": answer.location,
            "body": answer.body,
            "created_at": now,
        },
    )


async def restate(db: Db, request: Repeatable, answer: StoredAnswer) -> None:
    """Keep the answer that went out in the end, where the caller waited for it."""
    await db.execute(
        update(idempotency)
        .where(
            idempotency.c.carrier_id == request.carrier_id,
            idempotency.c.key == request.key,
        )
        .values(status=answer.status, body=answer.body)
    )


# Made once: to put them together takes as long as to run them.
ANSWER = (
    idempotency.c.fingerprint,
    idempotency.c.status,
    idempotency.c.location,
    idempotency.c.body,
)
_EARLIER = select(*ANSWER).where(
    idempotency.c.carrier_id == bindparam("carrier"),
    idempotency.c.key == bindparam("digest"),
)
_REMEMBER = insert(idempotency)
_TRY = sql("SELECT pg_try_advisory_xact_lock(:key)", key=BIG)
