"""Register carriers, rename them, suspend them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.ids import CarrierId
from unbind_broker.base.names import SlugTaken, name_fault, slug_fault
from unbind_broker.carriers import store
from unbind_broker.carriers.jwks import Jwks, checked_jwks, key_ids
from unbind_broker.carriers.tables import CarrierStatus
from unbind_broker.carriers.twins import mirror


@dataclass(frozen=True)
class Carrier:
    """An API client who attests who holds a number."""

    id: CarrierId
    slug: str
    name_zh: str
    name_en: str
    status: CarrierStatus
    created_at: datetime
    changed_at: datetime
    jwks: Jwks | None
    attestation_required: bool
    sandbox_of: CarrierId | None


@dataclass(frozen=True)
class NewCarrier:
    """A carrier that shall be registered."""

    slug: str
    name_zh: str
    name_en: str
    jwks: Jwks | None = None
    attestation_required: bool = False


@dataclass(frozen=True)
class CarrierChanges:
    """New names, keys and demands; None leaves one as it is."""

    name_zh: str | None = None
    name_en: str | None = None
    jwks: Jwks | None = None
    attestation_required: bool | None = None


async def add(db: Db, now: datetime, new: NewCarrier, actor: str) -> Carrier:
    """Register a carrier; raises ``InvalidFields`` or ``SlugTaken``."""
    InvalidFields.check(
        {
            "/slug": slug_fault(new.slug),
            "/name_zh": name_fault(new.name_zh),
            "/name_en": name_fault(new.name_en),
        }
    )
    values = _checked(asdict(new))
    _check_demand(values)
    row = await store.insert_new(
        db, **values, status=CarrierStatus.ACTIVE, created_at=now, changed_at=now
    )
    if row is None:
        raise SlugTaken(f"a carrier with the slug {new.slug} is registered already")
    await _record(db, now, actor, "carrier.added", _told(values))
    return _carrier(row)


async def find(db: Db, slug: str, *, or_twin: bool = False) -> Carrier | None:
    """Read one carrier by its slug; a twin counts only where it is asked for."""
    row = await store.load(db, slug)
    if row is None or (row["sandbox_of"] is not None and not or_twin):
        return None
    return _carrier(row)


async def list_page(db: Db, after: str | None, limit: int) -> list[Carrier]:
    """Read up to ``limit`` carriers in the order of their slugs, without twins."""
    return [_carrier(row) for row in await store.load_page(db, after, limit)]


async def change(
    db: Db, now: datetime, slug: str, changes: CarrierChanges, actor: str
) -> Carrier | None:
    """Rename a carrier; None if there is no such one."""
    asked = {
        name: value for name, value in asdict(changes).items() if value is not None
    }
    InvalidFields.check(
        {f"/{name}": name_fault(asked[name]) for name in _NAMES & asked.keys()}
    )
    asked = _checked(asked)
    row = await store.load(db, slug, lock=True)
    if row is None:
        return None
    new = {name: value for name, value in asked.items() if row[name] != value}
    if new:
        _check_demand({**row, **new})
        row = await store.write(db, slug, now, **new)
        await mirror(db, now, row)
        await _record(db, now, actor, "carrier.changed", {"slug": slug, **_told(new)})
    return _carrier(row)


async def suspend(db: Db, now: datetime, slug: str, actor: str) -> Carrier | None:
    """Stop taking a carrier's calls; None if there is no such one."""
    return await _set_status(db, now, slug, CarrierStatus.SUSPENDED, actor)


async def resume(db: Db, now: datetime, slug: str, actor: str) -> Carrier | None:
    """Take a suspended carrier's calls again; None if there is no such one."""
    return await _set_status(db, now, slug, CarrierStatus.ACTIVE, actor)


async def _set_status(
    db: Db, now: datetime, slug: str, status: CarrierStatus, actor: str
) -> Carrier | None:
    row = await store.write_status(db, slug, now, status)
    if row is None:
        return await find(db, slug)
    await mirror(db, now, row)
    verb = "suspended" if status is CarrierStatus.SUSPENDED else "resumed"
    await _record(db, now, actor, f"carrier.{verb}", {"slug": slug})
    return _carrier(row)


_NAMES = {"name_zh", "name_en"}


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    """Check the keys where there are any."""
    if values.get("jwks") is None:
        return values
    return {**values, "jwks": checked_jwks(values["jwks"])}


def _check_demand(values: Mapping[str, Any]) -> None:
    """Refuse to demand attestations that no key could check."""
    lacking = values["attestation_required"] and not key_ids(values["jwks"])
    words = "expected keys in jwks: attestations could not be checked without"
    InvalidFields.check({"/attestation_required": words if lacking else None})


def _told(values: Mapping[str, Any]) -> dict[str, object]:
    """Name keys by their ids in the audit trail."""
    named = {"jwks": key_ids(values["jwks"])} if values.get("jwks") else {}
    return {**values, **named}


async def _record(
    db: Db, now: datetime, actor: str, action: str, facts: dict[str, object]
) -> None:
    await record(db, now, Fact(actor=actor, action=action, facts=facts))


def _carrier(row: RowMapping) -> Carrier:
    return Carrier(**row)
