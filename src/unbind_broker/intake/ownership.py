"""Enter who is said to hold a number, and end what older holders asked for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from unbind_broker.audit.trail import Fact
from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId, OrderId
from unbind_broker.base.instants import show_instant, show_instant_or_null
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.carriers.tables import carriers
from unbind_broker.endpoints.events import EventType
from unbind_broker.holdings.holding import Holding, Limits
from unbind_broker.holdings.rules import Claim, Dispute
from unbind_broker.holdings.service import Claimed, claim
from unbind_broker.intake.asked import AskingCarrier
from unbind_broker.intake.rules import Policy, held_until
from unbind_broker.intake.situation import Situation
from unbind_broker.intake.subjects import Subject
from unbind_broker.items.states import Reason
from unbind_broker.notices.calling_back import call_back
from unbind_broker.notices.telling import tell
from unbind_broker.orders.order import Order
from unbind_broker.orders.service import OpenOrder, open_orders
from unbind_broker.orders.states import HoldReason, OrderKind, Scope
from unbind_broker.orders.views import show_order_id


@dataclass(frozen=True)
class Ownership:
    """What the ledger says about the holder whom a new order is for.

    ``ended`` are the orders of older holders that its carrier may know to have ended,
    ``facts`` what belongs into the audit trail with the order.
    """

    order_id: OrderId
    dispute: Dispute | None
    began_dispute: bool
    ended: Sequence[OpenOrder]
    facts: Sequence[Fact]


@dataclass(frozen=True)
class Hold:
    """Until when nothing is sent, and why."""

    until: datetime
    why: HoldReason


def limits_of(policy: Policy) -> Limits:
    """Give the settings that the ledger goes by."""
    return Limits(policy.freeze, policy.undo_window, policy.zone)


async def enter_holder(
    db: Db,
    now: datetime,
    order_id: OrderId,
    situation: Situation,
    carrier: AskingCarrier,
    policy: Policy,
) -> Ownership:
    """Enter the holder whom a query or an order attests; the number is locked.

    What older holders asked for ends. Raises ``OwnershipSuperseded`` where a later one
    is known.
    """
    subject = situation.subject
    claimed = await claim(
        db,
        now,
        Claim(
            number_index=subject.number_index,
            carrier_id=carrier.id,
            since=subject.owner_since,
            order_id=order_id,
            ported_in_on=subject.ported_in_on,
        ),
        limits_of(policy),
        was_held=situation.was_held,
    )
    ended: list[OpenOrder] = []
    if claimed.may_end_orders:
        ended = await _end_older(db, now, subject, carrier)
    return Ownership(
        order_id,
        claimed.dispute,
        claimed.began_dispute,
        [one for one in ended if not (one.hidden or one.told)],
        await _facts(db, order_id, claimed, subject, carrier),
    )


def hold_of(
    kind: OrderKind, scope: Scope, owned: Ownership, now: datetime, policy: Policy
) -> Hold | None:
    """Say until when nothing of an order is sent, if it is held at all."""
    if owned.dispute is not None:
        return Hold(now + policy.undo_window, HoldReason.DISPUTED_HOLDING)
    until = held_until(kind, scope, now, policy)
    return None if until is None else Hold(until, HoldReason.UNDO_WINDOW)


async def tell_of_hold(
    db: Db, now: datetime, order: Order, owned: Ownership, number: PhoneNumber
) -> None:
    """Tell the carrier that its order is held, and both carriers of a dispute.

    The one that attested the older holder learns nothing about the newer one, nor about
    the order that began the dispute.
    """
    if order.held_for is None:
        return
    public_id = show_order_id(order.kind, order.id)
    held = {
        "order_id": public_id,
        "reference": order.reference,
        "held_for": order.held_for.value,
        "held_until": show_instant_or_null(order.held_until),
    }
    await tell(db, now, order.carrier_id, EventType.ORDER_HELD, order.id, held)
    if owned.dispute is None:
        return
    disputed = {
        "order_id": public_id,
        "orders": _public_ids(owned.ended, order.carrier_id),
        "number": number.masked,
        "reference": order.reference,
        "role": "claimant",
    }
    event = EventType.ORDER_DISPUTED
    await tell(db, now, order.carrier_id, event, order.id, disputed)
    if not owned.began_dispute:
        return
    known = owned.dispute.carrier_id
    told = {
        "order_id": None,
        "orders": _public_ids(owned.ended, known),
        "number": number.masked,
        "reference": None,
        "role": "known_holder",
    }
    await tell(db, now, known, event, None, told)


def _public_ids(ended: Sequence[OpenOrder], carrier_id: CarrierId) -> list[str]:
    own = [one for one in ended if one.carrier_id == carrier_id]
    return [show_order_id(one.kind, one.id) for one in own]


async def _end_older(
    db: Db, now: datetime, subject: Subject, carrier: AskingCarrier
) -> list[OpenOrder]:
    older = [
        one
        for one in await open_orders(db, [subject.number_index])
        if one.owner_since < subject.owner_since
    ]
    ids = [one.id for one in older]
    done = set(await call_back(db, now, ids, Reason.SUPERSEDED, carrier.actor))
    return [one for one in older if one.id in done]


async def _facts(
    db: Db,
    order_id: OrderId,
    claimed: Claimed,
    subject: Subject,
    carrier: AskingCarrier,
) -> list[Fact]:
    about = (order_id, subject.number_index)
    superseded, dispute = claimed.superseded, claimed.dispute
    others = [one.carrier_id for one in (superseded, dispute) if one is not None]
    slugs = await slugs_of(db, others)
    facts = []
    if superseded is not None:
        facts.append(ended_fact(superseded, carrier.actor, slugs, *about))
    if claimed.is_new:
        since = {"owner_since": subject.owner_since.isoformat()}
        facts.append(Fact(carrier.actor, "holding.claimed", *about, facts=since))
    if dispute is not None:
        told = {
            "with": slugs[dispute.carrier_id],
            "began_at": show_instant(dispute.began_at),
        }
        facts.append(Fact(carrier.actor, "order.disputed", *about, facts=told))
    return facts


def ended_fact(
    ended: Holding,
    actor: str,
    slugs: Mapping[CarrierId, str],
    order_id: OrderId | None,
    number_index: bytes,
) -> Fact:
    """Say which holding ended, and how: ``holding.superseded`` and the like."""
    why = ended.ended.value if ended.ended else "ended"
    told = {
        "carrier": slugs[ended.carrier_id],
        "owner_since": ended.since.isoformat() if ended.since else None,
        "until": ended.until.isoformat() if ended.until else None,
    }
    return Fact(actor, f"holding.{why}", order_id, number_index, told)


async def slugs_of(db: Db, carrier_ids: Collection[CarrierId]) -> dict[CarrierId, str]:
    """Read the slugs of carriers."""
    if not carrier_ids:
        return {}
    found = await db.execute(
        select(carriers.c.id, carriers.c.slug).where(carriers.c.id.in_(carrier_ids))
    )
    return {row.id: row.slug for row in found}
