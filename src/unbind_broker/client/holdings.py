"""Tell who holds numbers (持有记录): a few, or as many as there are."""

import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from pydantic import Field

from unbind_broker.client.calls import Call, Calls
from unbind_broker.client.shapes import Shape, read
from unbind_broker.client.sources import NDJSON, packed

PATH = "/v1/holdings"
LINES_A_CALL = 10_000
MOST_SHOWN = 1000


@dataclass(frozen=True, slots=True)
class HoldingLine:
    """What happened to a number, such as ``activated`` or ``disconnected``."""

    number: str = field(repr=False)
    event: str
    on: date


class LineTold(Shape):
    """What became of one line, counted from 1."""

    line: int
    status: str
    code: str | None = None
    detail: str | None = None


class HoldingsTold(Shape):
    """How many lines were recorded, told nothing new, or were rejected."""

    recorded: int = 0
    duplicates: int = 0
    rejected: int = 0
    results: list[LineTold] = Field(default_factory=list)


class Holdings:
    """Tell them in the order in which things happened."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def tell(
        self, lines: Sequence[HoldingLine], *, idempotency_key: str | None = None
    ) -> HoldingsTold:
        """Tell up to 1,000 lines; each has its result."""
        call = Call("POST", PATH).with_json({"holdings": [_row(one) for one in lines]})
        answer = await self._calls.make(call.once(idempotency_key))
        return read(HoldingsTold, answer.content)

    async def stream(
        self,
        lines: Iterable[HoldingLine] | AsyncIterable[HoldingLine],
        lines_a_call: int = LINES_A_CALL,
    ) -> HoldingsTold:
        """Tell any number of lines, in constant memory, some thousands a call.

        A call that breaks off is made again: what stood already then counts as a
        duplicate. ``results`` holds the first 1,000 lines that were not recorded.
        """
        whole, before = HoldingsTold(), 0
        async for content, count in packed(_written(lines), lines_a_call):
            call = Call("POST", PATH).with_content(content, NDJSON)
            answer = await self._calls.make(call)
            whole = _added(whole, read(HoldingsTold, answer.content), before)
            before += count
        return whole


async def _written(
    lines: Iterable[HoldingLine] | AsyncIterable[HoldingLine],
) -> AsyncIterator[bytes]:
    if isinstance(lines, AsyncIterable):
        async for one in lines:
            yield json.dumps(_row(one)).encode()
    else:
        for one in lines:
            yield json.dumps(_row(one)).encode()


def _row(line: HoldingLine) -> dict[str, str]:
    return {"number": line.number, "event": line.event, "on": line.on.isoformat()}


def _added(whole: HoldingsTold, part: HoldingsTold, before: int) -> HoldingsTold:
    moved = [one.model_copy(update={"line": one.line + before}) for one in part.results]
    return HoldingsTold(
        recorded=whole.recorded + part.recorded,
        duplicates=whole.duplicates + part.duplicates,
        rejected=whole.rejected + part.rejected,
        results=[*whole.results, *moved][:MOST_SHOWN],
    )
