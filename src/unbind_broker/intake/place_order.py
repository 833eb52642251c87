"""Place what a carrier asks for: the table of contents of accepting."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId, PlatformId, new_uuid7
from unbind_broker.base.sealing import BlindIndex, Sealer
from unbind_broker.base.tracing import traceparent_under_way
from unbind_broker.base.working_days import Deadline
from unbind_broker.carriers.tables import real_slug
from unbind_broker.intake.asked import AfterQuery, Asked, AskingCarrier
from unbind_broker.intake.attestation import Attested, check_attestation
from unbind_broker.intake.crowding import check_room
from unbind_broker.intake.joining import Others, create_items, find_others
from unbind_broker.intake.ownership import (
    Hold,
    Ownership,
    enter_holder,
    hold_of,
    tell_of_hold,
)
from unbind_broker.intake.refusals import NoPlatforms, PlatformUnavailable
from unbind_broker.intake.rules import (
    Policy,
    check_action,
    check_fields,
    check_port,
    deadline_of,
    interval_of,
)
from unbind_broker.intake.situation import Situation, read_situation
from unbind_broker.intake.subjects import Subject, choose_platforms, find_subject
from unbind_broker.items.adding import NewItem, add_with_items
from unbind_broker.items.joining import Created
from unbind_broker.items.views import OrderView, show_new
from unbind_broker.notices.ending import settle
from unbind_broker.orders.idempotency import StoredAnswer, earlier_answer
from unbind_broker.orders.order import Order
from unbind_broker.orders.sealed_numbers import seal_attestation
from unbind_broker.orders.service import add, lock_number_for
from unbind_broker.orders.states import OrderKind, OrderStatus
from unbind_broker.orders.views import show_order_id

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class IntakeTools:
    """What accepting needs of the process."""

    policy: Policy
    sealer: Sealer
    blind_index: BlindIndex


@dataclass(frozen=True)
class Placed:
    """A new order that stands once the caller commits.

    ``view`` is what its carrier reads of it, where that is known without a look.
    """

    order_id: OrderId
    view: OrderView | None = None


async def place(
    db: Db, now: datetime, asked: Asked, carrier: AskingCarrier, tools: IntakeTools
) -> Placed | StoredAnswer:
    """Place a query or an order, or return the answer that this request got before.

    Raises the errors of ``intake.refusals`` and ``orders.idempotency``, and
    ``InvalidFields``; then the caller's transaction must not commit.
    """
    if isinstance(asked.about, AfterQuery) and asked.repeatable:
        # Whom it is about is read from the query, which may be gone meanwhile.
        answer = await earlier_answer(db, asked.repeatable)
        if answer:
            return answer
    subject = await find_subject(db, asked, carrier.id, tools.sealer, tools.blind_index)
    await lock_number_for(db, subject.number_index, asked.repeatable)
    situation = await read_situation(db, subject, carrier, asked.repeatable)
    if situation.answer:
        return situation.answer
    _check_request(asked, now, subject, tools.policy)
    await _check_standing(db, now, asked, situation, tools.blind_index)
    order_id = OrderId(new_uuid7(now))
    owned = await enter_holder(db, now, order_id, situation, carrier, tools.policy)
    platforms = await choose_platforms(db, asked, carrier.id)
    order = _write_up(asked, subject, carrier, now, tools, owned)
    others = await _others(db, order, platforms, situation, tools.policy)
    if others.repeated is not None:
        order = others.repeated.carried_over(order)
    created, new = await _write_down(db, now, order, carrier, platforms, others)
    _require_all(created, platforms)
    await tell_of_hold(db, now, order, owned, subject.number)
    accepted = _accepted(order, carrier, created, tools.blind_index)
    await record(db, now, *owned.facts, accepted)
    if new:
        slug = real_slug(situation.standing.slug)
        return Placed(order.id, show_new(order, slug, subject.number, new))
    if created.final == created.items or others.repeated is not None:
        # Nobody else can have ended items of an order that nobody sees yet.
        await settle(db, now, [order.id])
    return Placed(order.id)


def _check_request(
    asked: Asked, now: datetime, subject: Subject, policy: Policy
) -> None:
    """Check what a request says by itself."""
    check_fields(asked, now, policy)
    check_port(subject.ported_in_on, subject.owner_since, policy)
    check_action(asked.action, subject.scope)


async def _check_standing(
    db: Db, now: datetime, asked: Asked, situation: Situation, index: BlindIndex
) -> None:
    """Check whether this carrier's word is taken, and its unbind orders are."""
    subject, standing = situation.subject, situation.standing
    said = Attested(subject.number, subject.owner_since, subject.scope)
    await check_attestation(db, now, asked.attestation, said, standing, index)
    if asked.kind is OrderKind.UNBIND:
        standing.require_free()


