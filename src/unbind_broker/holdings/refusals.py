"""Why a claim is refused, each reason with its own stable code."""

from typing import ClassVar

from unbind_broker.base.errors import BrokerError, FieldError


class OwnershipSuperseded(BrokerError):
    """A later holder of the number is known; never says since when, or where.

    ``number_index`` is for the audit trail.
    """

    code: ClassVar[str] = "ownership-superseded"
    title: ClassVar[str] = "A later holder of this number is known"

    def __init__(self, number_index: bytes) -> None:
        self.number_index = number_index
        super().__init__(
            "a later holder of this number is known than the one who has held it since "
            "owner_since"
        )


class SinceIsKnownPort(BrokerError):
    """The carrier itself told that the number was ported in on this day."""

    code: ClassVar[str] = "owner-since-is-port-date"
    title: ClassVar[str] = "owner_since is the date of the port"

    def __init__(self) -> None:
        wrong = FieldError(
            "/owner_since",
            "you told that the number was ported in on this day; expected the first "
            "day on which the holder held it at any carrier",
        )
        super().__init__(wrong.detail, (wrong,))
