"""Administrators stop unbinding, of one carrier or of all, and let it go on."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from unbind_broker.api.callers import AdminCaller
from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import (
    AnswerModel,
    CarrierSlug,
    RequestModel,
    ShownInstant,
    Why,
)
from unbind_broker.api.problems import ANY_BODY, ANY_CALL, problems
from unbind_broker.base.database import Db
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.ids import CarrierId
from unbind_broker.base.numbers import clean_free_text
from unbind_broker.callbacks.braking import let_go, stop
from unbind_broker.carriers import brakes, service
from unbind_broker.carriers.brakes import Brake
from unbind_broker.orders.braking import count_braked

router = APIRouter(prefix="/v1/admin/brake", tags=["admin"])


Reason = Annotated[
    Why,
    Field(
        examples=["wrong activation dates since Monday"],
        description="For the audit trail; runs of 7 or more digits are masked. The "
        "carrier is told it when its own brake is engaged.",
    ),
]


class BrakeBody(RequestModel):
    """Whose unbinding to stop, or to let go on."""

    carrier: CarrierSlug | None = Field(
        examples=["china-mobile"],
        description="null: that of all carriers. What `china-mobile` rehearses with "
        "sandbox keys is that of `china-mobile.sandbox`.",
    )
    reason: Reason


class EngagedShown(AnswerModel):
    """A brake that is engaged."""

    reason: str = Field(
        examples=["6 of the newest 240 results were bad"],
        description="Written by whoever engaged it.",
    )
    engaged_at: ShownInstant
    engaged_by: str = Field(
        examples=["broker"], description="`broker` where too many results were bad."
    )


class CarrierBrakeShown(AnswerModel):
    """One carrier that is stopped, or has orders that are held."""

    carrier: str = Field(examples=["china-mobile"])
    brake: EngagedShown | None = Field(
        description="This carrier's own brake. Null: its orders are held by the brake "
        "on all, or about to go."
    )
    held_orders: int = Field(
        examples=[120], description="Its orders that the brake holds at this moment."
    )


class BrakeShown(AnswerModel):
    """Everything that is stopped."""

    everybody: EngagedShown | None = Field(description="The brake on all carriers.")
    carriers: list[CarrierBrakeShown] = Field(description="In the order of slugs.")
    held_orders: int = Field(
        examples=[120], description="All orders that the brake holds at this moment."
    )


@router.get("", summary="See what is stopped", responses=problems(*ANY_CALL))
async def read_brake(context: Ctx, _: AdminCaller) -> BrakeShown:
    """See whose unbinding is stopped, since when, by whom and why."""
    async with context.engine.connect() as db:
        return await _shown(db)


@router.post("", summary="Stop unbinding", responses=problems(*ANY_BODY))
async def engage_brake(
    context: Ctx, caller: AdminCaller, body: BrakeBody
) -> BrakeShown:
    """Stop the unbinding of one carrier, or of all.

    New unbind orders are refused (409 `unbinding-braked`), those under way are held:
    nothing of them is sent any more. What platforms have been asked already, they may
    still answer. Queries and restore orders go on. Doing it again changes nothing.

    The broker does this by itself when too many of a carrier's newest results are
    violations or refusals as `active_after_cutoff`.
    """
    now = context.clock.now()
    async with context.engine.begin() as db:
        carrier_id = await _carrier_id(db, body)
        await stop(db, now, carrier_id, clean_free_text(body.reason), caller.actor)
        return await _shown(db)


@router.post("/release", summary="Let unbinding go on", responses=problems(*ANY_BODY))
async def release_brake(
    context: Ctx, caller: AdminCaller, body: BrakeBody
) -> BrakeShown:
    """Release the brake on one carrier, or the one on all.

    Orders that no other brake holds go on; those past their deadline have expired
    meanwhile. A carrier's results are counted anew from here. Doing it again changes
    nothing.
    """
    now = context.clock.now()
    async with context.engine.begin() as db:
        carrier_id = await _carrier_id(db, body)
        await let_go(db, now, carrier_id, clean_free_text(body.reason), caller.actor)
        return await _shown(db)


async def _carrier_id(db: Db, body: BrakeBody) -> CarrierId | None:
    if body.carrier is None:
        return None
    carrier = await service.find(db, body.carrier, or_twin=True)
    if carrier is None:
        raise InvalidFields.at("/carrier", "this carrier is not registered")
    return carrier.id


async def _shown(db: Db) -> BrakeShown:
    engaged = await brakes.engaged(db)
    held = await count_braked(db)
    own = {one.carrier: _engaged(one) for one in engaged if one.carrier is not None}
    everybody = [_engaged(one) for one in engaged if one.carrier is None]
    return BrakeShown(
        everybody=everybody[0] if everybody else None,
        carriers=[
            CarrierBrakeShown(
                carrier=slug, brake=own.get(slug), held_orders=held.get(slug, 0)
            )
            for slug in sorted({*own, *held})
        ],
        held_orders=sum(held.values()),
    )


def _engaged(brake: Brake) -> EngagedShown:
    return EngagedShown(
        reason=brake.reason, engaged_at=brake.engaged_at, engaged_by=brake.engaged_by
    )
