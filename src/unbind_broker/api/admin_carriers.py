"""Administrators register carriers, change them, suspend them."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field

from unbind_broker.api.callers import AdminCaller
from unbind_broker.api.context import Context, Ctx
from unbind_broker.api.fields import AnswerModel, Name, RequestModel, ShownInstant, Slug
from unbind_broker.api.pages import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    cut_page,
    read_cursor,
    slug_key,
)
from unbind_broker.api.paths import SlugInPath
from unbind_broker.api.problems import ANY_BODY, ANY_CALL, NotFound, problems
from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId
from unbind_broker.carriers import service
from unbind_broker.carriers.brakes import Stopped, stopped
from unbind_broker.carriers.service import Carrier, CarrierChanges, NewCarrier
from unbind_broker.carriers.tables import CarrierStatus
from unbind_broker.deadlines.suspending import MOST_AT_ONCE, call_back_suspended
from unbind_broker.holdings.refused import refused_on

router = APIRouter(prefix="/v1/admin/carriers", tags=["admin"])


_JWKS = {
    "keys": [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "kid": "2026",
        }
    ]
}
_JWKS_MEANING = (
    "Public keys that check its attestations (a JWK set, RFC 7517): Ed25519 or P-256, "
    "each with a kid. Given inline, never fetched."
)
_REQUIRED_MEANING = "Whether its queries and orders must carry an attestation."


class CarrierBody(RequestModel):
    """A carrier to be registered."""

    slug: Slug = Field(examples=["china-mobile"], description="Never changes.")
    name_zh: Name | None = Field(
        default=None, examples=["中国移动"], description="Left out: the slug."
    )
    name_en: Name | None = Field(
        default=None, examples=["China Mobile"], description="Left out: the slug."
    )
    jwks: dict[str, Any] | None = Field(
        default=None, examples=[_JWKS], description=_JWKS_MEANING
    )
    attestation_required: bool = Field(default=False, description=_REQUIRED_MEANING)


class CarrierPatch(RequestModel):
    """New names, keys and demands; what is left out stays."""

    # The defaults never count: only what was sent is a change.
    name_zh: Name = Field(default_factory=str, examples=["中国移动"])
    name_en: Name = Field(default_factory=str, examples=["China Mobile"])
    jwks: dict[str, Any] = Field(
        default_factory=dict,
        examples=[_JWKS],
        description=f"{_JWKS_MEANING} Replaces the whole set.",
    )
    attestation_required: bool = Field(
        default_factory=bool, description=_REQUIRED_MEANING
    )


class CarrierShown(AnswerModel):
    """A carrier (运营商): it attests who holds a number since when."""

    slug: str = Field(examples=["china-mobile"])
    name_zh: str = Field(examples=["中国移动"])
    name_en: str = Field(examples=["China Mobile"])
    status: CarrierStatus = Field(examples=["active"])
    created_at: ShownInstant
    changed_at: ShownInstant
    jwks: dict[str, Any] | None = Field(examples=[_JWKS], description=_JWKS_MEANING)
    attestation_required: bool = Field(description=_REQUIRED_MEANING)
    braked: bool = Field(
        description="Whether its unbinding is stopped, by its own brake or by the one "
        "on all; see `GET /v1/admin/brake`."
    )
    refused_today: int = Field(
        examples=[0],
        description="Lines and requests refused today because somebody else holds the "
        "number. Many of them look guessed; the trail has them.",
    )


class CarrierPage(Page[CarrierShown]):
    """Carriers in the order of their slugs."""


@router.post(
    "",
    status_code=201,
    summary="Register a carrier",
    responses=problems(*ANY_BODY, "slug-taken"),
)
async def add_carrier(
    context: Ctx, caller: AdminCaller, body: CarrierBody, response: Response
) -> CarrierShown:
    """Register a carrier. It can call as soon as a key is issued to it."""
    new = NewCarrier(
        body.slug,
        body.name_zh or body.slug,
        body.name_en or body.slug,
        body.jwks,
        body.attestation_required,
    )
    async with context.engine.begin() as db:
        carrier = await service.add(db, context.clock.now(), new, caller.actor)
        response.headers["Location"] = f"/v1/admin/carriers/{carrier.slug}"
        return await _show(context, db, carrier)


@router.get("", summary="List carriers", responses=problems(*ANY_CALL))
async def list_carriers(
    context: Ctx,
    _: AdminCaller,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> CarrierPage:
    """List carriers in the order of their slugs."""
    after = read_cursor(cursor, slug_key)
    async with context.engine.connect() as db:
        rows = await service.list_page(db, after, limit + 1)
        now_stopped = await stopped(db)
        refused = await _refused_today(context, db)
    carriers, following = cut_page(rows, limit, lambda carrier: carrier.slug)
    return CarrierPage(
        data=[_shown(one, now_stopped, refused) for one in carriers],
        next_cursor=following,
    )


@router.get(
    "/{slug}", summary="Read a carrier", responses=problems(*ANY_CALL, "not-found")
)
async def read_carrier(context: Ctx, _: AdminCaller, slug: SlugInPath) -> CarrierShown:
    """Read one carrier."""
    async with context.engine.connect() as db:
        return await _show(context, db, await service.find(db, slug))


@router.patch(
    "/{slug}", summary="Change a carrier", responses=problems(*ANY_BODY, "not-found")
)
async def change_carrier(
    context: Ctx, caller: AdminCaller, slug: SlugInPath, body: CarrierPatch
) -> CarrierShown:
    """Change a carrier's names, its attestation keys, or whether it must attest.

    Its slug stays for ever. A key that is taken out checks nothing any more; leave the
    old one in until the orders that it attested are over.
    """
    changes = CarrierChanges(**body.model_dump(exclude_unset=True))
    now = context.clock.now()
    async with context.engine.begin() as db:
        return await _show(
            context, db, await service.change(db, now, slug, changes, caller.actor)
        )


@router.post(
    "/{slug}/suspend",
    summary="Suspend a carrier",
    responses=problems(*ANY_CALL, "not-found"),
)
async def suspend_carrier(
    context: Ctx, caller: AdminCaller, slug: SlugInPath
) -> CarrierShown:
    """Refuse the carrier's calls from now on (403). Doing it again changes nothing.

    What it has open is cancelled, queries and unbind orders alike, their items with the
    reason `carrier_suspended`: the first 500 before this call is answered, the others
    by the workers soon after. Restore orders go on: they undo harm.
    """
    now = context.clock.now()
    async with context.engine.begin() as db:
        carrier = await service.suspend(db, now, slug, caller.actor)
        shown = await _show(context, db, carrier)
    if carrier is not None:
        async with context.engine.begin() as db:
            ids = [carrier.id]
            await call_back_suspended(db, now, ids, MOST_AT_ONCE, caller.actor)
    return shown


@router.post(
    "/{slug}/resume",
    summary="Resume a carrier",
    responses=problems(*ANY_CALL, "not-found"),
)
async def resume_carrier(
    context: Ctx, caller: AdminCaller, slug: SlugInPath
) -> CarrierShown:
    """Take a suspended carrier's calls again. Doing it again changes nothing."""
    now = context.clock.now()
    async with context.engine.begin() as db:
        return await _show(
            context, db, await service.resume(db, now, slug, caller.actor)
        )


async def _show(context: Context, db: Db, carrier: Carrier | None) -> CarrierShown:
    if carrier is None:
        raise NotFound("no carrier is registered under this slug")
    refused = await _refused_today(context, db)
    return _shown(carrier, await stopped(db), refused)


async def _refused_today(context: Context, db: Db) -> dict[CarrierId, int]:
    today = context.clock.now().astimezone(context.settings.zone).date()
    return await refused_on(db, today)


def _shown(
    carrier: Carrier, now_stopped: Stopped, refused: Mapping[CarrierId, int]
) -> CarrierShown:
    return CarrierShown(
        slug=carrier.slug,
        name_zh=carrier.name_zh,
        name_en=carrier.name_en,
        status=carrier.status,
        created_at=carrier.created_at,
        changed_at=carrier.changed_at,
        jwks=None if carrier.jwks is None else dict(carrier.jwks),
        attestation_required=carrier.attestation_required,
        braked=now_stopped.holds(carrier.id),
        refused_today=refused.get(carrier.id, 0),
    )
