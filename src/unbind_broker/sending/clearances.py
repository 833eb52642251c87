# ruff: noqa: S608 - only enum codes are put into statements
"""What platforms are told when a wave of a clearance was published to them."""

import json
from collections.abc import Sequence
from typing import Any

from unbind_broker.base.database import INTS, UUIDS, Db, fetch_all, sql
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.base.instants import show_instant
from unbind_broker.carriers.tables import REAL_SLUG
from unbind_broker.clearances.states import ClearanceStatus
from unbind_broker.deliveries.queue import Subject
from unbind_broker.endpoints.events import EventType
from unbind_broker.sending.payloads import OutgoingNotice


async def load_clearances(
    db: Db, subjects: Sequence[Subject]
) -> list[tuple[Subject, OutgoingNotice]]:
    """Read what tells of waves; none of them names a number.

    It is not repeated once the platform is done with the wave, nor while the clearance
    stands still: then its ``deadline`` lies in the past.
    """
    if not subjects:
        return []
    values = {
        "endpoints": [one.endpoint_id for one in subjects],
        "notices": [one.subject_id for one in subjects],
    }
    event = EventType.CLEARANCE_PUBLISHED
    return [
        (Subject(row.endpoint_id, event, row.notice_id), _told(row))
        for row in await fetch_all(db, _READ, values)
    ]


def _told(row: Any) -> OutgoingNotice:
    return OutgoingNotice(
        notice_id=row.notice_id,
        event=EventType.CLEARANCE_PUBLISHED,
        at=row.published_at,
        data=_data(row),
        deadline=row.deadline if row.is_open else row.published_at,
    )


def _data(row: Any) -> bytes:
    written = format_id(Prefix.CLEARANCE, row.id)
    data = {
        "id": written,
        "wave": row.wave,
        "numbers": row.numbers,
        "carrier": row.slug,
        "interval": "per_number",
        "published_at": show_instant(row.published_at),
        "deadline": show_instant(row.deadline),
        "manifest": f"/v1/clearances/{written}/manifest?wave={row.wave}",
    }
    return json.dumps(data, separators=(",", ":")).encode()


_READ = sql(
    f"""
    SELECT n.endpoint_id, w.notice_id, w.wave, w.numbers, w.published_at, c.id,
        c.deadline, {REAL_SLUG} AS slug,
        c.status = {ClearanceStatus.IN_PROGRESS.code} AND p.complete_at IS NULL
            AS is_open
    FROM unnest(:endpoints, :notices) AS n (endpoint_id, notice_id)
    JOIN endpoints e ON e.id = n.endpoint_id
    JOIN clearance_waves w ON w.notice_id = n.notice_id
    JOIN clearance_platforms p ON p.clearance_id = w.clearance_id
        AND p.platform_id = e.platform_id AND p.wave = w.wave
    JOIN clearances c ON c.id = w.clearance_id
    JOIN carriers ON carriers.id = c.carrier_id
    WHERE w.published_at IS NOT NULL
    """,
    endpoints=INTS,
    notices=UUIDS,
)
