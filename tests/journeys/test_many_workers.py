"""An API, two workers, platforms elsewhere, one Postgres; a worker dies at work."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.journeys.outsider import Outsider, asking, is_completed
from tests.journeys.processes import processes
from tests.journeys.recorded import count_recorded
from tests.support.waiting import eventually
from unbind_broker.base.sealing import generate_key
from unbind_broker.items.states import FIRST_FINAL_CODE

pytestmark = pytest.mark.journey

PLATFORMS = 100
ORDERS = 10
ITEMS = PLATFORMS * ORDERS


async def count_final(engine: AsyncEngine) -> int:
    async with engine.connect() as db:
        final: int = (
            await db.execute(
                text("SELECT count(*) FROM items WHERE status >= :first"),
                {"first": FIRST_FINAL_CODE},
            )
        ).scalar_one()
    return final


async def all_final(engine: AsyncEngine) -> bool:
    return await count_final(engine) == ITEMS


async def test_no_item_is_lost_and_no_result_applied_twice_when_a_worker_dies(
    tmp_path: Path, database_url: str, engine: AsyncEngine
) -> None:
    plain = make_url(database_url).set(drivername="postgresql")
    async with processes(
        tmp_path,
        UNBIND_DATABASE_URL=plain.render_as_string(hide_password=False),
        UNBIND_SECRET_KEYS=generate_key(),
        UNBIND_INDEX_KEY=generate_key(),
    ) as commands:
        serve = await commands.start("serve", "--port", "0", "--json")
        url = (await serve.told())["url"]
        workers = [await commands.start("worker") for _ in range(2)]
        admin = (await commands.run("keys", "issue", "--role", "admin")).strip()
        await commands.run("carriers", "add", "china-mobile")
        simulate = await commands.start(
            *("simulate", "--url", url, "--platforms", str(PLATFORMS), "--json"),
            *("--latency", "100ms", "--fail-rate", "0.1", "--refuse-rate", "0.05"),
            UNBIND_ADMIN_KEY=admin,
        )
        assert (await simulate.told())["platforms"] == PLATFORMS
        for worker in workers:
            assert await worker.line() == "unbind-broker worker is running"
        key = await commands.run(
            *("keys", "issue", "--role", "carrier", "--carrier", "china-mobile")
        )
        carrier = Outsider(url, key.strip())

        placed = await asyncio.gather(
            *(
                carrier.call("POST", "/v1/orders", asking(number), expect=202)
                for number in range(ORDERS)
            )
        )
        some_final: Callable[[], int | Awaitable[int]] = partial(count_final, engine)
        await eventually(some_final)
        simulate.send(signal.SIGSTOP)  # the rest is under way or still to be sent
        await workers[0].stop(signal.SIGKILL)
        final_at_death = await count_final(engine)
        simulate.send(signal.SIGCONT)
        finished = [
            await carrier.until(f"/v1/orders/{order['id']}", is_completed)
            for order in placed
        ]
        await carrier.close()

        assert final_at_death < ITEMS
        for order in finished:
            assert order["summary"]["total"] + order["sensitive"]["total"] == PLATFORMS
        # For its carrier an order ends as soon as sensitive platforms have taken their
        # items: their results may come later.
        await eventually(partial(all_final, engine))
        recorded = await count_recorded(engine)
        assert recorded.keys() <= {"unbound", "not_bound", "refused"}
        assert recorded.total() == ITEMS
        assert await workers[1].stop() == 0, workers[1].log
        assert await serve.stop() == 0, serve.log
        assert await simulate.stop() == 0, simulate.log
