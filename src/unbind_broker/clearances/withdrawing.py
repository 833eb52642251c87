# ruff: noqa: S608 - only enum codes are put into statements
"""Take numbers out of clearances whose former holders have come back."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from unbind_broker.base.database import (
    BYTESES,
    INSTANT,
    INT,
    UUIDS,
    Coded,
    Db,
    fetch_all,
    sql,
)
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import CarrierId
from unbind_broker.clearances.states import ClearanceStatus, WithdrawnFor


@dataclass(frozen=True)
class Withdrawn:
    """Which numbers are withdrawn now, and which had been withdrawn before."""

    now: Collection[bytes]
    before: Collection[bytes]


async def withdraw(
    db: Db, now: datetime, clearance_id: UUID, indexes: Collection[bytes]
) -> Withdrawn:
    """Take numbers out of one clearance; those that it does not hold are left out.

    In a wave that was published platforms read from now on that it is withdrawn.
    """
    values = {
        "clearance": clearance_id,
        "indexes": list(indexes),
        "now": now,
        "why": WithdrawnFor.BY_CARRIER,
    }
    rows = await fetch_all(db, _WITHDRAW, values)
    return Withdrawn(
        now={row.number_index for row in rows if row.withdrawn_at is None},
        before={row.number_index for row in rows if row.withdrawn_at is not None},
    )


async def withdraw_resumed(
    db: Db, now: datetime, carrier: CarrierId, indexes: Collection[bytes]
) -> list[tuple[UUID, bytes]]:
    """Take numbers out of all clearances of a carrier; tells which out of which.

    A draft that is being filled or published is left alone, for that takes long: its
    numbers are looked at when it is published, and whenever they are read.
    """
    sought = {"carrier": carrier, "indexes": list(indexes)}
    drafts = await fetch_all(db, _LOCK_DRAFTS, sought)
    published = await fetch_all(db, _LOCK_PUBLISHED, sought)
    values = {
        "clearances": [row.id for row in (*drafts, *published)],
        "indexes": list(indexes),
        "now": now,
        "why": WithdrawnFor.RESUMED,
    }
    rows = await fetch_all(db, _WITHDRAW_RESUMED, values)
    return [(row.clearance_id, row.number_index) for row in rows]


# Later than its wave was published, whatever a caller's clock says: otherwise it would
# count as a number that no platform was ever shown.
_AT = """greatest(:now, (
            SELECT max(w.published_at) + interval '1 microsecond'
            FROM clearance_waves w
            WHERE w.clearance_id = n.clearance_id
                AND n.place BETWEEN w.first_place AND w.last_place
        ))"""
# What is found names its clearance, see ``publishing``.
_WITHDRAW = sql(
    f"""
    WITH found AS (
        SELECT n.clearance_id, n.place, n.number_index, n.withdrawn_at
        FROM unnest(ARRAY[:clearance]) AS c (id)
        CROSS JOIN unnest(:indexes) AS t (number_index)
        JOIN clearance_numbers n
            ON n.clearance_id = c.id AND n.number_index = t.number_index
        ORDER BY n.place
        FOR NO KEY UPDATE OF n
    ), changed AS (
        UPDATE clearance_numbers n SET withdrawn_at = {_AT}, withdrawn_for = :why
        FROM found f
        WHERE n.clearance_id = f.clearance_id AND n.place = f.place
            AND f.withdrawn_at IS NULL
    )
    SELECT number_index, withdrawn_at FROM found""",
    clearance=UUID_TYPE,
    indexes=BYTESES,
    now=INSTANT,
    why=Coded(WithdrawnFor),
)
# One number after the other in each clearance, by the index that has both. Both kinds
# are locked: what is counted when a clearance is published must stay as it is.
_HOLDING = """
    SELECT c.id FROM clearances c
    WHERE c.carrier_id = :carrier AND c.destroyed_at IS NULL AND EXISTS (
        SELECT FROM unnest(:indexes) AS t (number_index)
        CROSS JOIN LATERAL (
            SELECT n.place FROM clearance_numbers n
            WHERE n.clearance_id = c.id AND n.number_index = t.number_index
                AND n.withdrawn_at IS NULL
            LIMIT 1
        ) found
    )"""
_LOCK_DRAFTS = sql(
    f"""{_HOLDING} AND c.status = {ClearanceStatus.DRAFT.code}
    ORDER BY c.id
    FOR NO KEY UPDATE OF c SKIP LOCKED""",
    carrier=INT,
    indexes=BYTESES,
)
_LOCK_PUBLISHED = sql(
    f"""{_HOLDING} AND c.status <> {ClearanceStatus.DRAFT.code}
    ORDER BY c.id
    FOR NO KEY UPDATE OF c""",
    carrier=INT,
    indexes=BYTESES,
)
_WITHDRAW_RESUMED = sql(
    f"""
    WITH found AS (
        SELECT n.clearance_id, n.place
        FROM unnest(:clearances) AS c (id)
        CROSS JOIN unnest(:indexes) AS t (number_index)
        JOIN clearance_numbers n
            ON n.clearance_id = c.id AND n.number_index = t.number_index
        WHERE n.withdrawn_at IS NULL
        ORDER BY n.clearance_id, n.place
        FOR NO KEY UPDATE OF n
    )
    UPDATE clearance_numbers n SET withdrawn_at = {_AT}, withdrawn_for = :why
    FROM found f
    WHERE n.clearance_id = f.clearance_id AND n.place = f.place
    RETURNING n.clearance_id, n.number_index""",
    clearances=UUIDS,
    indexes=BYTESES,
    now=INSTANT,
    why=Coded(WithdrawnFor),
)
