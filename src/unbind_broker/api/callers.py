"""Who calls: a key is looked up at every request, so a revoked one dies at once."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from unbind_broker.api.buckets import address_of
from unbind_broker.api.connections import reading_for
from unbind_broker.api.context import Context, Ctx
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.ids import CarrierId, PlatformId
from unbind_broker.endpoints.endpoint import Owner
from unbind_broker.keys.service import Caller, looks_like_key
from unbind_broker.keys.tables import Role


class Unauthenticated(BrokerError):
    """There is no valid key."""

    code = "unauthenticated"
    title = "No valid API key"
    headers = {"WWW-Authenticate": 'Bearer realm="unbind-broker"'}  # noqa: RUF012 - never changed


class WrongRole(BrokerError):
    """The key's role may not do this."""

    code = "wrong-role"
    title = "This key has another role"


class Suspended(BrokerError):
    """The key's holder is suspended."""

    code = "suspended"
    title = "The holder of this key is suspended"


_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="api_key",
    description="A key such as `ub_carrier_…`, issued by the administrators.",
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


async def any_caller(
    request: Request, context: Ctx, credentials: Credentials
) -> Caller:
    """Find out who calls; 401 for anything but a living key."""
    if credentials is None or not looks_like_key(credentials.credentials):
        _note_failure(request, context, credentials)
        raise Unauthenticated("expected the header 'Authorization: Bearer ub_<role>_…'")
    caller = await context.keys.find(credentials.credentials)
    if caller is None:
        context.door.known.forget(credentials.credentials)
        _note_failure(request, context, credentials)
        raise Unauthenticated("this key is unknown, revoked or expired")
    state = request.scope["state"]
    state["caller"] = caller.actor
    state["rehearses"] = caller.sandbox
    reading_for.set(caller.actor)
    if "quota" not in state:
        context.door.known.remember(credentials.credentials, caller)
        state["quota"] = context.rates.see(caller.actor)
        state["quota"] = context.rates.take(caller.actor)
    return caller


def _note_failure(request: Request, context: Context, credentials: Credentials) -> None:
    if credentials is not None:
        context.failed_keys.note(address_of(request), credentials.credentials)


def _allow(
    *roles: Role, suspended: bool = False
) -> Callable[[Caller], Awaitable[Caller]]:
    async def check(caller: Annotated[Caller, Depends(any_caller)]) -> Caller:
        if caller.role not in roles:
            wanted = " or ".join(roles)
            raise WrongRole(
                f"this needs a key of role {wanted}, yours is {caller.role}"
            )
        if caller.suspended and not suspended:
            raise Suspended(f"{caller.actor} is suspended by the administrators")
        return caller

    return check


AnyCaller = Annotated[Caller, Depends(any_caller)]
"""Whoever has a living key, suspended or not."""
ActiveCaller = Annotated[Caller, Depends(_allow(*Role))]
CarrierCaller = Annotated[Caller, Depends(_allow(Role.CARRIER))]
PlatformCaller = Annotated[Caller, Depends(_allow(Role.PLATFORM))]
ReportingPlatform = Annotated[Caller, Depends(_allow(Role.PLATFORM, suspended=True))]
"""A platform that reports: results are taken from a suspended one too."""
EndpointOwner = Annotated[Caller, Depends(_allow(Role.CARRIER, Role.PLATFORM))]
AdminCaller = Annotated[Caller, Depends(_allow(Role.ADMIN))]
AuditorCaller = Annotated[Caller, Depends(_allow(Role.AUDITOR))]
AuditCaller = Annotated[Caller, Depends(_allow(Role.ADMIN, Role.AUDITOR))]


def carrier_of(caller: Caller) -> CarrierId:
    """Return the carrier that a key of role ``carrier`` speaks for."""
    if caller.carrier_id is None:
        raise AssertionError("a carrier's key without its carrier")
    return caller.carrier_id


def platform_of(caller: Caller) -> PlatformId:
    """Return the platform that a key of role ``platform`` speaks for."""
    if caller.platform_id is None:
        raise AssertionError("a platform's key without its platform")
    return caller.platform_id


def owner_of(caller: Caller) -> Owner:
    """Return whose endpoint a key of a carrier or platform manages."""
    slug = caller.carrier_slug or caller.platform_slug or ""
    return Owner(slug, platform_id=caller.platform_id, carrier_id=caller.carrier_id)
