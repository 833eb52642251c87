"""The state machine of an endpoint: where it stands, and what each verb makes of it.

    unverified -> active <-> paused      (only the side that paused resumes)
                  active -> disabled -> active, by being verified again

A verified endpoint that is moved keeps working as it is until its new URL is verified.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar, assert_never

from unbind_broker.base.coded_enum import CodedEnum
from unbind_broker.base.errors import BrokerError


class EndpointStatus(CodedEnum):
    """Whether the broker posts to an endpoint."""

    UNVERIFIED = ("unverified", 1)  # no items are made for it
    ACTIVE = ("active", 2)
    PAUSED = ("paused", 3)  # items wait until their own deadline
    DISABLED = ("disabled", 4)  # as paused, until verified again


class Delivery(CodedEnum):
    """Whether the broker posts or the owner fetches."""

    PUSH = ("push", 1)
    PULL = ("pull", 2)


class PausedBy(CodedEnum):
    """Which side paused an endpoint; only that side resumes it."""

    OWNER = ("owner", 1)
    ADMIN = ("admin", 2)


class EndpointNotVerified(BrokerError):
    """Nothing is sent to an endpoint before it is verified."""

    code = "endpoint-not-verified"
    title = "This endpoint is not verified"


class EndpointDisabled(BrokerError):
    """Only verifying brings a disabled endpoint back."""

    code = "endpoint-disabled"
    title = "This endpoint is disabled"


class PausedByOtherSide(BrokerError):
    """Only the side that paused an endpoint resumes it."""

    code = "paused-by-other-side"
    title = "The other side paused this endpoint"


class EndpointChanged(BrokerError):
    """The URL that was verified is not the endpoint's any more."""

    code = "endpoint-changed"
    title = "The endpoint was changed meanwhile"


class EndpointIsPull(BrokerError):
    """Nothing is ever posted to an endpoint of delivery ``pull``."""

    code = "endpoint-is-pull"
    title = "This endpoint fetches its items itself"


@dataclass(frozen=True)
class Standing:
    """Where an endpoint stands.

    ``pending_url`` waits to be verified while ``url``, or fetching, goes on.
    """

    delivery: Delivery
    url: str | None
    pending_url: str | None
    status: EndpointStatus
    paused_by: PausedBy | None
    disabled_reason: str | None
    verified_at: datetime | None


AnyStanding = TypeVar("AnyStanding", bound=Standing)


def begin(url: str | None, now: datetime) -> Standing:
    """Register: with a URL to be verified, or without one to fetch at once."""
    pull = url is None
    return Standing(
        delivery=Delivery.PULL if pull else Delivery.PUSH,
        url=url,
        pending_url=None,
        status=EndpointStatus.ACTIVE if pull else EndpointStatus.UNVERIFIED,
        paused_by=None,
        disabled_reason=None,
        verified_at=now if pull else None,
    )


def move(at: AnyStanding, url: str | None, now: datetime) -> AnyStanding:
    """Choose another URL, or None to fetch from now on.

    What was chosen before and is not verified yet is forgotten.
    """
    if url is None:
        if at.delivery is Delivery.PULL:
            return replace(at, pending_url=None)
        fetching = replace(at, delivery=Delivery.PULL, url=None, pending_url=None)
        return _working(fetching, at.verified_at or now)
    if url == at.url:
        return replace(at, pending_url=None)
    if at.verified_at is None:
        return replace(at, url=url)
    return replace(at, pending_url=url)


def url_to_verify(at: Standing) -> str:
    """Return the URL that awaits verification, or the one in use.

    Raises ``EndpointIsPull``.
    """
    url = at.pending_url or at.url
    if url is None:
        raise EndpointIsPull("an endpoint of delivery pull has no URL to post to")
    return url


def verify(at: AnyStanding, url: str, now: datetime) -> AnyStanding:
    """Put a URL that has answered its challenge to use; a paused one stays paused.

    Raises ``EndpointChanged`` if another URL was chosen meanwhile.
    """
    if url not in {at.pending_url, at.url}:
        raise EndpointChanged(
            "the URL was changed while it was being verified; verify the new one"
        )
    pending = None if url == at.pending_url else at.pending_url
    posting = replace(at, delivery=Delivery.PUSH, url=url, pending_url=pending)
    return _working(posting, now)


def pause(at: AnyStanding, by: PausedBy) -> AnyStanding:
    """Hold items back; the administrators' pause replaces the owner's.

    Raises ``EndpointNotVerified``, ``EndpointDisabled`` or ``PausedByOtherSide``.
    """
    _require_in_use(at)
    if at.paused_by is PausedBy.ADMIN and by is PausedBy.OWNER:
        raise PausedByOtherSide("the administrators have paused this endpoint already")
    return replace(at, status=EndpointStatus.PAUSED, paused_by=by)


def resume(at: AnyStanding, by: PausedBy) -> AnyStanding:
    """Let items go out again.

    Raises ``EndpointNotVerified``, ``EndpointDisabled`` or ``PausedByOtherSide``.
    """
    _require_in_use(at)
    if at.paused_by not in {None, by}:
        raise PausedByOtherSide(
            f"this endpoint was paused by its {at.paused_by}, who alone resumes it"
            if at.paused_by is PausedBy.OWNER
            else "this endpoint was paused by the administrators, who alone resume it"
        )
    return replace(at, status=EndpointStatus.ACTIVE, paused_by=None)


def require_posting(at: Standing) -> None:
    """Refuse what means nothing where nothing is posted; a paused one may wait.

    Raises ``EndpointIsPull``, ``EndpointNotVerified`` or ``EndpointDisabled``.
    """
    if at.delivery is Delivery.PULL:
        raise EndpointIsPull("an endpoint of delivery pull fetches, and again too")
    _require_in_use(at)


def disable(at: AnyStanding, reason: str) -> AnyStanding:
    """Stop posting until it is verified again; only an active push one is disabled."""
    if at.status is not EndpointStatus.ACTIVE or at.delivery is Delivery.PULL:
        return at
    return replace(at, status=EndpointStatus.DISABLED, disabled_reason=reason)


def _working(at: AnyStanding, verified_at: datetime) -> AnyStanding:
    paused = at.status is EndpointStatus.PAUSED
    return replace(
        at,
        status=EndpointStatus.PAUSED if paused else EndpointStatus.ACTIVE,
        disabled_reason=None,
        verified_at=verified_at,
    )


def _require_in_use(at: Standing) -> None:
    match at.status:
        case EndpointStatus.UNVERIFIED:
            raise EndpointNotVerified("this endpoint must be verified first")
        case EndpointStatus.DISABLED:
            raise EndpointDisabled(
                f"this endpoint is disabled ({at.disabled_reason}); verify it again"
            )
        case EndpointStatus.ACTIVE | EndpointStatus.PAUSED:
            return
        case _:
            assert_never(at.status)
