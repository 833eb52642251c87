"""Clearances of all carriers: how far they are, and which of them stand still."""

from uuid import UUID

from fastapi import APIRouter, Response

from unbind_broker.base.database import Db
from unbind_broker.base.ids import Prefix, format_id, parse_id
from unbind_broker.clearances.blocking import count_keepers
from unbind_broker.clearances.listing import (
    ListedClearance,
    Wanted,
    find_listed,
    list_all,
)
from unbind_broker.clearances.overriding import Decision
from unbind_broker.clearances.progress import by_platform, tally, tally_waves
from unbind_broker.clearances.resuming import resume
from unbind_broker.clearances.service import is_rehearsed
from unbind_broker.clearances.states import ClearanceStatus
from unbind_broker.clearances.waves import list_waves
from unbind_broker.console.addresses import address
from unbind_broker.console.posting import Posted
from unbind_broker.console.previews import Effect
from unbind_broker.console.problems import NotHere
from unbind_broker.console.seeking import SoughtHere
from unbind_broker.console.statuses import Statuses
from unbind_broker.console.visits import AdminVisit

HOME = "/console/clearances"
PER_PAGE = 50
TONES = {
    ClearanceStatus.DRAFT: "neutral",
    ClearanceStatus.IN_PROGRESS: "neutral",
    ClearanceStatus.STOPPED: "bad",
    ClearanceStatus.COMPLETED: "good",
}

router = APIRouter(prefix=HOME, include_in_schema=False)


@router.get("")
async def list_clearances(
    visit: AdminVisit, sought: SoughtHere, after: str = ""
) -> Response:
    """List clearances, the newest first."""
    status = sought.text("status")
    wanted = next((one for one in ClearanceStatus if one == status), None)
    chosen = {"carrier": sought.text("carrier"), "status": wanted or ""}
    chosen = {name: value for name, value in chosen.items() if value}
    behind = parse_id(after, Prefix.CLEARANCE) if after else None
    async with visit.desk.read() as db:
        of = Wanted(chosen.get("carrier"), wanted)
        found = await list_all(db, of, behind, PER_PAGE + 1)
    shown = found[:PER_PAGE]
    query, more = {"sought": sought.sealed}, ""
    if len(found) > PER_PAGE:
        more = address(HOME, {**query, "after": _name(shown[-1].id)})
    return visit.page(
        "clearances.html",
        rows=[(_name(one.id), one) for one in shown],
        chosen=chosen,
        statuses=list(ClearanceStatus),
        tones=TONES,
        more=more,
        first=address(HOME, query) if after else "",
    )


@router.get("/{name}")
async def show_clearance(visit: AdminVisit, name: str) -> Response:
    """Show how far one clearance is, platform by platform."""
    return visit.page("clearance.html", 200, **await _figures(visit, name))


@router.get("/{name}/live")
async def show_progress(visit: AdminVisit, name: str) -> Response:
    """Show the same, for a page that stands open."""
    return visit.fragment("clearance_live.html", **await _figures(visit, name))


@router.post("/{name}/resume")
async def resume_clearance(visit: AdminVisit, name: str, form: Posted) -> Response:
    """Let a clearance go on that stopped, once that was previewed."""
    reason, settings = form.reason(), visit.desk.settings
    back = f"{HOME}/{name}"
    async with visit.desk.write() as db:
        found = await _find(db, name)
        if found.status is not ClearanceStatus.STOPPED or found.destroyed_at:
            raise NotHere("this clearance does not stand still")
        asks = visit.preview(form, _effect(found, back, reason))
        if asks is not None:
            return asks
        sandbox = await is_rehearsed(db, found.id)
        deadline = settings.working_time_for(sandbox=sandbox).deadline(visit.now).at
        decision = Decision(visit.actor, reason)
        await resume(db, visit.now, found.id, deadline, decision)
    return visit.go(back, "clearances.resumed")


def _effect(found: ListedClearance, back: str, reason: str) -> Effect:
    lines = (
        ("clearances.id", _name(found.id)),
        ("clearances.carrier", found.carrier),
        ("clearances.numbers", f"{found.numbers:,}"),
        ("clearances.platforms", f"{found.platforms:,}"),
        ("field.reason", reason),
    )
    resume_ = "clearances.resume"
    return Effect(resume_, resume_, back, lines, "clearances.resume.warning")


async def _figures(visit: AdminVisit, name: str) -> dict[str, object]:
    async with visit.desk.read() as db:
        found = await _find(db, name)
        return {
            "name": name,
            "one": found,
            "tones": TONES,
            "tally": await tally(db, found.id),
            "waves": await list_waves(db, found.id),
            "by_wave": {one.wave: one for one in await tally_waves(db, found.id)},
            "keepers": await count_keepers(db, found.id),
            "st": Statuses(visit.language),
            "platforms": await by_platform(db, found.id),
        }


async def _find(db: Db, name: str) -> ListedClearance:
    clearance_id = parse_id(name, Prefix.CLEARANCE)
    found = None if clearance_id is None else await find_listed(db, clearance_id)
    if found is None:
        raise NotHere("there is no clearance with this id")
    return found


def _name(clearance_id: UUID) -> str:
    return format_id(Prefix.CLEARANCE, clearance_id)
