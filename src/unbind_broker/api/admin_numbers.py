"""Administrators answer a person who asks what is kept about a number."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from unbind_broker.api.callers import AdminCaller
from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import AnswerModel, RequestModel, Why
from unbind_broker.api.order_bodies import Number, read_number
from unbind_broker.api.problems import ANY_BODY, ANY_CALL, problems
from unbind_broker.base.numbers import clean_free_text
from unbind_broker.callbacks.resealing import count_by_key as count_reports
from unbind_broker.clearances.resealing import count_by_key as count_numbers
from unbind_broker.endpoints.resealing import count_by_key as count_secrets
from unbind_broker.intake.dossier import tell_everything
from unbind_broker.intake.forgetting import forget
from unbind_broker.orders.resealing import count_by_key

router = APIRouter(prefix="/v1/admin", tags=["admin"])

Rows = list[dict[str, Any]]


class NumberBody(RequestModel):
    """Which number."""

    number: Number


class ForgetBody(NumberBody):
    """Which number, and why."""

    reason: Why = Field(examples=["the holder asked for it, case 2026-117"])


class NumberExport(AnswerModel):
    """Everything that is kept about one number, but the number itself."""

    holdings: Rows = Field(description="Who held it from when to when, by carrier.")
    orders: Rows = Field(description="Queries and orders of all carriers.")
    items: Rows = Field(
        description="What each platform did. Sensitive ones are among them: never hand "
        "those to anyone but the person who held the number at that time."
    )
    violations: Rows
    receipts: Rows = Field(description="The broker's signed statements.")
    notices: Rows = Field(description="What carriers were told.")
    clearances: Rows = Field(description="Clearances that hold it, of all carriers.")
    audit_events: Rows


class NumberForgotten(AnswerModel):
    """How much was destroyed."""

    orders: int = Field(examples=[3], description="Number, consent and words of each.")
    holdings: int = Field(examples=[1])
    receipts: int = Field(examples=[2])
    notices: int = Field(examples=[2])
    reports: int = Field(examples=[0], description="Signed reports that held it.")
    clearances: int = Field(examples=[1], description="Clearances that held it.")


class SealingShown(AnswerModel):
    """Which keys still seal what."""

    key: str = Field(examples=["5f0c6d1e"], description="The key that seals now.")
    orders: dict[str, int] = Field(
        examples=[{"5f0c6d1e": 120000, "9b8a4c3d": 17}],
        description="Orders' numbers by the key that sealed them.",
    )
    clearances: dict[str, int] = Field(
        examples=[{"5f0c6d1e": 1000000}],
        description="Numbers of clearances by the key that sealed them.",
    )
    reports: dict[str, int] = Field(
        examples=[{"5f0c6d1e": 41000}],
        description="Signed reports that name numbers by the key that sealed them.",
    )
    secrets: dict[str, int] = Field(
        examples=[{"5f0c6d1e": 298}],
        description="Endpoints' secrets by the key that sealed them.",
    )


@router.post(
    "/numbers/export",
    summary="Tell everything about a number",
    responses=problems(*ANY_BODY),
)
async def export_number(
    context: Ctx, caller: AdminCaller, body: NumberBody
) -> NumberExport:
    """Read everything that is kept about one number, for the person who held it.

    It is audited, and holds what carriers never see. The number is not repeated.
    """
    number = read_number(body.number, context.settings.region)
    async with context.engine.begin() as db:
        found = await tell_everything(
            db, context.clock.now(), number, context.runtime.blind_index, caller.actor
        )
    return NumberExport.model_validate(asdict(found))


@router.post(
    "/numbers/forget",
    summary="Destroy everything about a number",
    responses=problems(*ANY_BODY, "orders-open", "clearance-busy"),
)
async def forget_number(
    context: Ctx, caller: AdminCaller, body: ForgetBody
) -> NumberForgotten:
    """Destroy what is kept about one number, now instead of after the retention.

    Finished orders lose number, consent, attestation, reference and words; holdings and
    notices are deleted, receipts emptied, clearances hold it no more. The audit trail
    stays: it holds a keyed digest of the number only. So do platforms' signed reports
    on clearances until their time is over, sealed, because each of them speaks of many
    numbers. Refused while orders about it are open, or it is being cleared.
    """
    number = read_number(body.number, context.settings.region)
    reason = clean_free_text(body.reason)
    async with context.engine.begin() as db:
        done = await forget(
            db,
            context.clock.now(),
            number,
            context.runtime.blind_index,
            caller.actor,
            reason,
        )
    return NumberForgotten(**asdict(done))


@router.get(
    "/sealing",
    summary="Tell which keys are in use",
    responses=problems(*ANY_CALL),
)
async def read_sealing(context: Ctx, _: AdminCaller) -> SealingShown:
    """Count what each sealing key has sealed.

    Workers seal everything anew with the first of `UNBIND_SECRET_KEYS`, each hour and
    when they start. A key that seals nothing any more can be taken out.
    """
    async with context.engine.connect() as db:
        return SealingShown(
            key=context.runtime.sealer.key_id,
            orders=await count_by_key(db),
            clearances=await count_numbers(db),
            reports=await count_reports(db),
            secrets=await count_secrets(db),
        )
