# ruff: noqa: S608 - only enum codes are put into the statement
"""Ask again about items that waited in memory: they may have been called back."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.database import BOOLEANS, INTS, UUIDS, Db, fetch_all, sql
from unbind_broker.base.ids import PlatformId
from unbind_broker.deliveries.queue import STILL_WANTED
from unbind_broker.items.item import ItemKey, key_arrays
from unbind_broker.orders.braking import STOPPED_UNSEEN
from unbind_broker.orders.states import OrderStatus

MOST_TOGETHER = 5_000
"""Items that are asked about by one statement: the first go out while others wait."""

# Items and orders are looked up row by row (LATERAL with LIMIT): Postgres must not
# compare each of the named with each of the open orders because it expects few.
_WAITING = sql(
    f"""
    SELECT r.order_id, r.platform_id, r.replay
    FROM unnest(:orders, :platforms, :replays) AS r (order_id, platform_id, replay)
    CROSS JOIN LATERAL (
        SELECT FROM items i
        WHERE i.order_id = r.order_id AND i.platform_id = r.platform_id
            AND i.follows IS NULL AND {STILL_WANTED}
        LIMIT 1
    ) i
    CROSS JOIN LATERAL (
        SELECT FROM orders o
        WHERE o.id = r.order_id
            AND o.status = {OrderStatus.IN_PROGRESS.code} AND NOT {STOPPED_UNSEEN}
        LIMIT 1
    ) o
    """,
    orders=UUIDS,
    platforms=INTS,
    replays=BOOLEANS,
)


async def still_waiting(
    db: Db,
    platform_id: PlatformId,
    order_ids: Collection[UUID],
    *,
    replay: bool = False,
) -> set[UUID]:
    """Return those of the orders whose item still waits to be sent.

    What is sent again because its platform asked for it waits until it is final.
    """
    asked = [_Asked(ItemKey(one, platform_id), replay) for one in order_ids]
    return {one.key.order_id for one in await _waiting(db, asked)}


class Recheck:
    """Answer all lanes that ask at one time by one statement, on one connection.

    After a stall every lane asks for every request: by themselves they would take all
    connections from those who renew leases and write records.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._open: list[_Question] = []
        self._answering: asyncio.Task[None] | None = None

    async def still_waiting(
        self, platform_id: PlatformId, order_ids: Collection[UUID], *, replay: bool
    ) -> set[UUID]:
        """Return those of the orders whose item still waits to be sent."""
        asked = {_Asked(ItemKey(one, platform_id), replay) for one in order_ids}
        question = _Question(asked, asyncio.get_running_loop().create_future())
        self._open.append(question)
        if self._answering is None:
            self._answering = asyncio.create_task(self._answer())
        return {one.key.order_id for one in asked & await question.answer}

    async def _answer(self) -> None:
        while self._open:
            questions = self._next()
            asked = {one for question in questions for one in question.asked}
            try:
                async with self._engine.connect() as db:
                    found = await _waiting(db, list(asked))
            except Exception as error:  # noqa: BLE001 - it goes to those who asked
                for question in questions:
                    question.fail(error)
            else:
                for question in questions:
                    question.settle(found)
        self._answering = None

    def _next(self) -> list["_Question"]:
        """Take as many questions as one statement answers, at least one."""
        size = 0
        for place, question in enumerate(self._open):
            size += len(question.asked)
            if place and size > MOST_TOGETHER:
                break
        else:
            place = len(self._open)
        taken, self._open = self._open[:place], self._open[place:]
        return taken


class _Asked(NamedTuple):
    key: ItemKey
    replay: bool


@dataclass(frozen=True)
class _Question:
    """What a request asks; nobody waits for the answer if it was broken off."""

    asked: set[_Asked]
    answer: "asyncio.Future[set[_Asked]]"

    def settle(self, found: set[_Asked]) -> None:
        if not self.answer.done():
            self.answer.set_result(found)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


async def _waiting(db: Db, asked: Sequence[_Asked]) -> set[_Asked]:
    values = {
        **key_arrays([one.key for one in asked]),
        "replays": [one.replay for one in asked],
    }
    rows = await fetch_all(db, _WAITING, values)
    return {_Asked(ItemKey(row.order_id, row.platform_id), row.replay) for row in rows}
