"""What must hold after a storm, and what is told of it."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.chaos.judging import (
    at_the_peak,
    find_repeats,
    most_in_flight,
    read_database,
    taken_items,
    verified,
)
from tests.chaos.scene import Scene
from tests.chaos.storming import (
    BATCH,
    CONCURRENCY,
    REQUEST,
    Force,
    Toll,
    environment,
)
from tests.chaos.witness import FORBIDDEN, hear_witness

MOST_UNRECORDED = 5_000
"""Items after which a worker sends no more before it has written some down."""
_LOSING = ("killed", "frozen", "crashed", "ended")


@dataclass(frozen=True)
class Verdict:
    """``faults`` is empty when every pass mark was reached."""

    found: dict[str, Any]
    faults: list[str]


async def judge(scene: Scene, force: Force, hanging: int, toll: Toll) -> Verdict:
    """Compare the receivers' notes with the database, and both with the pass marks."""
    told, seen = await read_database(scene), await scene.sinks.seen()
    taken = taken_items(seen)
    wanted = {item for item in told.status if item.door != hanging}
    hung = Counter(
        status.value for item, status in told.status.items() if item.door == hanging
    )
    repeats = find_repeats(seen, told)
    healthy = [request for request in seen if request.door != hanging]
    at_once = max(most_in_flight(healthy).values())
    at_hanging = most_in_flight(seen, REQUEST).get(hanging, 0)
    witness = await hear_witness(scene.engine)
    good, bad, total = verified(seen)
    # Ends with 1 if an event is missing, changed, or behind a seal that leaves it out.
    async with scene.commands(**environment(scene, force)) as commands:
        audited = await commands.run("audit", "verify")
    ceiling = _ceiling(force, toll)
    faults = {
        "items lost": wanted - taken,
        "acknowledged, but no receiver did": told.acknowledged - taken,
        "taken, but not acknowledged": taken - told.acknowledged,
        "accepted, but not there": toll.accepted - told.order_ids,
        "there, but not accepted": told.order_ids - toll.accepted,
        "repeats without a lost record": repeats.unexplained,
        "more repeats than the limits allow": repeats.repeats > ceiling,
        "signatures wrong": bad,
        "hanging items not undeliverable": hung.keys() - {"undeliverable"},
        "orders not settled": told.orders.keys() - {"completed"},
        "too many at once": max(0, at_once - CONCURRENCY),
        "too many at once at the hanging one": at_hanging > CONCURRENCY
        and at_the_peak([one for one in seen if one.door == hanging], REQUEST),
        "written by a stale owner": [one for one in FORBIDDEN if witness[one]],
    }
    found = {
        "endpoints": force.endpoints,
        "orders": len(told.order_ids),
        "items": len(told.status),
        "storm": dict(toll.befell),
        "carrier_answered": dict(toll.answers),
        "requests": total,
        "verified": f"{good} of {total}",
        "lost": len(wanted - taken),
        "undeliverable_at_deadline": hung["undeliverable"],
        "repeats": repeats.repeats,
        "repeats_share": round(repeats.repeats / len(told.status), 4),
        "unrecorded_when_it_befell": repeats.unrecorded,
        "repeats_limit": ceiling,
        "most_at_once": at_once,
        "most_at_once_hanging": at_hanging,
        "witness": dict(witness),
        "audit": audited.strip().partition(";")[0],
        "ended_as": dict(Counter(one.value for one in told.status.values())),
    }
    return Verdict(found, [_line(what, how) for what, how in faults.items() if how])


def _ceiling(force: Force, toll: Toll) -> int:
    """Say how much one worker can have in flight and unrecorded, for every blow.

    At worst it owns every endpoint. A connection that is cut loses nothing by itself:
    the record is kept and written again.
    """
    in_flight = force.endpoints * CONCURRENCY * BATCH
    blows = sum(toll.befell[what] for what in _LOSING)
    return blows * (in_flight + MOST_UNRECORDED)


def _line(what: str, how: Any) -> str:
    if isinstance(how, bool | int):
        return f"{what}: {how}"
    return f"{what}: {len(how)}, such as {list(how)[:3]}"
