"""What a shop is told about a number when it is sold: was it used before, is it clear.

A carrier is told of numbers whose last holder it knows, or whose clearing it asked for.
Of all others the answer is that of a number of which nothing is known.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId, Prefix, format_id
from unbind_broker.base.instants import show_instant_or_null
from unbind_broker.clearances.latest import ClearedNumber, find_latest
from unbind_broker.clearances.release import Gate, NumberState, Released
from unbind_broker.clearances.results import read_on
from unbind_broker.holdings.holding import History, latest_of, live_of
from unbind_broker.holdings.recycled import last_former
from unbind_broker.holdings.service import read_history
from unbind_broker.intake.asked import AskingCarrier


class Cleared(NamedTuple):
    """The clearance that its last former holder's bindings were part of."""

    number: ClearedNumber
    released: Released
    was_published: bool

    @property
    def public_id(self) -> str:
        """Give the clearance's public id."""
        return format_id(Prefix.CLEARANCE, self.number.clearance_id)


@dataclass(frozen=True)
class Disclosure:
    """Whether a number was used before (None: unknown), and how clear it is."""

    recycled: bool | None
    cleared: Cleared | None

    @property
    def was_cleared(self) -> bool:
        """Tell whether platforms were asked to clear it, and still are."""
        cleared = self.cleared
        return cleared is not None and cleared.was_published and counts(cleared)


async def disclose(
    db: Db, now: datetime, carrier: AskingCarrier, number_index: bytes, gate: Gate
) -> Disclosure:
    """Tell a carrier about a number, and write down that it was told."""
    history = await read_history(db, number_index)
    found = await find_latest(db, carrier.id, number_index)
    fits = found if found and is_about_last_former(found, history) else None
    cleared = None if fits is None else await _cleared(db, now, fits, gate)
    recycled = counts(cleared) or is_recycled(history, carrier.id)
    told = Disclosure(recycled, cleared)
    await record(db, now, _fact(told, carrier, number_index))
    return told


def is_about_last_former(cleared: ClearedNumber, history: History) -> bool:
    """Tell whether a clearance reaches into the time of the last former holder. Pure.

    One that was made before, for somebody earlier, says nothing of what he has left.
    """
    former = last_former(history)
    return former is None or cleared.disconnected_on >= former.holder_from


def counts(cleared: Cleared | None) -> bool:
    """Tell whether a clearance shows that its holder gave the number up. Pure."""
    withdrawn = NumberState.WITHDRAWN
    return cleared is not None and cleared.released.state is not withdrawn


def is_recycled(history: History, carrier_id: CarrierId) -> bool | None:
    """Tell a carrier whether a number was used before; None: not known, or not told.

    Pure. A number that went on at another carrier is no longer this one's to sell.
    """
    last = live_of(history) or latest_of(history)
    if last is None or last.carrier_id != carrier_id or last.is_ported_away:
        return None
    return last_former(history) is not None


async def _cleared(
    db: Db, now: datetime, found: ClearedNumber, gate: Gate
) -> Cleared | None:
    before = found.place - 1
    results = await read_on(db, now, found.clearance_id, gate, before, 1)
    if not results:
        return None
    (result,) = results  # who is missing is None as long as its wave waits
    return Cleared(found, result.released, was_published=result.missing is not None)


def _fact(told: Disclosure, carrier: AskingCarrier, number_index: bytes) -> Fact:
    facts: dict[str, object] = {"recycled": told.recycled, "clearance": None}
    if told.cleared is not None:
        released = told.cleared.released
        facts |= {
            "clearance": told.cleared.public_id,
            "state": released.state.value,
            "release": released.release,
            "hold_until": show_instant_or_null(released.hold_until),
        }
    return Fact(
        carrier.actor, "number.disclosed", number_index=number_index, facts=facts
    )
