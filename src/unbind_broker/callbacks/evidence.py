"""Keep signed reports as they were received, so that anyone can verify them later."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import insert, select

from unbind_broker.base.database import BIG, INT, Db, lock_key, sql
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.ids import PlatformId, new_uuid7
from unbind_broker.base.sealing import Sealer
from unbind_broker.base.signing import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    verify_v1a,
)
from unbind_broker.base.signing_keys import PublicKey
from unbind_broker.callbacks.tables import evidence

_PUBLIC_KEY = sql(
    "SELECT result_public_key FROM endpoints WHERE platform_id = :platform",
    platform=INT,
)


class WebhookIdReused(BrokerError):
    """A report carries the id of an earlier, different one."""

    code: ClassVar[str] = "webhook-id-reused"
    title: ClassVar[str] = "This webhook-id was used for another report"


@dataclass(frozen=True)
class SignedReport:
    """A report whose signature holds, with the headers that prove it.

    ``id`` is given at once, so that items can name their evidence before it is kept.
    """

    id: UUID
    platform: PlatformId
    webhook_id: str
    timestamp: str
    signature: str
    public_key: str
    body: bytes


async def public_key_of(db: Db, platform: PlatformId) -> str | None:
    """Read the key that a platform signs its reports with, if it registered one."""
    found = await db.execute(_PUBLIC_KEY, {"platform": platform})
    key: str | None = found.scalar_one_or_none()
    return key


def verify(
    platform: PlatformId,
    public_key: str,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
) -> SignedReport:
    """Check the signature of a report; raises ``SignatureInvalid``."""
    message = verify_v1a(PublicKey.parse(public_key), headers, body, now)
    named = {name.lower(): value for name, value in headers.items()}
    return SignedReport(
        id=new_uuid7(now),
        platform=platform,
        webhook_id=message.webhook_id,
        timestamp=named[TIMESTAMP_HEADER],
        signature=named[SIGNATURE_HEADER],
        public_key=public_key,
        body=body,
    )


async def earlier_answer(db: Db, report: SignedReport) -> bytes | None:
    """Return the answer that this report got before.

    Another one with its ``webhook-id`` waits until this transaction ends. Raises
    ``WebhookIdReused`` if the id belongs to another body.
    """
    await db.execute(_LOCK, {"key": _lock_key(report)})
    found = await db.execute(
        select(evidence.c.body_sha256, evidence.c.answer).where(
            evidence.c.platform_id == report.platform,
            evidence.c.webhook_id == report.webhook_id,
        )
    )
    row = found.one_or_none()
    if row is None:
        return None
    if row.body_sha256 != _digest(report.body):
        raise WebhookIdReused("this webhook-id came before with another body")
    answer: bytes = row.answer
    return answer


async def keep(db: Db, now: datetime, report: SignedReport, answer: bytes) -> None:
    """Keep a report and its answer, in the transaction that applied it."""
    await _keep(db, now, report, answer, report.body)


async def keep_sealed(
    db: Db, now: datetime, report: SignedReport, answer: bytes, sealer: Sealer
) -> None:
    """Keep a report that names numbers: its body is sealed, its digest is of the text.

    What is sealed begins with a byte that no JSON begins with.
    """
    sealed = sealer.seal(report.body, context=SEALED_CONTEXT)
    await _keep(db, now, report, answer, sealed)


def open_body(sealer: Sealer, kept: bytes) -> bytes:
    """Give a body as it was received; raises ``SealBroken``."""
    if not kept.startswith(SEALED):
        return kept
    return sealer.open(kept, context=SEALED_CONTEXT)


async def _keep(
    db: Db, now: datetime, report: SignedReport, answer: bytes, body: bytes
) -> None:
    await db.execute(
        insert(evidence),
        [
            {
                "id": report.id,
                "platform_id": report.platform,
                "webhook_id": report.webhook_id,
                "received_at": now,
                "webhook_timestamp": report.timestamp,
                "webhook_signature": report.signature,
                "public_key": report.public_key,
                "body": body,
                "body_sha256": _digest(report.body),
                "answer": answer,
            }
        ],
    )


SEALED_CONTEXT = b"evidence"
SEALED = b"\x01"
_LOCK = sql("SELECT pg_advisory_xact_lock(:key)", key=BIG)


def _lock_key(report: SignedReport) -> int:
    return lock_key(f"evidence/{report.platform}/{report.webhook_id}")


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()
