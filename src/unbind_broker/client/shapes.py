"""How answers are read: known fields typed, unknown ones left out."""

from datetime import UTC, datetime
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from unbind_broker.client.errors import AnswerUnreadable


class Shape(BaseModel):
    """What the broker answers.

    Statuses, reasons and types are plain text, so that those of a newer broker survive.
    """

    # The input may hold a number or a secret.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


AnyShape = TypeVar("AnyShape", bound=Shape)


class Page(Shape, Generic[AnyShape]):
    """A part of a list."""

    data: list[AnyShape]
    next_cursor: str | None = None


def read(kind: type[AnyShape], content: bytes | str) -> AnyShape:
    """Read JSON as ``kind``; raises ``AnswerUnreadable``."""
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = "/".join(map(str, first["loc"])) or "the whole"
    raise AnswerUnreadable(f"the answer is not as expected: {where}")


def instant(at: datetime) -> str:
    """Write an instant as RFC 3339 in UTC; raises ``ValueError`` without a zone."""
    if at.tzinfo is None:
        raise ValueError("expected an instant with a time zone")
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
