"""Who a key speaks for: what a developer wants to see first."""

from fastapi import APIRouter
from pydantic import Field

from unbind_broker.api.callers import AnyCaller, owner_of
from unbind_broker.api.context import Ctx
from unbind_broker.api.endpoint_shown import EndpointShown, show_endpoint
from unbind_broker.api.fields import AnswerModel, ShownInstant
from unbind_broker.api.problems import problems
from unbind_broker.base.database import Db
from unbind_broker.carriers import service as carriers
from unbind_broker.carriers.tables import real_slug
from unbind_broker.endpoints import service as endpoints
from unbind_broker.keys import service as keys
from unbind_broker.keys.service import Caller
from unbind_broker.keys.tables import Role
from unbind_broker.platforms import service as platforms

router = APIRouter(prefix="/v1/me", tags=["me"])


class Party(AnswerModel):
    """The carrier or platform that the key speaks for."""

    slug: str = Field(examples=["china-mobile"])
    name_zh: str = Field(examples=["中国移动"])
    name_en: str = Field(examples=["China Mobile"])
    status: str = Field(examples=["active"])


class OwnKey(AnswerModel):
    """The key that was sent."""

    id: int = Field(examples=[12])
    name: str = Field(examples=["billing back end, production"])
    hint: str = Field(examples=["x3Qd"], description="Its last characters.")
    created_at: ShownInstant
    expires_at: ShownInstant | None = Field(description="null: never.")


class RateLimit(AnswerModel):
    """How often this party may call each process of the service."""

    per_second: float = Field(examples=[100.0])
    burst: int = Field(examples=[500])


class Me(AnswerModel):
    """Who this key speaks for."""

    role: Role = Field(examples=["carrier"])
    sandbox: bool = Field(
        examples=[False],
        description="You rehearse with this key: nothing that you ask or are told is "
        "real.",
    )
    carrier: Party | None
    platform: Party | None
    key: OwnKey
    rate_limit: RateLimit
    endpoint: EndpointShown | None = Field(description="null: none is registered.")


@router.get(
    "",
    summary="See who you are",
    responses=problems("unauthenticated", "rate-limited", "database-unavailable"),
)
async def read_me(context: Ctx, caller: AnyCaller) -> Me:
    """See who your key speaks for, how often you may call, and how your endpoint is.

    Answers a suspended party too: its `status` says so.
    """
    async with context.engine.connect() as db:
        key = await keys.find(db, caller.key_id)
        carrier = await _carrier(db, caller)
        platform = await _platform(db, caller)
        endpoint = await _endpoint(db, caller)
    if key is None:
        raise LookupError(f"key {caller.key_id} was deleted; keys are only revoked")
    pace = context.rates.pace_of(caller.actor)
    return Me(
        role=caller.role,
        sandbox=caller.sandbox,
        carrier=carrier,
        platform=platform,
        key=OwnKey(
            id=key.id,
            name=key.name,
            hint=key.hint,
            created_at=key.created_at,
            expires_at=key.expires_at,
        ),
        rate_limit=RateLimit(per_second=pace.rate, burst=pace.burst),
        endpoint=endpoint,
    )


async def _carrier(db: Db, caller: Caller) -> Party | None:
    slug = caller.carrier_slug
    carrier = None if slug is None else await carriers.find(db, slug, or_twin=True)
    if carrier is None:
        return None
    return Party(
        slug=real_slug(carrier.slug),
        name_zh=carrier.name_zh,
        name_en=carrier.name_en,
        status=carrier.status,
    )


async def _platform(db: Db, caller: Caller) -> Party | None:
    slug = caller.platform_slug
    platform = None if slug is None else await platforms.find(db, slug)
    if platform is None:
        return None
    return Party(
        slug=platform.slug,
        name_zh=platform.profile.name_zh,
        name_en=platform.profile.name_en,
        status=platform.status,
    )


async def _endpoint(db: Db, caller: Caller) -> EndpointShown | None:
    if caller.role not in {Role.CARRIER, Role.PLATFORM}:
        return None
    endpoint = await endpoints.find(db, owner_of(caller))
    return None if endpoint is None else show_endpoint(endpoint, EndpointShown)
