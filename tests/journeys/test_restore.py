"""The database is lost and restored: to an instant, and from a dump."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.outsider import asking
from tests.journeys.restorable import (
    AT_ONCE,
    AWAY,
    LATER,
    RESULTS,
    SLUGS,
    SPARE,
    Broker,
    a_broker,
    write_lines,
)
from tests.support.receiver import OK, Answer, Delivery, Receiver

pytestmark = pytest.mark.journey

LIMIT = 600
"""Seconds: seven processes start, each for half a minute on a busy machine."""
UNSENT = Answer(503)
NEW_TIMELINE = "00000002"
"""How the names of files begin that a restored cluster archives."""
FAR_AHEAD = 50_000
"""Transactions that the first cluster counts before the broker comes to it."""


def of_order(deliveries: list[Delivery], order_id: str) -> list[str]:
    """Give the ``webhook-id`` of each request about an order."""
    return [
        one.webhook_id
        for one in deliveries
        if order_id in one.item_ids and one.type == "unbind.requested"
    ]


@pytest.mark.timeout(LIMIT)
async def test_work_goes_on_from_the_instant_that_was_restored(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with a_broker(tmp_path, receiver) as broker:
        await broker.cluster.archive_everything()
        await broker.found()
        for door in receiver.doors.values():
            door.usual = RESULTS
        done = await broker.place(asking(1), "done")
        await broker.is_complete(done)
        backup = await broker.cluster.back_up()

        half_asked = asking(2)
        half = await begin(broker, half_asked)
        await broker.sealed(tmp_path / "before.ndjson")
        then = await broker.instant()

        lost_asked = asking(3)
        lost = await finish_what_will_be_lost(broker, half, lost_asked)
        kept = await broker.sealed(tmp_path / "after.ndjson")
        lost_event = await broker.told_completed([done, half, lost])
        await broker.kill()
        await broker.cluster.destroy()

        await restore(broker, backup, *then)
        cut = await find_cut(broker, kept)
        await broker.start()
        await broker.by(SPARE).call("GET", "/v1/me")  # its revocation is forgotten
        await broker.carrier.call("GET", f"/v1/events?after={lost_event}", expect=404)
        assert await broker.place(half_asked, "half") == half
        await resume(broker, half)
        again = await place_again(broker, lost, lost_asked)
        assert await broker.recorded() == {"unbound": 3 * len(SLUGS)}
        await broker.told_completed([done, half, again])
        await check_seals(broker, kept, cut)
        await broker.count(3 * len(SLUGS))


@pytest.mark.timeout(LIMIT)
async def test_work_goes_on_in_a_new_cluster_that_a_dump_was_loaded_into(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with a_broker(tmp_path, receiver) as broker:
        await broker.cluster.count_on(FAR_AHEAD)
        await broker.found()
        for door in receiver.doors.values():
            door.usual = RESULTS
        done = await broker.place(asking(1), "done")
        await broker.is_complete(done)
        half = await begin(broker, asking(2))
        await broker.sealed(tmp_path / "before.ndjson")
        last_told = await broker.told_completed([done])
        await broker.kill()
        await move_by_dump(broker)
        await broker.start()
        receiver.doors[AWAY].usual = RESULTS
        assert await broker.report(LATER, half) == "recorded"
        await broker.is_complete(half)
        receiver.doors[LATER].usual = RESULTS
        new = await broker.place(asking(3), "new")
        await broker.is_complete(new)
        assert await broker.recorded() == {"unbound": 3 * len(SLUGS)}
        await broker.told_completed([done, half, new])
        told = await broker.carrier.call("GET", f"/v1/events?after={last_told}")
        assert {one["order_id"] for one in told["data"]} >= {half, new}
        kept = await broker.sealed(tmp_path / "after.ndjson")
        await broker.verify("--seals", kept)
        await broker.count(3 * len(SLUGS))


async def move_by_dump(broker: Broker) -> None:
    """Load a dump into a new cluster, which is of no use before it is migrated."""
    dump = await broker.cluster.dump()
    await broker.cluster.move_to_new()
    await broker.cluster.load(dump)
    refused = await broker.commands.start("worker")
    assert await refused.ended() == 1
    assert "run: unbind-broker migrate" in refused.log
    await broker.commands.run("migrate")


async def restore(
    broker: Broker, backup: Path, instant: datetime, rows: object
) -> None:
    """Restore to the instant, and see that every row is back and the archive grows."""
    await broker.cluster.restore(backup, instant)
    assert await broker.rows() == rows
    assert (await broker.cluster.archived()).startswith(NEW_TIMELINE)


async def find_cut(broker: Broker, kept: Path) -> int:
    """See that kept seals say where the trail was cut; give the last one before."""
    await broker.migrate()
    fault, summary = await broker.verify("--seals", kept, fails=True)
    cut = int(summary["last_seal"]["number"])
    assert (fault["fault"], fault["seal"]) == ("history_truncated", cut + 1)
    return cut


async def begin(broker: Broker, asked: Mapping[str, object]) -> str:
    """Have one platform answer, one take its item, and one be away."""
    doors = broker.receiver.doors
    doors[LATER].usual, doors[AWAY].usual = OK, UNSENT
    order_id = await broker.place(asked, "half")

    def is_half(order: Mapping[str, Any]) -> bool:
        items = {one["platform"]: one for one in order["items"]}
        found = [items[slug]["status"] for slug in SLUGS]
        wanted = ["unbound", "acknowledged", "queued"]
        return found == wanted and items[AWAY]["attempts"] > 0

    await broker.carrier.until(f"/v1/orders/{order_id}", is_half)
    return order_id


async def finish_what_will_be_lost(
    broker: Broker, half: str, asked: Mapping[str, object]
) -> str:
    """Have the rest of an order reported, and another one placed and completed."""
    doors = broker.receiver.doors
    doors[AWAY].usual = doors[LATER].usual = RESULTS
    await broker.revoke(SPARE)
    assert await broker.report(LATER, half) == "recorded"
    await broker.is_complete(half)
    lost = await broker.place(asked, "lost")
    await broker.is_complete(lost)
    return lost


async def resume(broker: Broker, half: str) -> None:
    """Complete an order whose last results the database has forgotten."""
    doors = broker.receiver.doors
    since = {"since": "2020-01-01T00:00:00Z"}
    again = await broker.by(LATER).call(
        "POST", "/v1/endpoint/redeliver", since, expect=202
    )
    assert again["scheduled"] == 1
    await broker.is_complete(half)
    for slug in (LATER, AWAY):
        assert len(set(of_order(doors[slug].deliveries, half))) == 1
    assert len(of_order(doors[LATER].deliveries, half)) == 2
    assert len(of_order(doors[AT_ONCE].deliveries, half)) == 1
    assert await broker.report(LATER, half) == "duplicate"


async def place_again(broker: Broker, lost: str, asked: Mapping[str, object]) -> str:
    """Place what was accepted and forgotten once more, as the carrier's retry does."""
    await broker.carrier.call("GET", f"/v1/orders/{lost}", expect=404)
    assert await broker.report(AT_ONCE, lost) == "unknown"
    again = await broker.place(asked, "lost")
    assert again != lost
    await broker.is_complete(again)
    return again


async def check_seals(broker: Broker, kept: Path, cut: int) -> None:
    """See that what was kept up to the cut goes on to hold, and that seals go on."""
    new = await broker.sealed(kept.with_name("new.ndjson"))
    lines, up_to_the_cut = read_lines(kept), kept.with_name("cut.ndjson")
    write_lines(up_to_the_cut, lines[:cut])
    assert len(read_lines(new)) > cut
    (summary,) = await broker.verify("--seals", up_to_the_cut)
    assert summary["kept_seals"] == cut


def read_lines(file: Path) -> list[str]:
    return file.read_text().splitlines()
