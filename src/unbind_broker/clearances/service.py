"""Begin clearances, find one's own, and keep others from changing it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from sqlalchemy import insert, select

from unbind_broker.base.database import BIG, INT, Db, lock_key, sql
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.ids import CarrierId
from unbind_broker.base.sealing import BlindIndex
from unbind_broker.carriers.twins import index_of, is_twin
from unbind_broker.clearances.states import ClearanceStatus
from unbind_broker.clearances.tables import clearances


class ClearanceBusy(BrokerError):
    """Another call is changing this clearance."""

    code: ClassVar[str] = "clearance-busy"
    title: ClassVar[str] = "Another call is changing this clearance"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "5"}


class ClearanceNotDraft(BrokerError):
    """The clearance is published; its numbers do not change any more."""

    code: ClassVar[str] = "clearance-not-draft"
    title: ClassVar[str] = "This clearance is published already"


class TooManyOpenClearances(BrokerError):
    """The carrier has enough clearances that are not over."""

    code: ClassVar[str] = "too-many-open-clearances"
    title: ClassVar[str] = "Too many clearances are open"


@dataclass(frozen=True)
class Clearance:
    """A clearance as it stands."""

    id: UUID
    carrier_id: CarrierId
    status: ClearanceStatus
    numbers: int

    @classmethod
    def of(cls, row: Any) -> Self:
        """Read a row."""
        return cls(row.id, CarrierId(row.carrier_id), row.status, row.numbers)

    def require_draft(self) -> None:
        """Raise ``ClearanceNotDraft`` unless numbers may still be put in."""
        if self.status is not ClearanceStatus.DRAFT:
            raise ClearanceNotDraft(
                f"expected a draft, found this clearance {self.status}; make a new one "
                "for other numbers"
            )


_COLUMNS = (
    clearances.c.id,
    clearances.c.carrier_id,
    clearances.c.status,
    clearances.c.numbers,
)


async def add_draft(
    db: Db, now: datetime, clearance_id: UUID, carrier: CarrierId, reference: str | None
) -> None:
    """Begin a clearance without numbers."""
    values = {
        "id": clearance_id,
        "carrier_id": carrier,
        "status": ClearanceStatus.DRAFT,
        "reference": reference,
        "created_at": now,
    }
    await db.execute(insert(clearances), [values])


async def require_room(db: Db, carrier: CarrierId, most: int) -> None:
    """Refuse a carrier that has ``most`` clearances which are not over, drafts too.

    Until the transaction ends no other one is counted for it. Raises
    ``TooManyOpenClearances``.
    """
    await db.execute(_LOCK, {"key": lock_key(f"clearances/{carrier}")})
    open_ = (await db.execute(_COUNT_OPEN, {"carrier": carrier})).scalar_one()
    if open_ >= most:
        raise TooManyOpenClearances(
            f"{open_} of your clearances are drafts, in progress or stopped; publish "
            f"what waits, or wait for an end: {most} may be open"
        )


async def find(db: Db, clearance_id: UUID, carrier: CarrierId) -> Clearance | None:
    """Read a carrier's own clearance; None: it has none of this id."""
    row = (await db.execute(_own(clearance_id, carrier))).one_or_none()
    return None if row is None else Clearance.of(row)


async def lock(db: Db, clearance_id: UUID, carrier: CarrierId) -> Clearance | None:
    """Keep others from changing a carrier's own clearance until the transaction ends.

    Raises ``ClearanceBusy`` at once where somebody else has it.
    """
    locking = _own(clearance_id, carrier).with_for_update(
        key_share=True, skip_locked=True
    )
    row = (await db.execute(locking)).one_or_none()
    if row is not None:
        return Clearance.of(row)
    if await find(db, clearance_id, carrier) is not None:
        raise ClearanceBusy("numbers are being put in or published; try again")
    return None


async def index_of_clearance(
    db: Db, clearance_id: UUID, index: BlindIndex
) -> BlindIndex:
    """Give the index by which a clearance's numbers are filed."""
    return await index_of(db, await _carrier_of(db, clearance_id), index)


async def is_rehearsed(db: Db, clearance_id: UUID) -> bool:
    """Tell whether a clearance concerns nobody real."""
    return await is_twin(db, await _carrier_of(db, clearance_id))


async def _carrier_of(db: Db, clearance_id: UUID) -> CarrierId:
    whose = select(clearances.c.carrier_id).where(clearances.c.id == clearance_id)
    return CarrierId((await db.execute(whose)).scalar_one())


async def is_published(db: Db, clearance_id: UUID) -> bool:
    """Tell whether there is such a clearance, of any carrier, and no draft."""
    found = await db.execute(
        select(clearances.c.id).where(
            clearances.c.id == clearance_id,
            clearances.c.status != ClearanceStatus.DRAFT,
            clearances.c.destroyed_at.is_(None),
        )
    )
    return found.one_or_none() is not None


def _own(clearance_id: UUID, carrier: CarrierId) -> Any:
    return select(*_COLUMNS).where(
        clearances.c.id == clearance_id,
        clearances.c.carrier_id == carrier,
        clearances.c.destroyed_at.is_(None),
    )


_LOCK = sql("SELECT pg_advisory_xact_lock(:key)", key=BIG)
_COUNT_OPEN = sql(
    f"""
    SELECT count(*) FROM clearances
    WHERE carrier_id = :carrier AND destroyed_at IS NULL
        AND status <> {ClearanceStatus.COMPLETED.code}""",  # noqa: S608 - an enum code
    carrier=INT,
)
