"""Field types of request and answer bodies: strict, and explained in the document."""

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from unbind_broker.base.instants import parse_instant, show_instant

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class RequestModel(BaseModel):
    """A request body: unknown fields are refused, nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AnswerModel(BaseModel):
    """An answer body, for the OpenAPI document and for writing it."""

    model_config = ConfigDict(frozen=True)


def _date(value: object) -> object:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError("expected a date such as 2025-03-01")


def _instant(value: object) -> object:
    found = parse_instant(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("expected an instant such as 2026-11-21T08:00:00Z")
    return found


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("expected text without control characters")
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("expected words")
    return value


def _schema(kind: str, example: str) -> dict[str, Any]:
    return {"type": "string", "format": kind, "examples": [example]}


Day = Annotated[
    date,
    BeforeValidator(_date),
    WithJsonSchema(_schema("date", "2025-03-01")),
]
Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema(_schema("date-time", "2026-11-21T08:00:00Z")),
]
ShownInstant = Annotated[
    datetime,
    PlainSerializer(show_instant, return_type=str),
    WithJsonSchema(_schema("date-time", "2026-11-21T08:00:00Z")),
]
PRINTABLE = AfterValidator(_printable)
"""Comes after length limits, which then speak of characters."""
Slug = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", min_length=1, max_length=64),
]
CarrierSlug = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*(\.sandbox)?$", min_length=1, max_length=72
    ),
]
"""Whose it is; what a carrier rehearses is that of ``<slug>.sandbox``."""
Name = Annotated[
    str, StringConstraints(min_length=1, max_length=100), AfterValidator(_printable)
]
Why = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    PRINTABLE,
    AfterValidator(_not_blank),
]
"""A reason in words, for the audit trail."""
Lax = Field(strict=False)
"""For enumerated words: ``Annotated[Role, Lax]`` takes the word itself."""
