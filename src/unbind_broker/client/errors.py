"""What a call can end as: one class for every meaning.

None of them ever holds a number or a key.
"""

from collections.abc import Mapping
from dataclasses import dataclass


class UnbindError(Exception):
    """Anything that this client raises about a call."""


class Unreachable(UnbindError):
    """No answer came; with ``unsent`` the broker cannot have seen the call."""

    def __init__(self, detail: str, *, unsent: bool) -> None:
        super().__init__(detail)
        self.unsent = unsent


class AnswerUnreadable(UnbindError):
    """An answer came that is none of the broker's; its words are not repeated."""


class ReceiptWrong(UnbindError):
    """A receipt does not hold: changed, or signed by somebody else."""


@dataclass(frozen=True, slots=True)
class WrongField:
    """One wrong field; ``pointer`` is a JSON Pointer (RFC 6901) into the body."""

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem document (RFC 9457 §3)."""

    status: int
    code: str
    detail: str
    request_id: str | None = None
    errors: tuple[WrongField, ...] = ()
    retry_after: float | None = None


class Refused(UnbindError):
    """The broker answered with a problem that has no class of its own."""

    def __init__(self, problem: Problem) -> None:
        told = f" (request {problem.request_id})" if problem.request_id else ""
        super().__init__(f"{problem.status} {problem.code}: {problem.detail}{told}")
        self.problem = problem

    @property
    def code(self) -> str:
        """Give the stable name of the problem: the end of its ``type``."""
        return self.problem.code

    @property
    def status(self) -> int:
        """Give the HTTP status."""
        return self.problem.status

    @property
    def request_id(self) -> str | None:
        """Give what to tell whoever runs the broker."""
        return self.problem.request_id

    @property
    def errors(self) -> tuple[WrongField, ...]:
        """Give the fields that are wrong."""
        return self.problem.errors


class Unauthenticated(Refused):
    """The key is missing, malformed, unknown, revoked or expired."""


class WrongRole(Refused):
    """The key is another role's."""


class Suspended(Refused):
    """The carrier is suspended."""


class NotFound(Refused):
    """There is nothing of yours under this id."""


class Invalid(Refused):
    """The request itself is wrong; ``errors`` says where."""


class IdempotencyKeyReused(Refused):
    """The key came with another body before."""


class IdempotencyInProgress(Refused):
    """The first call with this key still runs, after all tries."""


class OwnershipSuperseded(Refused):
    """A later holder of the number is known."""


class UnbindingBraked(Refused):
    """Unbinding is stopped, for this carrier or for all; queries go on."""


class AlreadyCompleted(Refused):
    """The order is done and cannot be cancelled any more."""


class UndoesViolation(Refused):
    """The order undoes a violation and cannot be cancelled."""


class NotCompleted(Refused):
    """The order is not over yet: there is no receipt."""


class NotRestorable(Refused):
    """A platform that was named cannot attach it again."""


class NothingToRestore(Refused):
    """Nothing can be attached again."""


class PlatformsWrong(Refused):
    """A platform is unknown, takes nothing, does not offer it, or none is left."""


class PortedIn(Refused):
    """The number was ported in too long ago, or its date is the port's."""


class QueryUnknown(Refused):
    """There is no query of yours with this id to order by."""


class AttestationWrong(Refused):
    """An attestation is demanded, does not hold, or came before."""


class TooManyOpenOrders(Refused):
    """Too many orders about this number are open already."""


class TooManyOpenClearances(Refused):
    """Too many of your clearances are drafts, in progress or stopped."""


class ClearanceWrong(Refused):
    """The clearance is in no state for that, empty, too large, or busy too long."""


class TooManyRefusals(Refused):
    """Too many numbers of others came from you today; the next day uploads go on."""


class EndpointRefused(Refused):
    """The endpoint is in no state for that, or its URL or answer is refused."""


class RateLimited(Refused):
    """More calls than your rate, after all tries."""


class TooSlow(Refused):
    """The body came too slowly; nothing but what streams tell first was taken."""


class Unavailable(Refused):
    """The broker is too busy or not whole, after all tries."""


class BrokerFault(Refused):
    """The broker failed; what came of the call is not known."""


_BY_CODE: Mapping[str, type[Refused]] = {
    "unauthenticated": Unauthenticated,
    "wrong-role": WrongRole,
    "suspended": Suspended,
    "not-found": NotFound,
    "validation-failed": Invalid,
    "sandbox-number": Invalid,
    "malformed-json": Invalid,
    "body-too-large": Invalid,
    "unsupported-media-type": Invalid,
    "idempotency-key-reused": IdempotencyKeyReused,
    "idempotency-in-progress": IdempotencyInProgress,
    "ownership-superseded": OwnershipSuperseded,
    "unbinding-braked": UnbindingBraked,
    "order-already-completed": AlreadyCompleted,
    "undoes-violation": UndoesViolation,
    "order-not-completed": NotCompleted,
    "not-restorable": NotRestorable,
    "nothing-to-restore": NothingToRestore,
    "platform-unknown": PlatformsWrong,
    "platform-unavailable": PlatformsWrong,
    "no-platforms": PlatformsWrong,
    "action-not-offered": PlatformsWrong,
    "ported-in-not-covered": PortedIn,
    "owner-since-is-port-date": PortedIn,
    "query-unknown": QueryUnknown,
    "attestation-required": AttestationWrong,
    "attestation-invalid": AttestationWrong,
    "attestation-replayed": AttestationWrong,
    "too-many-open-orders": TooManyOpenOrders,
    "too-many-open-clearances": TooManyOpenClearances,
    "clearance-busy": ClearanceWrong,
    "clearance-not-draft": ClearanceWrong,
    "clearance-empty": ClearanceWrong,
    "clearance-not-published": ClearanceWrong,
    "clearance-too-large": ClearanceWrong,
    "too-many-refusals": TooManyRefusals,
    "endpoint-url-refused": EndpointRefused,
    "verification-failed": EndpointRefused,
    "endpoint-not-verified": EndpointRefused,
    "endpoint-disabled": EndpointRefused,
    "endpoint-changed": EndpointRefused,
    "endpoint-is-pull": EndpointRefused,
    "endpoint-is-push": EndpointRefused,
    "paused-by-other-side": EndpointRefused,
    "rate-limited": RateLimited,
    "too-many-failed-keys": RateLimited,
    "request-timeout": TooSlow,
    "overloaded": Unavailable,
    "draining": Unavailable,
    "database-unavailable": Unavailable,
    "schema-outdated": Unavailable,
    "internal-error": BrokerFault,
}
_BY_STATUS: Mapping[int, type[Refused]] = {
    400: Invalid,
    401: Unauthenticated,
    404: NotFound,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: RateLimited,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
"""For codes that are newer than this client, and for proxies that know none."""


def refusal(problem: Problem) -> Refused:
    """Make the exception that says what a problem means."""
    kind = _BY_CODE.get(problem.code) or _BY_STATUS.get(problem.status)
    if kind is None:
        kind = BrokerFault if problem.status >= 500 else Refused  # noqa: PLR2004 - HTTP
    return kind(problem)
