"""Register platforms, change what is known about them, suspend them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime

from sqlalchemy import RowMapping

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.ids import PlatformId
from unbind_broker.base.names import SlugTaken, slug_fault
from unbind_broker.platforms import store
from unbind_broker.platforms.profile import Profile, check_profile
from unbind_broker.platforms.tables import PlatformStatus, World

_PROFILE = frozenset(field.name for field in fields(Profile))


@dataclass(frozen=True)
class Platform:
    """An internet service that binds accounts to numbers."""

    id: PlatformId
    slug: str
    profile: Profile
    status: PlatformStatus
    created_at: datetime
    changed_at: datetime
    world: World


@dataclass(frozen=True)
class Imported:
    """What an import came to, as slugs."""

    added: tuple[str, ...]
    there_already: tuple[str, ...]


async def add(
    db: Db,
    now: datetime,
    slug: str,
    profile: Profile,
    actor: str,
    world: World = World.REAL,
) -> Platform:
    """Register a platform; raises ``InvalidFields`` or ``SlugTaken``."""
    InvalidFields.check({"/slug": slug_fault(slug)})
    checked = check_profile(profile)
    row = {**_new_row(slug, checked, now), "world": world}
    rows = await store.insert_new(db, [row])
    if not rows:
        raise SlugTaken(f"a platform with the slug {slug} is registered already")
    facts = {"slug": slug, **asdict(checked)}
    if world is not World.REAL:
        facts["world"] = world.value
    await _record(db, now, actor, "platform.added", facts)
    return _platform(rows[0])


async def import_catalogue(
    db: Db, now: datetime, entries: Sequence[tuple[str, Profile]], actor: str
) -> Imported:
    """Register many platforms at once; those registered already stay as they are.

    Raises ``InvalidFields`` whose pointers begin with the entry's place: ``/3/slug``.
    """
    rows = [
        _checked_row(place, slug, profile, now)
        for place, (slug, profile) in enumerate(entries)
    ]
    inserted = await store.insert_new(db, rows) if rows else []
    added = {row["slug"] for row in inserted}
    slugs = dict.fromkeys(slug for slug, _ in entries)
    imported = Imported(
        added=tuple(slug for slug in slugs if slug in added),
        there_already=tuple(slug for slug in slugs if slug not in added),
    )
    if imported.added:
        await _record(db, now, actor, "platforms.imported", {"slugs": imported.added})
    return imported


async def find(db: Db, slug: str) -> Platform | None:
    """Read one platform by its slug."""
    row = await store.load(db, slug)
    return None if row is None else _platform(row)


async def list_page(
    db: Db, after: str | None, limit: int, *, real: bool = False
) -> list[Platform]:
    """Read up to ``limit`` platforms in the order of their slugs, or ``real`` ones."""
    rows = await store.load_page(db, after, limit, real=real)
    return [_platform(row) for row in rows]


async def change(
    db: Db, now: datetime, slug: str, changes: Mapping[str, object], actor: str
) -> Platform | None:
    """Change fields of the profile by name; None if there is no such platform.

    The profile is judged as a whole: dropping the domain of ``cancel_url`` is refused.
    """
    row = await store.load(db, slug, lock=True)
    if row is None:
        return None
    before = _platform(row).profile
    after = check_profile(replace(before, **changes))  # type: ignore[arg-type] # by name
    new = {
        name: value
        for name, value in asdict(after).items()
        if value != getattr(before, name)
    }
    if new:
        row = await store.write(db, slug, now, **new)
        await _record(db, now, actor, "platform.changed", {"slug": slug, **new})
    return _platform(row)


async def suspend(db: Db, now: datetime, slug: str, actor: str) -> Platform | None:
    """Give a platform no new items; None if there is no such one."""
    return await _set_status(db, now, slug, PlatformStatus.SUSPENDED, actor)


async def resume(db: Db, now: datetime, slug: str, actor: str) -> Platform | None:
    """Give a suspended platform items again; None if there is no such one."""
    return await _set_status(db, now, slug, PlatformStatus.ACTIVE, actor)


async def _set_status(
    db: Db, now: datetime, slug: str, status: PlatformStatus, actor: str
) -> Platform | None:
    row = await store.write_status(db, slug, now, status)
    if row is None:
        return await find(db, slug)
    verb = "suspended" if status is PlatformStatus.SUSPENDED else "resumed"
    await _record(db, now, actor, f"platform.{verb}", {"slug": slug})
    return _platform(row)


def _checked_row(
    place: int, slug: str, profile: Profile, now: datetime
) -> dict[str, object]:
    try:
        InvalidFields.check({"/slug": slug_fault(slug)})
        return _new_row(slug, check_profile(profile), now)
    except InvalidFields as invalid:
        raise InvalidFields(
            tuple(
                replace(wrong, pointer=f"/{place}{wrong.pointer}")
                for wrong in invalid.errors
            )
        ) from None


def _new_row(slug: str, profile: Profile, now: datetime) -> dict[str, object]:
    return {
        "slug": slug,
        **asdict(profile),
        "status": PlatformStatus.ACTIVE,
        "created_at": now,
        "changed_at": now,
    }


async def _record(
    db: Db, now: datetime, actor: str, action: str, facts: Mapping[str, object]
) -> None:
    await record(db, now, Fact(actor=actor, action=action, facts=facts))


def _platform(row: RowMapping) -> Platform:
    columns = dict(row)
    known = {name: columns.pop(name) for name in _PROFILE}
    for several in ("domains", "capabilities"):
        known[several] = tuple(known[several])
    return Platform(profile=Profile(**known), **columns)
