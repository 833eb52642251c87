"""Who holds a number when a carrier's query or order says so. Pure."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from unbind_broker.base.ids import CarrierId
from unbind_broker.holdings.holding import (
    History,
    Holding,
    Limits,
    latest_of,
    live_of,
    not_given_up,
    swap,
)
from unbind_broker.holdings.refusals import OwnershipSuperseded, SinceIsKnownPort
from unbind_broker.holdings.states import Began, Ended


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A carrier attests that a holder has held a number since a day, at any carrier."""

    number_index: bytes
    carrier_id: CarrierId
    since: date
    order_id: UUID
    ported_in_on: date | None = None


@dataclass(frozen=True)
class Dispute:
    """Two holders are attested, and nothing tells that the older one has ended.

    ``carrier_id`` attested the older one.
    """

    carrier_id: CarrierId
    began_at: datetime


@dataclass(frozen=True)
class Verdict:
    """What a claim makes of the ledger.

    ``superseded`` is the holding that this claim ended, ``dispute`` one that it began
    or that is still going on.
    """

    history: History
    superseded: Holding | None
    dispute: Dispute | None


def judge(history: History, claim: Claim, now: datetime, limits: Limits) -> Verdict:
    """Enter a claim; raises ``OwnershipSuperseded`` or ``SinceIsKnownPort``."""
    if later_holder_known(history, claim.since):
        raise OwnershipSuperseded(claim.number_index)
    if _is_known_port(history, claim):
        raise SinceIsKnownPort
    known = tuple(_with_since(one, claim.since) for one in history)
    live = live_of(known)
    superseded = None
    if live is not None and live.since == claim.since:
        entered = _go_on(known, live, claim, now, limits)
    else:
        if live is not None:
            superseded = replace(live, ended=Ended.SUPERSEDED, until=claim.since)
            known = swap(known, live, superseded)
        entered = _begin(known, claim, now, limits)
    dispute = _dispute(entered, claim.since, now, limits)
    return Verdict(entered, superseded, dispute)


def later_holder_known(history: History, since: date) -> bool:
    """Tell whether somebody is known to have held the number after this holder."""
    return any(one.since is not None and one.since > since for one in history)


def gave_up(history: History, since: date) -> bool:
    """Tell whether this holder gave the number up, as far as anybody told."""
    own = [one for one in history if one.since == since]
    left = any(one.ended in {Ended.DISCONNECTED, Ended.TRANSFERRED} for one in own)
    return left and live_of(own) is None


def _is_known_port(history: History, claim: Claim) -> bool:
    """With the port's day the holder's own accounts would pass for a former holder's.

    Unless somebody else has begun on that very day.
    """
    own = [one for one in history if one.carrier_id == claim.carrier_id]
    return any(
        one.began is Began.PORTED_IN and one.from_on == claim.since for one in own
    ) and not any(one.since == claim.since for one in own)


def _with_since(holding: Holding, since: date) -> Holding:
    """Give a beginning to a holder whose port was told, and nothing else."""
    if holding.since is None and since <= holding.starts_on:
        return replace(holding, since=since)
    return holding


def _go_on(
    known: History, live: Holding, claim: Claim, now: datetime, limits: Limits
) -> History:
    """Confirm the holder who is known: here, or come over from another carrier."""
    if live.carrier_id == claim.carrier_id:
        from_on = live.from_on or claim.ported_in_on
        return swap(known, live, replace(live, confirmed_at=now, from_on=from_on))
    left_on = claim.ported_in_on or limits.today(now)
    left = replace(live, ended=Ended.TAKEN_OVER, until=left_on)
    return _begin(swap(known, live, left), claim, now, limits)


def _begin(known: History, claim: Claim, now: datetime, limits: Limits) -> History:
    """Write a stretch down, or take up one that was left on this very day."""
    own = [one for one in known if one.since == claim.since]
    today = limits.today(now)
    for one in own:
        if (
            one.carrier_id == claim.carrier_id
            and one.is_ported_away
            and one.until == today
            and claim.ported_in_on in {None, one.from_on}
        ):
            again = replace(one, ended=None, until=None, confirmed_at=now)
            return swap(known, one, again)
    began = _how(latest_of(own), claim)
    new = Holding(
        carrier_id=claim.carrier_id,
        since=claim.since,
        from_on=today if began is Began.RESUMED else claim.ported_in_on,
        began=began,
        order_id=claim.order_id,
        confirmed_at=now,
        recorded_at=now,
    )
    return (*known, new)


def _how(before: Holding | None, claim: Claim) -> Began:
    if before is None:
        return Began.ATTESTED
    if before.carrier_id != claim.carrier_id or before.is_ported_away:
        return Began.PORTED_IN
    return Began.RESUMED


def _dispute(
    history: History, since: date, now: datetime, limits: Limits
) -> Dispute | None:
    """Find the older holder who was confirmed lately and did not visibly leave.

    One that another carrier attested comes first: that one is told.

    A carrier that tells by an event of its own that a new holder began has settled it,
    as far as the older one was its own. Holders that it puts in between settle nothing.
    """
    first = min(
        (one for one in history if one.since == since), key=lambda one: one.recorded_at
    )
    began_at = first.recorded_at
    if now - began_at >= limits.undo_window:
        return None
    settled = first.carrier_id if first.began is not Began.ATTESTED else None
    taken = not_given_up(history, first.carrier_id, began_at, limits)
    against = [
        one
        for one in reversed(history)
        if one.holder_from < since
        and began_at - one.confirmed_at < limits.freeze
        and (
            one in taken
            or (one.ended is Ended.SUPERSEDED and one.carrier_id != settled)
        )
    ]
    if not against:
        return None
    other = min(against, key=lambda one: one.carrier_id == first.carrier_id)
    return Dispute(other.carrier_id, began_at)
