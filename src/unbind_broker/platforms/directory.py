"""What every caller may know about platforms (a read model)."""

from dataclasses import dataclass, fields

from sqlalchemy import and_, false, func, select

from unbind_broker.base.database import Db
from unbind_broker.base.ids import PlatformId
from unbind_broker.endpoints.states import EndpointStatus
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.platforms.tables import PlatformStatus, World, platforms


@dataclass(frozen=True)
class Listed:
    """A platform as the directory shows it.

    ``accepting``: it is active and items sent to it would go out now.
    """

    id: PlatformId
    slug: str
    name_zh: str
    name_en: str
    category: str
    sensitive: bool
    capabilities: tuple[str, ...]
    cancel_url: str | None
    accepting: bool


@dataclass(frozen=True)
class Wanted:
    """Which platforms to list, the real ones or those of rehearsals; None takes all."""

    category: str | None = None
    accepting: bool | None = None
    rehearsing: bool = False


_accepting = func.coalesce(
    and_(
        platforms.c.status == PlatformStatus.ACTIVE,
        endpoints.c.status == EndpointStatus.ACTIVE,
        endpoints.c.verified_at.is_not(None),
    ),
    false(),
)
_listed = select(
    *(platforms.c[field.name] for field in fields(Listed) if field.name in platforms.c),
    _accepting.label("accepting"),
).select_from(platforms.outerjoin(endpoints, endpoints.c.platform_id == platforms.c.id))


async def list_page(
    db: Db, wanted: Wanted, after: str | None, limit: int
) -> list[Listed]:
    """Read up to ``limit`` platforms in the order of their slugs."""
    is_real = platforms.c.world == World.REAL
    listed = _listed.where(~is_real if wanted.rehearsing else is_real)
    page = listed.order_by(platforms.c.slug).limit(limit)
    if after is not None:
        page = page.where(platforms.c.slug > after)
    if wanted.category is not None:
        page = page.where(platforms.c.category == wanted.category)
    if wanted.accepting is not None:
        page = page.where(_accepting == wanted.accepting)
    rows = (await db.execute(page)).mappings()
    return [
        Listed(**{**row, "capabilities": tuple(row["capabilities"])}) for row in rows
    ]
