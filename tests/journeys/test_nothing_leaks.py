"""Nobody reads a whole number or a secret where it is not told, nor after retention."""

import asyncio
import json
import signal
from base64 import b64encode, urlsafe_b64encode
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.journeys import leak_places as places
from tests.journeys import leak_story as story
from tests.journeys.leak_cast import FORMER, World, a_world, answering, number
from tests.journeys.overheard import NUMBER, SECRET, look_for
from tests.journeys.processes import processes
from tests.journeys.wrong_requests import written
from tests.support.receiver import Answer, Receiver
from tests.support.waiting import eventually
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import OPEN, OrderKind, OrderStatus

DEBUG = {"UNBIND_LOG_LEVEL": "debug", "UNBIND_UNDO_WINDOW": "1s"}
HURRIED = {"UNBIND_ORDER_DEADLINE": "1s", "UNBIND_QUERY_DEADLINE": "1s"}
OPEN_CODES = [one.code for one in OPEN]
KEPT = """
    number_sealed, number_index, consent_method, consent_at, reference,
    attestation_sealed
"""
PLAIN = number(123)


@pytest.mark.journey
async def test_no_number_and_no_secret_is_told_or_kept_too_long(tmp_path: Path) -> None:
    async with (
        processes(tmp_path, **DEBUG) as commands,
        Receiver().opened() as receiver,
        a_world(commands, tmp_path / "data", receiver) as world,
    ):
        await used_until_it_is_killed(world)
        seals = await used_until_all_is_over(world)
        await kept_for_a_second(world, seals)
        places.hear_processes(world)
        places.hear_webhooks(world)
        found = world.overheard.leaks()
        assert not found, "\n".join(found)


async def used_until_it_is_killed(world: World) -> None:
    """Use a fresh install in every way, while it logs JSON."""
    up = await world.up(UNBIND_LOG_FORMAT="json")
    places.guard_keys(world)
    await story.enrol_everybody(world)
    await story.open_doors(world)
    async with asyncio.TaskGroup() as chapters:
        for chapter in (
            story.say_it_wrong(world, 120),
            story.query_and_unbind(world),
            story.attest_and_fetch(world),
            story.undo_and_supersede(world),
            story.repeat_and_feed(world),
            places.hear_command_lines(world),
        ):
            chapters.create_task(chapter)
    await story.look_everywhere(world)
    asked = world.asking(113, platforms=["hanging"])
    order = await world.speakers["china-mobile"].call("POST", "/v1/orders", asked)
    hanging = world.receiver.doors["hanging"]
    await eventually(lambda: order["id"] in hanging.item_ids)
    await up.stop(signal.SIGKILL)
    hanging.release()


async def used_until_all_is_over(world: World) -> Path:
    """Take it up again, logging text, and end all orders; returns exported seals."""
    hanging = world.receiver.doors["hanging"]
    hanging.usual, hanging.judge = Answer(), partial(answering, FORMER)
    up = await world.up(UNBIND_LOG_FORMAT="text", **HURRIED)
    carrier = world.speakers["china-mobile"]
    asked = world.asking(112, platforms=["silent"])
    await carrier.call("POST", "/v1/queries", asked)
    await eventually(partial(one_expires, world))
    await story.say_it_wrong(world, 121, every=3)
    async with places.database(world) as engine:
        await places.provoke(engine)
        await places.break_tables(world, engine)
        await story.come_to_an_end(world)
        await eventually(partial(none_is_open, engine))
        forgetting = {"number": number(108), "reason": f"{number(108)} asked for it"}
        admin = world.speakers["admin"]
        await admin.call("POST", "/v1/admin/numbers/forget", forgetting)
        for table, rows in (await places.dump(engine)).items():
            if table != "evidence":  # the platform's own words, as it signed them
                world.overheard.hear(f"table {table}", rows)
    seals = world.home / "seals.jsonl"
    assert (await world.command("audit", "seals", "--output", seals))[0] == 0
    assert await up.stop(signal.SIGINT) == 0
    return seals


