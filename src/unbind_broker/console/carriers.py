"""Carriers: how they stand; suspend one, resume it."""

from fastapi import APIRouter, Response

from unbind_broker.base.database import Db
from unbind_broker.carriers import brakes, service
from unbind_broker.carriers.service import Carrier
from unbind_broker.carriers.tables import CarrierStatus
from unbind_broker.console.posting import Posted
from unbind_broker.console.previews import Effect
from unbind_broker.console.problems import NotHere
from unbind_broker.console.visits import AdminVisit
from unbind_broker.deadlines.suspending import MOST_AT_ONCE, call_back_suspended
from unbind_broker.holdings.refused import refused_on
from unbind_broker.orders.braking import count_braked

HOME = "/console/carriers"
PER_PAGE = 50

router = APIRouter(prefix=HOME, include_in_schema=False)


@router.get("")
async def list_carriers(visit: AdminVisit, after: str = "") -> Response:
    """List carriers in the order of their slugs."""
    today = visit.now.astimezone(visit.desk.settings.zone).date()
    async with visit.desk.read() as db:
        found = await service.list_page(db, after or None, PER_PAGE + 1)
        stopped = await brakes.stopped(db)
        held = await count_braked(db)
        refused = await refused_on(db, today)
    shown = found[:PER_PAGE]
    return visit.page(
        "carriers.html",
        carriers=shown,
        stopped=stopped,
        held=held,
        refused=refused,
        suspended=CarrierStatus.SUSPENDED,
        more=f"{HOME}?after={shown[-1].slug}" if len(found) > PER_PAGE else "",
        first=HOME if after else "",
    )


@router.post("/suspend")
async def suspend_carrier(visit: AdminVisit, form: Posted) -> Response:
    """Refuse a carrier's calls and end what it has open, once that was previewed."""
    async with visit.desk.write() as db:
        carrier = await _find(db, form.required("carrier"), CarrierStatus.ACTIVE)
        asks = visit.preview(form, _effect(carrier, "carriers.suspend"))
        if asks is not None:
            return asks
        await service.suspend(db, visit.now, carrier.slug, visit.actor)
    async with visit.desk.write() as db:
        ids = [carrier.id]
        await call_back_suspended(db, visit.now, ids, MOST_AT_ONCE, visit.actor)
    return visit.go(HOME, "carriers.suspended.done", carrier=carrier.slug)


@router.post("/resume")
async def resume_carrier(visit: AdminVisit, form: Posted) -> Response:
    """Take a suspended carrier's calls again, once that was previewed."""
    async with visit.desk.write() as db:
        carrier = await _find(db, form.required("carrier"), CarrierStatus.SUSPENDED)
        asks = visit.preview(form, _effect(carrier, "carriers.resume"))
        if asks is not None:
            return asks
        await service.resume(db, visit.now, carrier.slug, visit.actor)
    return visit.go(HOME, "carriers.resumed.done", carrier=carrier.slug)


def _effect(carrier: Carrier, words: str) -> Effect:
    lines = (("carriers.slug", carrier.slug), ("carriers.name", carrier.name_zh))
    return Effect(words, words, HOME, lines, f"{words}.warning")


async def _find(db: Db, slug: str, status: CarrierStatus) -> Carrier:
    carrier = await service.find(db, slug)
    if carrier is None or carrier.status is not status:
        raise NotHere("there is no such carrier, or it stands otherwise by now")
    return carrier
