"""Make the past: carriers, platforms, endpoints and keys that are there already."""

from dataclasses import dataclass
from datetime import datetime

from tests.support.clock import NOON
from tests.support.sealing import SEALER
from unbind_broker.base.database import Db
from unbind_broker.base.network_guard import UrlPolicy
from unbind_broker.carriers import service as carrier_service
from unbind_broker.carriers.service import Carrier, NewCarrier
from unbind_broker.endpoints import service as endpoint_service
from unbind_broker.endpoints.choice import EndpointChoice
from unbind_broker.endpoints.endpoint import Endpoint, Owner
from unbind_broker.endpoints.secrets import EndpointSecrets
from unbind_broker.endpoints.service import EndpointTools
from unbind_broker.endpoints.states import Delivery, PausedBy, url_to_verify
from unbind_broker.keys import service as key_service
from unbind_broker.keys.service import Holder, IssuedKey
from unbind_broker.keys.tables import Role
from unbind_broker.platforms import service as platform_service
from unbind_broker.platforms.profile import Profile
from unbind_broker.platforms.service import Platform

PAST = "test"
"""Who did all this, in the audit trail."""

TOOLS = EndpointTools(EndpointSecrets(SEALER), UrlPolicy(allow_private=True))


async def a_carrier(
    db: Db, slug: str = "china-mobile", *, suspended: bool = False, now: datetime = NOON
) -> Carrier:
    new = NewCarrier(slug=slug, name_zh=f"{slug} 运营商", name_en=f"{slug} carrier")
    carrier = await carrier_service.add(db, now, new, PAST)
    if suspended:
        carrier = await carrier_service.suspend(db, now, slug, PAST) or carrier
    return carrier


async def a_platform(
    db: Db,
    slug: str = "weibo",
    *,
    category: str = "social",
    sensitive: bool = False,
    capabilities: tuple[str, ...] = ("detach",),
    cancel_url: str | None = None,
    suspended: bool = False,
    now: datetime = NOON,
) -> Platform:
    """Its only domain is ``<slug>.com``."""
    profile = Profile(
        name_zh=f"{slug} 平台",
        name_en=f"{slug} platform",
        category=category,
        sensitive=sensitive,
        domains=(f"{slug}.com",),
        capabilities=capabilities,
        cancel_url=cancel_url,
    )
    platform = await platform_service.add(db, now, slug, profile, PAST)
    if suspended:
        platform = await platform_service.suspend(db, now, slug, PAST) or platform
    return platform


def owner_of(holder: Carrier | Platform) -> Owner:
    if isinstance(holder, Carrier):
        return Owner(holder.slug, carrier_id=holder.id)
    return Owner(holder.slug, platform_id=holder.id)


@dataclass(frozen=True)
class AnEndpoint:
    endpoint: Endpoint
    secret: str
    """``whsec_…``; empty for delivery pull."""


async def an_endpoint(
    db: Db,
    holder: Carrier | Platform,
    url: str | None = None,
    *,
    delivery: Delivery = Delivery.PUSH,
    verified: bool = True,
    paused_by: PausedBy | None = None,
    disabled: str | None = None,
    max_batch: int = 50,
    max_concurrency: int = 4,
    max_rate: float | None = None,
    result_public_key: str | None = None,
    now: datetime = NOON,
) -> AnEndpoint:
    """``url`` left out: one that nobody answers, or none for delivery pull."""
    owner = owner_of(holder)
    if delivery is Delivery.PUSH:
        url = url or f"https://hooks.{holder.slug}.com/unbind"
    choice = EndpointChoice(
        url=url,
        delivery=delivery,
        max_batch=max_batch,
        max_concurrency=max_concurrency,
        max_rate=max_rate,
        result_public_key=result_public_key,
    )
    made = await endpoint_service.register(db, now, owner, choice, TOOLS, PAST)
    endpoint = made.endpoint
    if url is not None and verified:
        url = url_to_verify(endpoint)  # its normal form
        endpoint = await endpoint_service.mark_verified(db, now, owner, url, PAST)
    if paused_by is not None:
        endpoint = await endpoint_service.pause(db, now, owner, paused_by, PAST)
    if disabled is not None:
        await endpoint_service.disable(
            db, now, endpoint.id, str(endpoint.url), disabled, PAST
        )
        endpoint = await endpoint_service.require(db, owner)
    return AnEndpoint(endpoint, made.secret.text if made.secret else "")


async def a_key(
    db: Db,
    holder: Carrier | Platform | Role,
    name: str = "a key",
    *,
    expires_at: datetime | None = None,
    revoked: bool = False,
    now: datetime = NOON,
) -> IssuedKey:
    """``holder`` is a carrier, a platform, or ``Role.ADMIN`` or ``Role.AUDITOR``."""
    match holder:
        case Carrier():
            held = Holder(Role.CARRIER, carrier_id=holder.id)
        case Platform():
            held = Holder(Role.PLATFORM, platform_id=holder.id)
        case _:
            held = Holder(holder)
    issued = await key_service.issue(db, now, held, name, expires_at, PAST)
    if revoked:
        await key_service.revoke(db, now, issued.id, PAST)
    return issued
