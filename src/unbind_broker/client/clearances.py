"""Have numbers in quarantine cleared before they are sold again (批量焕新)."""

import json
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Iterable,
    Sequence,
)
from contextlib import aclosing

import httpx

from unbind_broker.client.calls import Call, Calls
from unbind_broker.client.clearance_shapes import (
    Clearance,
    ClearancePage,
    ListedClearance,
    NumberResult,
    PutPart,
    Quarantined,
    Withdrawal,
)
from unbind_broker.client.errors import Unreachable
from unbind_broker.client.lists import chosen, read_all
from unbind_broker.client.placing import plain
from unbind_broker.client.shapes import read
from unbind_broker.client.sources import NDJSON, packed
from unbind_broker.client.sse import lines_of

PATH = "/v1/clearances"
LINES_A_PART = 20_000
STORING_SECONDS = 60.0
"""How much longer than usual a part may take to be stored."""


class Clearances:
    """Begin, fill, publish, watch, withdraw."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def begin(
        self, reference: str | None = None, *, idempotency_key: str | None = None
    ) -> Clearance:
        """Make a draft without numbers."""
        call = Call("POST", PATH).with_json(chosen(reference=reference))
        answer = await self._calls.make(call.once(idempotency_key))
        return read(Clearance, answer.content)

    async def get(self, clearance_id: str) -> Clearance:
        """Read where it stands."""
        answer = await self._calls.make(Call("GET", _at(clearance_id)))
        return read(Clearance, answer.content)

    def list(self, *, status: str | None = None) -> AsyncIterator[ListedClearance]:
        """Give your clearances, newest first."""
        call = Call("GET", PATH, chosen(status=status))
        return read_all(self._calls, call, ClearancePage)

    async def put_part(
        self, clearance_id: str, part: int, numbers: Sequence[Quarantined]
    ) -> PutPart:
        """Put one part of a draft's numbers in, or replace it.

        The same content gets the same answer, so a broken upload is sent again.
        """
        lines = b"".join(line + b"\n" for line in map(_line, numbers))
        return await self._put(clearance_id, part, lines)

    async def fill(
        self,
        clearance_id: str,
        numbers: Iterable[Quarantined] | AsyncIterable[Quarantined],
        lines_a_part: int = LINES_A_PART,
    ) -> AsyncGenerator[PutPart, None]:
        """Put any number of numbers in, in constant memory, as parts counted from 1.

        Gives what became of each part; lines are counted within it. After a crash do
        the same again, with the same numbers in the same order: what was stored stays.
        """
        part = 0
        async for content, _ in packed(_lines(numbers), lines_a_part):
            part += 1
            yield await self._put(clearance_id, part, content)

    async def results(
        self, clearance_id: str, after: int = 0
    ) -> AsyncGenerator[NumberResult, None]:
        """Give what came of each number behind place ``after``, in constant memory.

        A stream that breaks off is resumed behind the last place. Raises
        ``ClearanceWrong`` for a draft, ``Unreachable`` when no try gets any further.
        """
        path, fruitless = f"{_at(clearance_id)}/results", 0
        while True:
            call = Call("GET", path, {"format": "ndjson", "after": str(after)})
            try:
                async with (
                    self._calls.opened(call.patient(STORING_SECONDS)) as answer,
                    aclosing(lines_of(answer.aiter_bytes())) as lines,
                ):
                    async for line in lines:
                        result = read(NumberResult, line)
                        after, fruitless = result.place, 0
                        yield result
            except httpx.RequestError:
                fruitless += 1
            else:
                return
            wait = self._calls.retrying.pause(fruitless, self._calls.roll())
            if wait is None:
                raise Unreachable(f"GET {path} broke off again and again", unsent=False)
            await self._calls.sleep(wait)

    async def publish(self, clearance_id: str) -> Clearance:
        """Let the platforms work on it; twice is like once."""
        call = Call("POST", f"{_at(clearance_id)}/publish").patient(STORING_SECONDS)
        return read(Clearance, (await self._calls.make(call)).content)

    async def withdraw(self, clearance_id: str, numbers: Sequence[str]) -> Withdrawal:
        """Take up to 1,000 numbers out whose former holders have come back."""
        call = Call("POST", f"{_at(clearance_id)}/withdraw")
        call = call.with_json({"numbers": [*numbers]})
        return read(Withdrawal, (await self._calls.make(call)).content)

    async def _put(self, clearance_id: str, part: int, content: bytes) -> PutPart:
        call = Call("PUT", f"{_at(clearance_id)}/parts/{part}").patient(STORING_SECONDS)
        answer = await self._calls.make(call.with_content(content, NDJSON))
        return read(PutPart, answer.content)


async def _lines(
    numbers: Iterable[Quarantined] | AsyncIterable[Quarantined],
) -> AsyncIterator[bytes]:
    if isinstance(numbers, AsyncIterable):
        async for one in numbers:
            yield _line(one)
    else:
        for one in numbers:
            yield _line(one)


def _line(one: Quarantined) -> bytes:
    day = one.disconnected_on.isoformat()
    return json.dumps({"number": one.number, "disconnected_on": day}).encode()


def _at(clearance_id: str) -> str:
    return f"{PATH}/{plain(clearance_id)}"
