"""Whose bindings a request is about, and which platforms are asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, assert_never

from sqlalchemy import any_, literal, or_, select

from unbind_broker.base.database import TEXTS, Db
from unbind_broker.base.errors import BrokerError, FieldError
from unbind_broker.base.ids import CarrierId, OrderId, PlatformId
from unbind_broker.base.numbers import PhoneNumber, mask_digits
from unbind_broker.base.sealing import BlindIndex, Sealer
from unbind_broker.carriers.tables import carriers
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.intake.asked import AfterQuery, Asked, OwnWords
from unbind_broker.intake.refusals import (
    ActionNotOffered,
    NoPlatforms,
    PlatformUnavailable,
    PlatformUnknown,
    QueryUnknown,
)
from unbind_broker.intake.rules import check_reference
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.sealed_numbers import open_number, seal_number
from unbind_broker.orders.service import find_query
from unbind_broker.orders.states import Action, Scope
from unbind_broker.platforms.tables import PlatformStatus, World, platforms


@dataclass(frozen=True)
class Subject:
    """A number with its dates, from the request itself or from the query it follows."""

    number: PhoneNumber
    number_sealed: bytes
    number_index: bytes
    owner_since: date
    scope: Scope
    ported_in_on: date | None
    query_id: OrderId | None


async def find_subject(
    db: Db,
    asked: Asked,
    carrier_id: CarrierId,
    sealer: Sealer,
    blind_index: BlindIndex,
) -> Subject:
    """Find out whom a request is about.

    Raises ``QueryUnknown``, or ``InvalidFields`` for a reference that tells whom.
    """
    match asked.about:
        case OwnWords(number=number, owner_since=owner_since, scope=scope):
            return Subject(
                number,
                seal_number(sealer, number),
                blind_index.index(number),
                owner_since,
                scope,
                asked.ported_in_on,
                query_id=None,
            )
        case AfterQuery(query_id=query_id):
            query = await find_query(db, carrier_id, query_id)
            if query is None:
                raise QueryUnknown
            number = open_number(sealer, query.number_sealed)
            check_reference(asked.reference, number)
            return Subject(
                number,
                query.number_sealed,
                query.number_index,
                query.owner_since,
                query.scope,
                asked.ported_in_on or query.ported_in_on,
                query.id,
            )
        case _:
            assert_never(asked.about)


async def choose_platforms(
    db: Db, asked: Asked, carrier_id: CarrierId
) -> Sequence[PlatformId] | None:
    """Find the platforms to ask; None means all that receive items.

    Raises ``PlatformUnknown``, ``PlatformUnavailable``, ``ActionNotOffered`` or
    ``NoPlatforms``.
    """
    if isinstance(asked.about, AfterQuery):
        return await _found_by_query(db, asked.about.query_id, asked.action)
    if asked.about.platforms is None:
        return None
    return await _named(db, asked.about.platforms, asked.action, carrier_id)


_RECEIVES = (
    (platforms.c.status == PlatformStatus.ACTIVE) & endpoints.c.verified_at.is_not(None)
).label("receives")
_WITH_ENDPOINT = platforms.outerjoin(
    endpoints, endpoints.c.platform_id == platforms.c.id
)


async def _named(
    db: Db, slugs: Sequence[str], action: Action | None, carrier_id: CarrierId
) -> list[PlatformId]:
    """Find platforms by their slugs; those of another world are not there.

    Real platforms are asked by real carriers, the others by twins.
    """
    is_real = select(carriers.c.sandbox_of.is_(None)).where(carriers.c.id == carrier_id)
    rows = await db.execute(
        select(platforms.c.id, platforms.c.slug, platforms.c.capabilities, _RECEIVES)
        .select_from(_WITH_ENDPOINT)
        .where(
            platforms.c.slug == any_(literal(list(slugs), TEXTS)),
            (platforms.c.world == World.REAL) == is_real.scalar_subquery(),
        )
    )
    known = {row.slug: row for row in rows}
    refuse_named(
        PlatformUnknown,
        "no platform has the slug",
        slugs,
        [slug not in known for slug in slugs],
    )
    found = [known[slug] for slug in slugs]
    refuse_named(
        PlatformUnavailable,
        "suspended, or without a verified endpoint:",
        slugs,
        [not row.receives for row in found],
    )
    refuse_named(
        ActionNotOffered,
        f"{action} is not offered by",
        slugs,
        [not _offers(row, action) for row in found],
    )
    return [row.id for row in found]


async def _found_by_query(
    db: Db, query_id: OrderId, action: Action | None
) -> list[PlatformId]:
    """Take what was found bound, and every sensitive platform whatever it answered.

    Otherwise the order would tell with which of them the number was registered.
    """
    rows = await db.execute(
        select(platforms.c.id, platforms.c.slug, platforms.c.capabilities)
        .select_from(_WITH_ENDPOINT.join(items, items.c.platform_id == platforms.c.id))
        .where(
            items.c.order_id == query_id,
            or_(items.c.status == ItemStatus.BOUND, platforms.c.sensitive),
            _RECEIVES.element,
        )
        .order_by(platforms.c.slug)
    )
    found = rows.all()
    if not found:
        raise NoPlatforms(
            "no platform of this query answered bound and can be asked now; if the "
            "query is still running, wait for its end"
        )
    lacking = [row.slug for row in found if not _offers(row, action)]
    if lacking:
        detail = f"{action} is not offered by {', '.join(lacking)}"
        raise ActionNotOffered(detail, (FieldError("/action", detail),))
    return [row.id for row in found]


def _offers(row: Any, action: Action | None) -> bool:
    return action is not Action.CLOSE_ACCOUNT or action in row.capabilities


def refuse_named(
    refusal: type[BrokerError],
    what: str,
    slugs: Sequence[str],
    wrong: Sequence[bool],
) -> None:
    """Raise ``refusal`` if any of the platforms that were named is wrong.

    Its errors point at their places in the request's ``platforms``.
    """
    refused = {
        place: mask_digits(slug)  # a stranger's words
        for place, (slug, is_wrong) in enumerate(zip(slugs, wrong, strict=True))
        if is_wrong
    }
    if refused:
        errors = tuple(
            FieldError(f"/platforms/{place}", f"{what} {slug}")
            for place, slug in refused.items()
        )
        raise refusal(f"{what} {', '.join(refused.values())}", errors)
