"""Look keys up in the database: one small statement for all who call meanwhile."""

import asyncio
from collections import OrderedDict
from time import monotonic

from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.clock import Clock
from unbind_broker.keys.service import Caller, digest_of, find_callers, living_digests

MOST_AT_ONCE = 500
MOST_REMEMBERED = 10_000
REMEMBERED = 60.0
"""Seconds."""


class KeyLookups:
    """Find out whose a key is; never by heart, so that a revoked one dies at once.

    Calls share a statement that begins after they came. So a crowd costs one
    connection, whatever keys it sends.
    """

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._asked: dict[str, list[asyncio.Future[Caller | None]]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def find(self, key_text: str) -> Caller | None:
        """Return who holds this key; None if it is unknown, revoked or expired."""
        answer = asyncio.get_running_loop().create_future()
        self._asked.setdefault(key_text, []).append(answer)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        found: Caller | None = await answer
        return found

    async def living(self) -> frozenset[bytes]:
        """Read the digests of all keys that live at this moment."""
        async with self._engine.connect() as db:
            return await living_digests(db, self._clock.now())

    async def _ask(self) -> None:
        while self._asked:
            texts = list(self._asked)[:MOST_AT_ONCE]
            waiting = {text: self._asked.pop(text) for text in texts}
            found: dict[str, Caller] = {}
            error: Exception | None = None
            try:
                async with self._engine.connect() as db:
                    found = await find_callers(db, self._clock.now(), texts)
            except Exception as fault:  # noqa: BLE001 - raised again for each who asked
                error = fault
            for text, answers in waiting.items():
                for answer in answers:
                    if answer.done():
                        continue
                    if error is None:
                        answer.set_result(found.get(text))
                    else:
                        answer.set_exception(error)


class KnownKeys:
    """Remember whose keys were living a short while ago, to refuse without a look-up.

    Nobody is let in by it. It holds digests, not keys.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()

    def remember(self, key_text: str, caller: Caller) -> None:
        """Keep whose key this is."""
        digest = digest_of(key_text)
        self._known[digest] = (caller, monotonic() + REMEMBERED)
        self._known.move_to_end(digest)
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)

    def forget(self, key_text: str) -> None:
        """Drop a key that is none any more."""
        self._known.pop(digest_of(key_text), None)

    def find(self, key_text: str) -> Caller | None:
        """Return who held this key lately."""
        caller, until = self._known.get(digest_of(key_text), (None, 0.0))
        return caller if monotonic() < until else None
