"""Why a carrier's request is refused, each reason with its own stable code."""

from typing import ClassVar

from unbind_broker.base.errors import BrokerError, FieldError


class PortedInNotCovered(BrokerError):
    """The number was ported in before platforms could be asked about such numbers."""

    code: ClassVar[str] = "ported-in-not-covered"
    title: ClassVar[str] = "Numbers ported in that early are not covered"


class OwnerSinceIsPortDate(BrokerError):
    """The date looks like that of the port, not of the holder's beginning."""

    code: ClassVar[str] = "owner-since-is-port-date"
    title: ClassVar[str] = "owner_since is the date of the port"


class ActionNotOffered(BrokerError):
    """The action is not possible in this scope or at these platforms."""

    code: ClassVar[str] = "action-not-offered"
    title: ClassVar[str] = "This action is not offered"


class PlatformUnknown(BrokerError):
    """A platform that was named is not in the directory."""

    code: ClassVar[str] = "platform-unknown"
    title: ClassVar[str] = "There is no such platform"


class PlatformUnavailable(BrokerError):
    """A platform that was named gets no items at present."""

    code: ClassVar[str] = "platform-unavailable"
    title: ClassVar[str] = "This platform cannot be asked at present"


class NoPlatforms(BrokerError):
    """Nobody is left to be asked."""

    code: ClassVar[str] = "no-platforms"
    title: ClassVar[str] = "No platform is left to ask"


class AttestationRequired(BrokerError):
    """The carrier's requests must be attested, and this one is not."""

    code: ClassVar[str] = "attestation-required"
    title: ClassVar[str] = "An attestation is required"


class AttestationInvalid(BrokerError):
    """The attestation is forged, expired, or says something else than the request."""

    code: ClassVar[str] = "attestation-invalid"
    title: ClassVar[str] = "The attestation does not hold"


class AttestationReplayed(BrokerError):
    """The attestation counted already, for an earlier request."""

    code: ClassVar[str] = "attestation-replayed"
    title: ClassVar[str] = "The attestation was used before"


class QueryUnknown(BrokerError):
    """The query that an order refers to is not this carrier's, or not there."""

    code: ClassVar[str] = "query-unknown"
    title: ClassVar[str] = "There is no such query"

    def __init__(self) -> None:
        wrong = FieldError("/query_id", "expected the id of a query of your own")
        super().__init__(f"{wrong.pointer}: {wrong.detail}", (wrong,))
