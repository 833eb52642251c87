"""The one root of every error that a caller of the broker may be shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self


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


class InvalidFields(BrokerError):
    """Refuse a request because of some of its fields, and point at each."""

    code: ClassVar[str] = "validation-failed"
    title: ClassVar[str] = "The request is not valid"

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        detail = "; ".join(
            f"{wrong.pointer or 'the body'}: {wrong.detail}" for wrong in errors
        )
        super().__init__(detail, errors)

    @classmethod
    def at(cls, pointer: str, detail: str) -> Self:
        """Point at a single wrong field."""
        return cls((FieldError(pointer, detail),))

    @classmethod
    def check(cls, faults: Mapping[str, str | None]) -> None:
        """Raise if any pointer has a fault; None says that the field is fine."""
        wrong = tuple(
            FieldError(pointer, fault) for pointer, fault in faults.items() if fault
        )
        if wrong:
            raise cls(wrong)
