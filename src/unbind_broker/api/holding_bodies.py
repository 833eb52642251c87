"""What carriers tell about their numbers, and what each line is answered."""

from typing import Annotated, Any

from fastapi.exceptions import RequestValidationError
from pydantic import Field, TypeAdapter, ValidationError

from unbind_broker.api.fields import AnswerModel, Day, Lax, RequestModel
from unbind_broker.api.order_bodies import Number
from unbind_broker.holdings.rejections import REJECTIONS
from unbind_broker.holdings.states import HoldingEvent
from unbind_broker.intake.holding_lines import LINE_CODES, LineStatus

MOST_JSON_LINES = 1000


class HoldingLineBody(RequestModel):
    """What happened to one number. Described here, read line by line."""

    number: Number
    event: Annotated[HoldingEvent, Lax] = Field(examples=["disconnected"])
    on: Day = Field(description="The day on which it happened, not in the future.")


class HoldingsBody(RequestModel):
    """Lines in the order in which things happened."""

    holdings: list[Any] = Field(min_length=1, max_length=MOST_JSON_LINES)


class LineShown(AnswerModel):
    """What became of one line."""

    line: int = Field(examples=[1], description="Counted from 1, the header included.")
    status: LineStatus = Field(examples=["recorded"])
    code: str | None = Field(
        default=None,
        examples=["holding-unknown"],
        description="Why it was rejected: "
        + ", ".join(
            f"`{code}`" for code in (*LINE_CODES, *(r.code for r in REJECTIONS))
        )
        + ".",
    )
    detail: str | None = Field(
        default=None, examples=["no holding of yours is known for this number"]
    )


class HoldingsTold(AnswerModel):
    """How many lines were recorded, told nothing new, or were rejected."""

    recorded: int = Field(examples=[1])
    duplicates: int = Field(examples=[0])
    rejected: int = Field(examples=[0])
    results: list[LineShown] = Field(
        description="One per line; for streams only the first 1,000 of those that were "
        "not recorded."
    )


def parse_body(body: bytes) -> list[Any]:
    """Read a JSON body's lines; raises ``RequestValidationError``."""
    try:
        told = _ANYTHING.validate_json(body)
        if isinstance(told, dict) and "holdings" not in told:
            return [told]
        whole = told if isinstance(told, dict) else {"holdings": told}
        return HoldingsBody.model_validate(whole).holdings
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        raise RequestValidationError(
            [{**fault, "loc": ("body", *fault["loc"])} for fault in faults]
        ) from None


_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)
_EXAMPLE = {"number": "+8613800001234", "event": "disconnected", "on": "2026-11-20"}


def _line() -> dict[str, Any]:
    """Describe a line where it stands: the document knows no ``$defs`` of bodies."""
    schema = HoldingLineBody.model_json_schema()
    events, event = schema.pop("$defs"), schema["properties"]["event"]
    named = str(event.pop("$ref")).removeprefix("#/$defs/")
    schema["properties"]["event"] = {**events[named], **event}
    return schema


_LINE = _line()


def _described() -> dict[str, Any]:
    whole = HoldingsBody.model_json_schema()
    whole["properties"]["holdings"]["items"] = _LINE
    bare = {**whole["properties"]["holdings"], "title": "Bare list"}
    text = {"type": "string"}
    line = f"{_EXAMPLE['number']},{_EXAMPLE['event']},{_EXAMPLE['on']}"
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"anyOf": [whole, bare, _LINE]},
                    "examples": {"disconnected": {"value": {"holdings": [_EXAMPLE]}}},
                },
                "application/x-ndjson": {
                    "schema": text,
                    "examples": {
                        "disconnected": {
                            "value": '{"number": "+8613800001234", '
                            '"event": "disconnected", "on": "2026-11-20"}\n'
                        }
                    },
                },
                "text/csv": {
                    "schema": text,
                    "examples": {
                        "disconnected": {"value": f"number,event,on\n{line}\n"}
                    },
                },
            },
        }
    }


REQUEST_BODY = _described()
"""For the OpenAPI document: the route reads the body itself."""
