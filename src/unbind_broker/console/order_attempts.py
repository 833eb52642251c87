"""The requests by which one platform was told of an order."""

from uuid import UUID

from fastapi import APIRouter, Response

from unbind_broker.base.database import Db
from unbind_broker.base.ids import Prefix, format_id, parse_id
from unbind_broker.console.order import id_of, require_order
from unbind_broker.console.orders import HOME
from unbind_broker.console.platform_faults import explainers
from unbind_broker.console.problems import NotHere
from unbind_broker.console.statuses import Statuses
from unbind_broker.console.visits import AdminVisit
from unbind_broker.deliveries.attempt_log import (
    WantedAttempts,
    last_looked_at,
    list_attempts,
)
from unbind_broker.deliveries.attempts import Attempt
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.endpoints import service as endpoints
from unbind_broker.endpoints.endpoint import Owner
from unbind_broker.items.whole_order import Part

PER_PAGE = 50
_TONES = {OutcomeKind.ACCEPTED: "good", OutcomeKind.THROTTLED: "warn"}

router = APIRouter(prefix=HOME, include_in_schema=False)


@router.get("/{name}/items/{slug}")
async def show_attempts(
    visit: AdminVisit, name: str, slug: str, after: str = ""
) -> Response:
    """Show what was sent to one platform about an order, the newest first."""
    before = None if not after else parse_id(after, Prefix.ATTEMPT)
    async with visit.desk.read() as db:
        order = await require_order(db, visit, id_of(name))
        part = next((one for one in order.parts if one.slug == slug), None)
        if part is None:
            raise NotHere("this order has no item of this platform")
        attempts, behind = await _attempts(db, order.id, part, before)
    home = f"{HOME}/{order.name}/items/{slug}"
    more = "" if behind is None else format_id(Prefix.ATTEMPT, behind)
    return visit.page(
        "order_attempts.html",
        200,
        order=order,
        part=part,
        name=visit.name_of(part),
        attempts=attempts,
        more=f"{home}?after={more}" if more else "",
        first=home if after else "",
        tones=_TONES,
        st=Statuses(visit.language),
        **explainers(visit),
    )


async def _attempts(
    db: Db, order_id: UUID, part: Part, before: UUID | None
) -> tuple[list[Attempt], UUID | None]:
    owner = Owner(part.slug, platform_id=part.platform_id)
    endpoint = await endpoints.find(db, owner)
    if endpoint is None:
        return [], None
    wanted = WantedAttempts(subject=order_id)
    found = await list_attempts(db, endpoint.id, wanted, before, PER_PAGE + 1)
    if len(found) > PER_PAGE:
        return found[:PER_PAGE], found[PER_PAGE - 1].id
    return found, await last_looked_at(db, endpoint.id, wanted, before)
