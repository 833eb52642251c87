"""How fast is an order of 200 items accepted, and what does its fan-out cost?

Three ways to write the same 200 items, taken in turns in one run, each in the whole
transaction of an order: ``INSERT … SELECT`` (what the broker does), one statement with
200 rows of values, and 200 statements. Up to 10,000 orders are each about a number of
their own, so that none joins another one's items. Read the ratios, not the rates.
"""

import argparse
import asyncio
import json
import platform
import statistics
from collections.abc import Awaitable, Callable, Iterator
from itertools import count, islice
from time import perf_counter

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.database import open_server
from tests.support.order_builders import INTAKE, asked, asking
from unbind_broker.base.database import Db, open_engine
from unbind_broker.base.ids import new_uuid7
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.carriers.service import Carrier
from unbind_broker.intake.place_order import place
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items

Way = Callable[[Db, Carrier, int], Awaitable[None]]


async def insert_select(db: Db, carrier: Carrier, turn: int) -> None:
    """Accept a whole order as the broker does."""
    number = PhoneNumber(f"+861380000{turn % 10_000:04}")
    await place(db, NOON, asked(number=number), asking(carrier), INTAKE)


async def values_of_all(db: Db, carrier: Carrier, turn: int) -> None:
    """Accept the order for one platform, then name the other rows one by one."""
    await _one_platform(db, carrier, turn)
    await db.execute(insert(items).values(_rows(199)))


async def row_by_row(db: Db, carrier: Carrier, turn: int) -> None:
    """Accept the order for one platform, then send a statement per row."""
    await _one_platform(db, carrier, turn)
    for row in _rows(199):
        await db.execute(insert(items).values(row))


WAYS: dict[str, Way] = {
    "insert_select": insert_select,
    "values_of_all": values_of_all,
    "row_by_row": row_by_row,
}


async def main() -> None:
    """Measure, and print one JSON document."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--orders", type=int, default=60, help="per way and round")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--clients", type=int, default=4)
    given = arguments.parse_args()
    async with open_server() as server, server.fresh() as url:
        engine = open_engine(url, pool=given.clients, application="bench")
        carrier = await _registry(engine)
        turns = count()
        rates: dict[str, list[float]] = {name: [] for name in WAYS}
        for _ in range(given.rounds):
            for name, way in WAYS.items():
                some = islice(turns, given.orders)
                rate = await _rate(engine, carrier, way, some, given.clients)
                rates[name].append(rate)
        async with engine.connect() as db:
            version = await db.scalar(text("SHOW server_version"))
        await engine.dispose()
    medians = {name: statistics.median(found) for name, found in rates.items()}
    report = {
        "orders_per_second": {name: round(rate, 1) for name, rate in medians.items()},
        "times_row_by_row": {
            name: round(rate / medians["row_by_row"], 2)
            for name, rate in medians.items()
        },
        "items_per_order": 200,
        "clients": given.clients,
        "rounds": given.rounds,
        "postgres": version,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    print(json.dumps(report, indent=2))


async def _registry(engine: AsyncEngine) -> Carrier:
    async with engine.begin() as db:
        for place_in_list in range(200):
            await an_endpoint(db, await a_platform(db, f"platform-{place_in_list}"))
        return await a_carrier(db)


async def _rate(
    engine: AsyncEngine, carrier: Carrier, way: Way, turns: Iterator[int], clients: int
) -> float:
    done = 0

    async def client() -> None:
        nonlocal done
        for turn in turns:
            async with engine.begin() as db:
                await way(db, carrier, turn)
            done += 1

    started = perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return done / (perf_counter() - started)


async def _one_platform(db: Db, carrier: Carrier, turn: int) -> None:
    number = PhoneNumber(f"+861380000{turn % 10_000:04}")
    request = asked(number=number, platforms=("platform-0",))
    await place(db, NOON, request, asking(carrier), INTAKE)


def _rows(how_many: int) -> list[dict[str, object]]:
    order_id = new_uuid7(NOON)
    return [
        {
            "order_id": order_id,
            "platform_id": platform_id,
            "status": ItemStatus.QUEUED,
            "attempts": 0,
            "late": False,
        }
        for platform_id in range(2, how_many + 2)
    ]


if __name__ == "__main__":
    asyncio.run(main())
