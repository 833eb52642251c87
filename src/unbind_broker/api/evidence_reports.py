"""Auditors read one signed report, of whatever it was about (证据)."""

from base64 import b64encode
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from pydantic import Field

from unbind_broker.api.callers import AuditCaller
from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import AnswerModel, ShownInstant
from unbind_broker.api.problems import ANY_CALL, NotFound, problems
from unbind_broker.audit.trail import Fact, record
from unbind_broker.callbacks.evidence import open_body
from unbind_broker.callbacks.evidence_reads import find_report

router = APIRouter(prefix="/v1/audit", tags=["audit"])

_NONE = "there is no report with this id"


class ReportShown(AnswerModel):
    """A signed report. Anyone who has the platform's public key can check it.

    `signature` is `v1a` (Ed25519) over `webhook_id.timestamp.body` as Standard Webhooks
    wants it, with the body's raw bytes.
    """

    platform: str = Field(examples=["weibo"])
    webhook_id: str = Field(examples=["rep_1"])
    timestamp: str = Field(examples=["1795161600"])
    signature: str = Field(examples=["v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw…"])
    public_key: str = Field(
        examples=["whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="],
        description="The key that was registered then.",
    )
    body: str | None = Field(
        examples=["eyJmaW5kaW5ncyI6W119"],
        description="The raw bytes in base64; null once the retention period is over. "
        "A report about a clearance names numbers.",
    )
    sha256: str = Field(
        examples=["4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"],
        description="Of the raw bytes, in hex.",
    )
    received_at: ShownInstant


def _report_id(
    evidence_id: Annotated[
        str,
        Path(
            examples=["019aa9f27c1e7c55af0e2f7a5a0c1d11"],
            description="`evidence` of an event such as `findings.reported`.",
        ),
    ],
) -> UUID:
    try:
        return UUID(evidence_id)
    except ValueError:
        raise NotFound(_NONE) from None


@router.get(
    "/evidence/{evidence_id}",
    summary="Read a signed report",
    responses=problems(*ANY_CALL, "not-found"),
)
async def read_report(
    context: Ctx,
    caller: AuditCaller,
    evidence_id: Annotated[UUID, Depends(_report_id)],
) -> ReportShown:
    """Read a report as it was received, by the id that the trail gives it.

    So are those about clearances found; those about an order are listed with it. The
    reading is itself an event of the trail.
    """
    now = context.clock.now()
    async with context.engine.begin() as db:
        found = await find_report(db, evidence_id)
        if found is None:
            raise NotFound(_NONE)
        facts = {"sha256": [found.sha256.hex()]}
        await record(db, now, Fact(caller.actor, "evidence.read", facts=facts))
    sealer = context.runtime.sealer
    body = None if found.body is None else open_body(sealer, found.body)
    return ReportShown(
        platform=found.platform,
        webhook_id=found.webhook_id,
        timestamp=found.timestamp,
        signature=found.signature,
        public_key=found.public_key,
        body=None if body is None else b64encode(body).decode("ascii"),
        sha256=found.sha256.hex(),
        received_at=found.received_at,
    )
