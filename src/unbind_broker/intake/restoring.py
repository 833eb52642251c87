# ruff: noqa: S608 - only enum codes are put into the statement
"""Undo, after it was done: a carrier has its own order undone, where platforms can."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, NamedTuple
from uuid import UUID

from sqlalchemy import select

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import BYTES, INT, INTS, Db, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.errors import BrokerError, InvalidFields
from unbind_broker.base.ids import OrderId, PlatformId
from unbind_broker.base.numbers import clean_free_text
from unbind_broker.base.working_days import WorkingTime
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.holdings.refusals import OwnershipSuperseded
from unbind_broker.holdings.service import is_superseded
from unbind_broker.intake.asked import AskingCarrier
from unbind_broker.intake.place_order import Placed
from unbind_broker.intake.refusals import PlatformUnavailable
from unbind_broker.intake.subjects import refuse_named
from unbind_broker.items.service import create
from unbind_broker.items.states import OPEN as UNFINISHED
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.idempotency import Repeatable, StoredAnswer, earlier_answer
from unbind_broker.orders.restoring import add_restore
from unbind_broker.orders.service import lock_number
from unbind_broker.orders.states import OPEN, OrderKind, Scope
from unbind_broker.orders.tables import orders
from unbind_broker.orders.views import show_order_id
from unbind_broker.platforms.tables import PlatformStatus, platforms

UNDOABLE = frozenset({ItemStatus.UNBOUND, ItemStatus.PARTLY_UNBOUND, ItemStatus.CLOSED})
"""Results that can be undone while ``restorable_until`` lies ahead."""


class NotRestorable(BrokerError):
    """Something that was named cannot be restored, or was never part of the order."""

    code: ClassVar[str] = "not-restorable"
    title: ClassVar[str] = "There is nothing to attach again at this platform"


class NothingToRestore(BrokerError):
    """No platform of the order can attach anything again."""

    code: ClassVar[str] = "nothing-to-restore"
    title: ClassVar[str] = "There is nothing to attach again"


@dataclass(frozen=True, kw_only=True)
class AskedRestore:
    """Which order shall be undone, where (no ``platforms``: wherever possible), why."""

    order_id: UUID
    platforms: tuple[str, ...] | None
    reason: str
    repeatable: Repeatable | None = None


async def restore(
    db: Db,
    now: datetime,
    asked: AskedRestore,
    carrier: AskingCarrier,
    working_time: WorkingTime,
) -> Placed | StoredAnswer | None:
    """Place a restore order, or return the answer that this request got before.

    Where one is under way that does all of it, that is what was placed: whoever asks
    twice has it done once. None if no order of the carrier has this id. Raises
    ``NotRestorable``, ``NothingToRestore``, ``PlatformUnavailable``,
    ``OwnershipSuperseded``, ``InvalidFields`` and the errors of
    ``orders.idempotency``; then the caller's transaction must not commit.
    """
    if asked.repeatable:
        answer = await earlier_answer(db, asked.repeatable)
        if answer:
            return answer
    InvalidFields.check({"/platforms": _platforms_fault(asked.platforms)})
    original = await _find(db, carrier, asked.order_id)
    if original is None:
        return None
    if original.kind is not OrderKind.UNBIND or original.number_index is None:
        raise NothingToRestore("this order detached nothing that can be undone now")
    await lock_number(db, original.number_index)
    if await is_superseded(db, original.number_index, original.owner_since):
        raise OwnershipSuperseded(original.number_index)
    parts = await _parts(db, now, original)
    chosen = _choose(parts, asked.platforms)
    folded = [part.platform_id for part in parts if part.folded]
    restore_id = await _find_running(db, original, carrier, chosen, folded)
    if restore_id is None:
        restore_id = await _add(db, now, original, chosen, working_time)
    await record(
        db, now, _asked_fact(original, restore_id, asked.reason, carrier, chosen)
    )
    return Placed(restore_id)


async def _find_running(
    db: Db,
    original: "_Original",
    carrier: AskingCarrier,
    chosen: Sequence[PlatformId],
    folded: Sequence[PlatformId],
) -> OrderId | None:
    """Find an order that its carrier sees undoing all of this at the moment.

    Who refused is asked again, unless ``folded``: a new order would tell that it did.
    """
    values = {
        "number": original.number_index,
        "of": original.id,
        "carrier": carrier.id,
        "chosen": list(chosen),
        "folded": list(folded),
    }
    found: OrderId | None = (await db.execute(_RUNNING, values)).scalar_one_or_none()
    return found


async def _add(
    db: Db,
    now: datetime,
    original: "_Original",
    chosen: Sequence[PlatformId],
    working_time: WorkingTime,
) -> OrderId:
    deadline = working_time.deadline(now)
    restore_id = await add_restore(db, now, original.id, deadline, hidden=False)
    if restore_id is None:
        raise NothingToRestore("the number of this order has been destroyed")
    if await create(db, restore_id, chosen) < len(chosen):
        raise PlatformUnavailable("a platform was suspended at this moment; try again")
    return restore_id


class _Original(NamedTuple):
    """The order that shall be undone."""

    id: UUID
    kind: OrderKind
    scope: Scope
    number_index: bytes | None
    owner_since: date


class _Part(NamedTuple):
    """One platform's part of it.

    ``folded`` parts are never named to the carrier; ``was_asked`` and ``receives`` tell
    nothing of what the platform answered.
    """

    platform_id: PlatformId
    slug: str
    folded: bool
    was_asked: bool
    is_undoable: bool
    receives: bool


def _platforms_fault(named: Sequence[str] | None) -> str | None:
    if named is None:
        return None
    if not named:
        return "expected at least one platform; leave the field out to restore all"
    if len(set(named)) < len(named):
        return "expected each platform once"
    return None


async def _find(db: Db, carrier: AskingCarrier, order_id: UUID) -> _Original | None:
    found = await db.execute(
        select(*(orders.c[name] for name in _Original._fields)).where(
            orders.c.id == order_id,
            orders.c.carrier_id == carrier.id,
            orders.c.kind != OrderKind.QUERY,
            ~orders.c.hidden,
        )
    )
    row = found.one_or_none()
    return None if row is None else _Original(*row)


async def _parts(db: Db, now: datetime, original: _Original) -> list[_Part]:
    rows = await db.execute(
        select(
            platforms.c.id,
            platforms.c.slug,
            platforms.c.sensitive,
            items.c.status,
            items.c.attempts,
            items.c.acknowledged_at,
            items.c.restorable_until,
            (
                (platforms.c.status == PlatformStatus.ACTIVE)
                & endpoints.c.verified_at.is_not(None)
            ).label("receives"),
        )
        .join(platforms, platforms.c.id == items.c.platform_id)
        .outerjoin(endpoints, endpoints.c.platform_id == platforms.c.id)
        .where(items.c.order_id == original.id)
        .order_by(platforms.c.id)
    )
    folds = original.scope is Scope.PREVIOUS_OWNER
    return [
        _Part(
            platform_id=row.id,
            slug=row.slug,
            folded=row.sensitive and folds,
            was_asked=row.attempts > 0 or row.acknowledged_at is not None,
            is_undoable=row.status in UNDOABLE
            and row.restorable_until is not None
            and row.restorable_until > now,
            receives=bool(row.receives),
        )
        for row in rows
    ]


def _choose(parts: Sequence[_Part], named: Sequence[str] | None) -> list[PlatformId]:
    if named is not None:
        return _choose_named(parts, named)
    # Every folded platform that was asked, whatever it answered: how many a restore
    # order goes to would otherwise tell how many of them had bindings.
    chosen = [
        part.platform_id
        for part in parts
        if part.receives and (part.was_asked if part.folded else part.is_undoable)
    ]
    if not chosen:
        raise NothingToRestore("no platform of this order can attach anything again")
    return chosen


def _choose_named(parts: Sequence[_Part], named: Sequence[str]) -> list[PlatformId]:
    known = {part.slug: part for part in parts if part.is_undoable and not part.folded}
    # The same words for what was refused, what was never asked and what is folded.
    refuse_named(
        NotRestorable,
        "nothing of this order can be attached again at",
        named,
        [slug not in known for slug in named],
    )
    refuse_named(
        PlatformUnavailable,
        "suspended, or without a verified endpoint:",
        named,
        [not known[slug].receives for slug in named],
    )
    return [known[slug].platform_id for slug in named]


def _asked_fact(
    original: _Original,
    restore_id: OrderId,
    reason: str,
    carrier: AskingCarrier,
    chosen: Sequence[PlatformId],
) -> Fact:
    return Fact(
        carrier.actor,
        "order.restore_asked",
        order_id=original.id,
        number_index=original.number_index,
        facts={
            "restore": show_order_id(OrderKind.RESTORE, restore_id),
            "reason": clean_free_text(reason),
            "platforms": len(chosen),
        },
    )


_DOING = UNFINISHED | {ItemStatus.RESTORED, ItemStatus.NOT_BOUND}
_RUNNING = sql(
    f"""
    SELECT r.id FROM orders r
    WHERE r.number_index = :number AND r.restores = :of AND r.carrier_id = :carrier
        AND r.status IN ({codes_of(OPEN)}) AND r.told_at IS NULL AND NOT r.hidden
        AND (
            SELECT count(*) FROM items i
            WHERE i.order_id = r.id AND i.platform_id = ANY(:chosen)
                AND (i.status IN ({codes_of(_DOING)}) OR i.platform_id = ANY(:folded))
        ) = cardinality(:chosen)
    ORDER BY r.id DESC
    LIMIT 1""",
    number=BYTES,
    of=UUID_TYPE,
    carrier=INT,
    chosen=INTS,
    folded=INTS,
)
