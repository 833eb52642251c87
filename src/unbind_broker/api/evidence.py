"""Auditors read platforms' signed reports as they were received (证据)."""

from base64 import b64encode
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from pydantic import Field

from unbind_broker.api.callers import AuditCaller
from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import AnswerModel, ShownInstant
from unbind_broker.api.pages import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    read_cursor,
    slug_key,
    write_cursor,
)
from unbind_broker.api.problems import ANY_CALL, NotFound, problems
from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.ids import Prefix, format_id, parse_id
from unbind_broker.callbacks.evidence_reads import KeptReport, kind_of, list_page
from unbind_broker.orders.views import show_order_id

router = APIRouter(prefix="/v1/audit", tags=["audit"])


class EvidenceShown(AnswerModel):
    """A signed report. Anyone who has the platform's public key can check it.

    `signature` is `v1a` (Ed25519) over `webhook_id.timestamp.body` as Standard Webhooks
    wants it, with the body's raw bytes.
    """

    platform: str = Field(examples=["weibo"])
    item: str = Field(
        examples=["ord_01kb2x5c7zf3v8h1m4n6p9q2rs"],
        description="The id by which the report names the item: that of an earlier "
        "order where the item joined its request.",
    )
    webhook_id: str = Field(examples=["rep_1"])
    timestamp: str = Field(examples=["1795161600"])
    signature: str = Field(examples=["v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw…"])
    public_key: str = Field(
        examples=["whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="],
        description="The key that was registered then.",
    )
    body: str | None = Field(
        examples=["eyJyZXN1bHRzIjpbXX0="],
        description="The raw bytes in base64; null once the retention period is over.",
    )
    sha256: str = Field(
        examples=["4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"],
        description="Of the raw bytes, in hex, as receipts state it.",
    )
    received_at: ShownInstant


def _any_order_id(
    order_id: Annotated[str, Path(examples=["ord_01kb2x5c7zf3v8h1m4n6p9q2rs"])],
) -> tuple[Prefix, UUID]:
    for prefix in (Prefix.ORDER, Prefix.QUERY):
        found = parse_id(order_id, prefix)
        if found is not None:
            return prefix, found
    raise NotFound("there is no query or order with this id")


@router.get(
    "/orders/{order_id}/evidence",
    summary="Read the evidence of an order",
    responses=problems(*ANY_CALL, "not-found"),
)
async def read_evidence(
    context: Ctx,
    caller: AuditCaller,
    named: Annotated[tuple[Prefix, UUID], Depends(_any_order_id)],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[EvidenceShown]:
    """Read the signed reports that set the standing results of a query or an order.

    By the slugs of their platforms, sensitive ones too. Results that came without a
    signature have no evidence. A page ends early where its bodies exceed 8 MiB. The
    reading is itself an event of the trail.
    """
    prefix, order_id = named
    after, now = read_cursor(cursor, slug_key), context.clock.now()
    async with context.engine.begin() as db:
        kind = await kind_of(db, order_id)
        if kind is None or parse_id(show_order_id(kind, order_id), prefix) is None:
            raise NotFound("there is no query or order with this id")
        page, more = await list_page(db, order_id, after, limit)
        await record(
            db,
            now,
            Fact(
                caller.actor,
                "evidence.read",
                order_id=order_id,
                facts={"sha256": [kept.sha256.hex() for kept in page]},
            ),
        )
    following = write_cursor(page[-1].platform) if more else None
    return Page[EvidenceShown](
        data=[_shown(kept, prefix) for kept in page], next_cursor=following
    )


def _shown(kept: KeptReport, prefix: Prefix) -> EvidenceShown:
    return EvidenceShown(
        platform=kept.platform,
        item=format_id(prefix, kept.named),
        webhook_id=kept.webhook_id,
        timestamp=kept.timestamp,
        signature=kept.signature,
        public_key=kept.public_key,
        body=None if kept.body is None else b64encode(kept.body).decode("ascii"),
        sha256=kept.sha256.hex(),
        received_at=kept.received_at,
    )
