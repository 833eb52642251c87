"""The one root of every error that a caller of the broker may be shown."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """Point at one wrong field of a request.

    `pointer` is a JSON Pointer (RFC 6901) into the body: `/owner_since`.
    """

    pointer: str
    detail: str


class BrokerError(Exception):
    """Say what was expected and what was found, in words fit for the caller.

    Subclasses set `code` (kebab-case, stable: the end of the problem type of
    RFC 9457) and `title`. The detail never holds a phone number or a secret.
    """

    code: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