async def _others(
    db: Db,
    order: Order,
    platforms: Sequence[PlatformId] | None,
    situation: Situation,
    policy: Policy,
) -> Others:
    """Find what the order may join; raises ``TooManyOpenOrders``."""
    window, validity = policy.join_window, policy.query_validity
    if not situation.was_asked:
        return Others(window, [], None)
    others = await find_others(db, order, platforms, window, validity)
    check_room(order, others.orders, others.repeated, policy.open_per_number)
    return others


async def _write_down(
    db: Db,
    now: datetime,
    order: Order,
    carrier: AskingCarrier,
    platforms: Sequence[PlatformId] | None,
    others: Others,
) -> tuple[Created, Sequence[NewItem]]:
    """Write an order and its items down; new are those of one that joins nothing."""
    if others.repeated is None and not any(one.equal for one in others.orders):
        new = await add_with_items(db, order, platforms)
        return Created(len(new)), new
    await add(db, order)
    return await create_items(db, now, order, carrier, platforms, others), ()


def _require_all(created: Created, platforms: Collection[PlatformId] | None) -> None:
    if not created.items:
        raise NoPlatforms("no platform is active with a verified endpoint")
    if platforms is not None and created.items < len(platforms):
        raise PlatformUnavailable("a platform was suspended at this moment; try again")


def _write_up(
    asked: Asked,
    subject: Subject,
    carrier: AskingCarrier,
    now: datetime,
    tools: IntakeTools,
    owned: Ownership,
) -> Order:
    policy = tools.policy
    interval = interval_of(subject.scope, subject.owner_since, now, policy.zone)
    hold = hold_of(asked.kind, subject.scope, owned, now, policy)
    deadline = deadline_of(asked.kind, _asked_from(asked.kind, now, hold), policy)
    _warn_if_provisional(deadline, show_order_id(asked.kind, owned.order_id))
    return Order(
        id=owned.order_id,
        kind=asked.kind,
        status=OrderStatus.HELD if hold else OrderStatus.IN_PROGRESS,
        carrier_id=carrier.id,
        scope=subject.scope,
        action=asked.action,
        number_sealed=subject.number_sealed,
        number_index=subject.number_index,
        owner_since=subject.owner_since,
        ported_in_on=subject.ported_in_on,
        cutoff=interval.cutoff,
        bound_from=interval.bound_from,
        bound_before=interval.bound_before,
        consent_method=asked.consent.method,
        consent_at=asked.consent.at,
        reference=asked.reference,
        query_id=subject.query_id,
        recheck=asked.recheck,
        created_at=now,
        held_until=hold.until if hold else None,
        held_for=hold.why if hold else None,
        deadline=deadline.at,
        deadline_provisional=deadline.provisional,
        attestation_sealed=_sealed(asked.attestation, tools.sealer),
        traceparent=traceparent_under_way(),
    )


def _warn_if_provisional(deadline: Deadline, shown: str) -> None:
    if deadline.provisional:
        log.warning("deadline_provisional", extra={"order": shown})


def _sealed(attestation: str | None, sealer: Sealer) -> bytes | None:
    return None if attestation is None else seal_attestation(sealer, attestation)


def _asked_from(kind: OrderKind, now: datetime, hold: Hold | None) -> datetime:
    """Let the minutes that platforms have for a query begin when they are asked."""
    return hold.until if hold and kind is OrderKind.QUERY else now


def _accepted(
    order: Order, carrier: AskingCarrier, created: Created, index: BlindIndex
) -> Fact:
    """Tell what was accepted; the trail outlives the consent, so it has its digest."""
    consent = f"{order.id} {order.consent_method} {order.consent_at.isoformat()}"
    return Fact(
        actor=carrier.actor,
        action="order.accepted",
        order_id=order.id,
        number_index=order.number_index,
        facts={
            "kind": order.kind,
            "scope": order.scope,
            "action": order.action,
            "owner_since": order.owner_since.isoformat(),
            "consent": index.fingerprint(f"consent\n{consent}".encode()).hex(),
            "recheck": order.recheck,
            "attested": order.attestation_sealed is not None,
            "held": order.status is OrderStatus.HELD,
            "items": created.items,
            "joined": created.joined,
            **_repeats(order),
        },
    )


def _repeats(order: Order) -> dict[str, str]:
    """Name the query that a query repeats."""
    if order.kind is not OrderKind.QUERY or order.query_id is None:
        return {}
    return {"repeats": show_order_id(order.kind, order.query_id)}