async def one_expires(world: World) -> bool:
    """Place an order that ends at once; it expires if it was taken before."""
    carrier = world.speakers["china-mobile"]
    asked = world.asking(112, platforms=["silent"])
    order = await carrier.call("POST", "/v1/orders", asked)
    await eventually(partial(story.is_over, carrier, order["id"]))
    ended = await carrier.call("GET", f"/v1/orders/{order['id']}")
    return bool(ended["items"][0]["status"] == ItemStatus.EXPIRED.value)


async def kept_for_a_second(world: World, seals: Path) -> None:
    """Let retention run, and find nothing but what proves that there was something."""
    up = await world.up(UNBIND_RETENTION="1s")
    files: list[str | Path] = [
        world.home / "receipt.jws",
        "--jwks",
        world.home / "jwks.json",
    ]
    files += ["--evidence", world.home / "evidence.json"]
    async with places.database(world) as engine:
        await eventually(partial(all_are_destroyed, engine))
        orders = (await world.speakers["china-mobile"].call("GET", "/v1/orders"))[
            "data"
        ]
        assert {one["number"] for one in orders} == {"****"}
        verified = await asyncio.gather(
            world.command("audit", "verify"),
            world.command("audit", "verify", "--seals", seals),
            world.offline("receipt", "verify", *files),
            world.command("keys", "list"),
        )
        assert [code for code, _ in verified] == [0, 0, 0, 0], verified
        await every_way_to_end_was_among_them(engine)
        tables = await places.dump(engine)
    for table, rows in tables.items():
        world.overheard.hear(f"kept table {table}", rows)
        assert "real_name" not in rows, table
        for at in world.consents:
            assert at.rstrip("Z") not in rows.replace(" ", "T"), table
    assert await up.stop() == 0


async def none_is_open(engine: AsyncEngine) -> bool:
    async with engine.connect() as db:
        statement = text("SELECT count(*) FROM orders WHERE status = ANY(:open)")
        return not await db.scalar(statement, {"open": OPEN_CODES})


async def all_are_destroyed(engine: AsyncEngine) -> bool:
    async with engine.connect() as db:
        kept = text(f"SELECT count(*) FROM orders WHERE num_nonnulls({KEPT}) > 0")  # noqa: S608 - names of columns
        bodies = text("SELECT count(*) FROM evidence WHERE body IS NOT NULL")
        return not await db.scalar(kept) and not await db.scalar(bodies)


async def every_way_to_end_was_among_them(engine: AsyncEngine) -> None:
    async with engine.connect() as db:
        kinds = text("SELECT DISTINCT kind, status FROM orders")
        ended = {(row.kind, row.status) for row in await db.execute(kinds)}
        items = set((await db.execute(text("SELECT status FROM items"))).scalars())
        evidence = await db.scalar(text("SELECT count(*) FROM evidence"))
    for kind in OrderKind:
        assert (kind.code, OrderStatus.COMPLETED.code) in ended
    assert (OrderKind.UNBIND.code, OrderStatus.CANCELLED.code) in ended
    wanted = (ItemStatus.EXPIRED, ItemStatus.CANCELLED, ItemStatus.RESTORED)
    assert {one.code for one in wanted} <= items
    assert evidence


@pytest.mark.parametrize(
    "told",
    [
        *written(PLAIN),
        json.dumps(written(PLAIN)[-1]),
        f"/v1/orders?of={PLAIN.replace('+', '%2B')}",
        "%31%33%38%30%30%30%30%30%31%32%33",
        b64encode(f'{{"sub":"{PLAIN}"}}'.encode()).decode(),
        urlsafe_b64encode(b64encode(PLAIN.encode())).decode().rstrip("="),
        PLAIN.encode().hex(),
        "ub_admin_" + "x" * 43,
        "whsec_" + "x" * 32,
    ],
)
def test_what_was_heard_is_searched_however_it_is_written(told: str) -> None:
    around = f'{{"at": "2026-11-21T08:00:00Z", "said": "x{told}x"}}'
    assert look_for(f"{NUMBER}|{SECRET}", around)
    assert not look_for(f"{NUMBER}|{SECRET}", around.replace(told, "+86138****0123"))


def test_a_position_in_a_log_is_no_number() -> None:
    row = "3,1138,00000000-0000-0000-0000-000000000000,2"
    assert not look_for(NUMBER, row)
    assert look_for(NUMBER, f"{row},{PLAIN}")
