# ruff: noqa: S608 - only enum codes are put into statements
"""Pages of the manifest, and how far each platform has read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from unbind_broker.base.database import INSTANT, INT, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.ids import PlatformId
from unbind_broker.clearances.live import HELD_AGAIN
from unbind_broker.clearances.portions import Portion, Published
from unbind_broker.clearances.states import ClearanceStatus


class ClearanceStopped(BrokerError):
    """Too many of its numbers turned out to be in use."""

    code = "clearance-stopped"
    title = "This clearance has stopped"


class ClearanceHeld(BrokerError):
    """Its carrier may have nothing unbound at present."""

    code = "clearance-held"
    title = "Unbinding is stopped for this carrier"
    headers = {"Retry-After": "300"}  # noqa: RUF012 - never changed


@dataclass(frozen=True)
class ListedNumber:
    """A number as it is kept, sealed; ``withdrawn``: it is somebody's, or will be."""

    place: int
    sealed: bytes
    disconnected_on: date
    withdrawn: bool


@dataclass(frozen=True)
class Sheet:
    """A page: what stands on the places of one wave behind ``after``."""

    portion: Portion
    after: int
    reached: int
    numbers: Sequence[ListedNumber]
    is_last: bool


async def read_sheet(
    db: Db,
    published: Published,
    wave: int | None,
    after: int,
    limit: int,
    confirmed: datetime,
) -> Sheet | None:
    """Read up to ``limit`` numbers behind a place, of one wave; None: none is left.

    Holders that were ``confirmed`` since then count, see ``live``. Raises
    ``ClearanceStopped`` and ``ClearanceHeld``: nobody shall detach what may be
    somebody's.
    """
    _require_readable(published)
    ahead = [
        one
        for one in published.portions
        if one.last_place > after and wave in {None, one.wave}
    ]
    if not ahead:
        return None
    portion = ahead[0]
    start = max(after, portion.first_place - 1)
    whose = {"clearance": published.id, "carrier": published.carrier_id}
    places = {"after": start, "last": portion.last_place, "limit": limit}
    values = {**whose, "confirmed": confirmed, **places}
    rows = await fetch_all(db, _READ, values)
    ends = len(rows) < limit or rows[-1].place >= portion.last_place
    return Sheet(
        portion=portion,
        after=start,
        reached=portion.last_place if ends else rows[-1].place,
        numbers=[_listed(row) for row in rows if _was_published(row, portion)],
        is_last=ends and len(ahead) == 1,
    )


async def note_read(
    db: Db, clearance_id: UUID, platform: PlatformId, sheet: Sheet
) -> None:
    """Note that a page was handed out; one behind a gap moves nothing."""
    portion = sheet.portion
    if sheet.reached > portion.read_to:
        await db.execute(
            _NOTE,
            {
                "clearance": clearance_id,
                "platform": platform,
                "wave": portion.wave,
                "before": portion.first_place - 1,
                "after": sheet.after,
                "reached": sheet.reached,
            },
        )


def _require_readable(published: Published) -> None:
    if published.held:
        raise ClearanceHeld(
            "its carrier is suspended, or unbinding is stopped: detach nothing more of "
            "it for the moment, and ask again later"
        )
    if published.status is ClearanceStatus.STOPPED:
        raise ClearanceStopped(
            "too many of its numbers are in use: detach nothing more of it until "
            "clearance.published comes again"
        )


def _was_published(row: Any, portion: Portion) -> bool:
    """Tell whether a number was there still when its wave was published."""
    return row.withdrawn_at is None or row.withdrawn_at > portion.published_at


def _listed(row: Any) -> ListedNumber:
    return ListedNumber(
        place=row.place,
        sealed=row.number_sealed,
        disconnected_on=row.disconnected_on,
        withdrawn=row.withdrawn_at is not None or row.held,
    )


_READ = sql(
    f"""
    SELECT n.place, n.number_sealed, n.disconnected_on, n.withdrawn_at,
        held.id IS NOT NULL AS held
    FROM clearance_numbers n
    {HELD_AGAIN}
    WHERE n.clearance_id = :clearance AND n.place > :after AND n.place <= :last
    ORDER BY n.place
    LIMIT :limit
    """,
    clearance=UUID_TYPE,
    carrier=INT,
    confirmed=INSTANT,
    after=INT,
    last=INT,
    limit=INT,
)
_NOTE = sql(
    """
    UPDATE clearance_platforms SET read_to = greatest(read_to, :reached)
    WHERE clearance_id = :clearance AND platform_id = :platform AND wave = :wave
        AND greatest(read_to, :before) >= :after
    """,
    clearance=UUID_TYPE,
    platform=INT,
    wave=INT,
    before=INT,
    after=INT,
    reached=INT,
)
