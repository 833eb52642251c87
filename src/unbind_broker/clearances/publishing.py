# ruff: noqa: S608 - only enum codes are put into statements
"""Publish a clearance: from a draft to waves, and each wave to its platforms."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, NamedTuple
from uuid import UUID

from sqlalchemy import insert, update

from unbind_broker.base.database import INSTANT, INT, Coded, Db, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.ids import CarrierId, new_uuid7
from unbind_broker.clearances.live import HELD
from unbind_broker.clearances.service import Clearance
from unbind_broker.clearances.states import ClearanceStatus, WithdrawnFor
from unbind_broker.clearances.tables import clearance_waves, clearances
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.posted_to import POSTED_TO
from unbind_broker.platforms.receiving import RECEIVERS, RECEIVES, in_world_of

FIRST = 1
REST = 2
AT_ONCE = 50_000
"""Places of one statement."""


class ClearanceEmpty(BrokerError):
    """There is no number to publish."""

    code: ClassVar[str] = "clearance-empty"
    title: ClassVar[str] = "There is no number to clear"


@dataclass(frozen=True)
class Plan:
    """When platforms must be done, how many numbers go first, how long they are tried.

    The others follow ``pause`` later.
    """

    deadline: datetime
    first_wave: int
    pause: timedelta


@dataclass(frozen=True)
class Wave:
    """Numbers that are published at one time, with the id of what tells of them."""

    clearance_id: UUID
    wave: int
    notice_id: UUID
    first_place: int
    last_place: int
    numbers: int
    due_at: datetime


class Sought(NamedTuple):
    """Whose numbers are looked at; holders count by ``confirmed`` as in ``live``."""

    clearance_id: UUID
    carrier_id: CarrierId
    confirmed: datetime


async def refuse_held(
    db: Db, now: datetime, sought: Sought, behind: int, last: int
) -> int:
    """Withdraw numbers on some places that somebody has come to hold; returns how many.

    ``AT_ONCE`` places take about a second.
    """
    values = {
        "clearance": sought.clearance_id,
        "carrier": sought.carrier_id,
        "confirmed": sought.confirmed,
        "behind": behind,
        "last": last,
        "now": now,
        "why": WithdrawnFor.LIVE_HOLDING,
    }
    return (await db.execute(_REFUSE_HELD, values)).rowcount


async def refuse_all_held(db: Db, now: datetime, sought: Sought) -> int:
    """Do so on all places of a clearance."""
    refused, last = 0, await _last_place(db, sought.clearance_id)
    for behind in range(0, last, AT_ONCE):
        refused += await refuse_held(db, now, sought, behind, behind + AT_ONCE)
    return refused


async def plan_waves(
    db: Db, now: datetime, clearance: Clearance, plan: Plan
) -> list[Wave]:
    """Publish a draft: write its waves down, the first of them due at once.

    Raises ``ClearanceEmpty``.
    """
    last = await _last_place(db, clearance.id)
    values = {"clearance": clearance.id, "first": plan.first_wave}
    counted = (await db.execute(_COUNT, values)).one()
    if not counted.numbers:
        raise ClearanceEmpty("expected at least one number that was not withdrawn")
    border = counted.border or last
    first = min(counted.numbers, plan.first_wave)
    waves = [_wave(now, clearance, FIRST, (1, border), first, now)]
    if counted.numbers > first:
        rest, later = counted.numbers - first, now + plan.pause
        waves.append(_wave(now, clearance, REST, (border + 1, last), rest, later))
    await db.execute(insert(clearance_waves), [vars(wave) for wave in waves])
    await db.execute(
        update(clearances)
        .where(clearances.c.id == clearance.id)
        .values(
            status=ClearanceStatus.IN_PROGRESS,
            published_at=now,
            deadline=plan.deadline,
        )
    )
    return waves


async def publish_wave(db: Db, now: datetime, wave: Wave) -> int:
    """Publish a wave to all active platforms with a verified endpoint; counts them.

    Those that are posted to are told; the others find it when they ask. Who joins later
    has no part in it.
    """
    values = {"clearance": wave.clearance_id, "wave": wave.wave}
    await db.execute(_PUBLISHED, {**values, "now": now})
    platforms = (await db.execute(_TO_PLATFORMS, values)).rowcount
    event = EventType.CLEARANCE_PUBLISHED
    notice = {"notice": wave.notice_id, "event": event, "now": now}
    await db.execute(_TELL, {**values, **notice})
    return platforms


async def _last_place(db: Db, clearance_id: UUID) -> int:
    found = await db.execute(_LAST_PLACE, {"clearance": clearance_id})
    return found.scalar_one() or 0


def _wave(
    now: datetime,
    clearance: Clearance,
    wave: int,
    places: tuple[int, int],
    numbers: int,
    due_at: datetime,
) -> Wave:
    first, last = places
    notice = new_uuid7(now)
    return Wave(clearance.id, wave, notice, first, last, numbers, due_at)


_LAST_PLACE = sql(
    "SELECT max(place) FROM clearance_numbers WHERE clearance_id = :clearance",
    clearance=UUID_TYPE,
)
# What is found names its clearance itself. Were it said once more which one to change,
# Postgres might read all of it for each number that was found: of one that is new it
# knows nothing, and takes it for small.
_REFUSE_HELD = sql(
    f"""
    UPDATE clearance_numbers changed SET withdrawn_at = :now, withdrawn_for = :why
    FROM (
        SELECT n.clearance_id, n.place
        FROM clearance_numbers n
        CROSS JOIN LATERAL (
            SELECT h.id FROM holdings h
            WHERE h.number_index = n.number_index AND {HELD}
            LIMIT 1
        ) held
        WHERE n.clearance_id = :clearance AND n.place > :behind AND n.place <= :last
            AND n.withdrawn_at IS NULL
        ORDER BY n.place
        FOR NO KEY UPDATE OF n
    ) found
    WHERE changed.clearance_id = found.clearance_id
        AND changed.place = found.place""",
    clearance=UUID_TYPE,
    carrier=INT,
    confirmed=INSTANT,
    behind=INT,
    last=INT,
    now=INSTANT,
    why=Coded(WithdrawnFor),
)
_COUNT = sql(
    """
    SELECT (SELECT numbers FROM clearances WHERE id = :clearance) - (
            SELECT count(*) FROM clearance_numbers
            WHERE clearance_id = :clearance AND withdrawn_at IS NOT NULL
        ) AS numbers,
        (
            SELECT place FROM clearance_numbers
            WHERE clearance_id = :clearance AND withdrawn_at IS NULL
            ORDER BY place
            OFFSET :first - 1 LIMIT 1
        ) AS border""",
    clearance=UUID_TYPE,
    first=INT,
)
_PUBLISHED = sql(
    """
    UPDATE clearance_waves SET published_at = :now
    WHERE clearance_id = :clearance AND wave = :wave""",
    clearance=UUID_TYPE,
    wave=INT,
    now=INSTANT,
)
_CARRIER = "(SELECT carrier_id FROM clearances WHERE id = :clearance)"
_TO_PLATFORMS = sql(
    f"""
    INSERT INTO clearance_platforms (clearance_id, platform_id, wave)
    SELECT :clearance, p.id, :wave
    FROM {RECEIVERS}
    WHERE {RECEIVES} AND {in_world_of(_CARRIER)}
    ORDER BY p.id""",
    clearance=UUID_TYPE,
    wave=INT,
)
_TELL = sql(
    f"""
    INSERT INTO deliveries (endpoint_id, due_at, event, order_id, attempt)
    SELECT e.id, :now, :event, :notice, 0
    FROM clearance_platforms c
    JOIN endpoints e ON e.platform_id = c.platform_id AND {POSTED_TO}
    WHERE c.clearance_id = :clearance AND c.wave = :wave
    ORDER BY e.id
    ON CONFLICT ON CONSTRAINT deliveries_subject DO NOTHING""",
    clearance=UUID_TYPE,
    wave=INT,
    now=INSTANT,
    event=Coded(EventType),
    notice=UUID_TYPE,
)
