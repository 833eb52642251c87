"""Removals that went too far, and how undoing them goes."""

from uuid import UUID

from fastapi import APIRouter, Response

from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.callbacks.violation_views import (
    Violation,
    WantedViolations,
    list_violations,
)
from unbind_broker.carriers import brakes
from unbind_broker.console.addresses import address
from unbind_broker.console.seeking import SoughtHere
from unbind_broker.console.statuses import Statuses
from unbind_broker.console.visits import AdminVisit
from unbind_broker.items.states import ItemStatus

HOME = "/console/violations"
PER_PAGE = 50

router = APIRouter(prefix=HOME, include_in_schema=False)


@router.get("")
async def list_all(
    visit: AdminVisit, sought: SoughtHere, behind: UUID | None = None
) -> Response:
    """List violations, the newest first."""
    names = ("carrier", "platform")
    chosen = {name: sought.text(name) for name in names if sought.text(name)}
    async with visit.desk.read() as db:
        wanted = WantedViolations(chosen.get("carrier"), chosen.get("platform"))
        found = await list_violations(db, wanted, behind, PER_PAGE + 1)
        stopped = {one.carrier for one in await brakes.engaged(db)}
    shown, query, more = found[:PER_PAGE], {"sought": sought.sealed}, ""
    if len(found) > PER_PAGE:
        more = address(HOME, {**query, "behind": str(shown[-1].id)})
    return visit.page(
        "violations.html",
        rows=[(one, _names(one)) for one in shown],
        stopped=stopped,
        restored=ItemStatus.RESTORED,
        chosen=chosen,
        st=Statuses(visit.language),
        more=more,
        first=address(HOME, query) if behind else "",
    )


def _names(one: Violation) -> dict[str, str]:
    return {
        "order": _written(Prefix.ORDER, one.order_id),
        "clearance": _written(Prefix.CLEARANCE, one.clearance_id),
        "restore": _written(Prefix.ORDER, one.restore_id),
    }


def _written(prefix: Prefix, found: UUID | None) -> str:
    return "" if found is None else format_id(prefix, found)
