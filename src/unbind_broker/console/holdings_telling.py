"""Tell in a carrier's name what it keeps silent about, once that was previewed."""

from dataclasses import dataclass
from datetime import date

from fastapi import APIRouter, Response

from unbind_broker.base.database import Db
from unbind_broker.base.errors import InvalidFields
from unbind_broker.carriers import service as carriers
from unbind_broker.console.forms import Form
from unbind_broker.console.holdings_found import HOME, read_number
from unbind_broker.console.posting import Posted
from unbind_broker.console.previews import Effect
from unbind_broker.console.problems import NotHere
from unbind_broker.console.visits import AdminVisit, Visit
from unbind_broker.holdings.states import HoldingEvent
from unbind_broker.intake.holding_lines import (
    HoldingLine,
    LineOutcome,
    LineStatus,
    day_fault,
)
from unbind_broker.intake.place_order import IntakeTools
from unbind_broker.intake.rules import Policy
from unbind_broker.intake.telling_for import Untold, tell_for
from unbind_broker.orders.service import open_orders

EVENTS = (HoldingEvent.PORTED_OUT, HoldingEvent.DISCONNECTED)

router = APIRouter(prefix=HOME, include_in_schema=False)


@router.post("/tell")
async def tell_in_its_name(visit: AdminVisit, form: Posted) -> Response:
    """End a holding in the name of a carrier that does not.

    The preview is a trial: it is done, looked at and taken back. What would be rejected
    is not done at all.
    """
    reason = form.reason()
    line = HoldingLine(1, read_number(visit, form), _event(form), _day(visit, form))
    async with visit.desk.write() as db:
        carrier = await carriers.find(db, form.required("carrier"))
        if carrier is None:
            raise NotHere("this carrier is not registered")
        telling = _Telling(visit, Untold(carrier.id, carrier.slug, line), reason)
        trial = await db.begin_nested()
        foreseen, ending = await telling.tell(db)
        await trial.rollback()
        if foreseen.status is not LineStatus.RECORDED:
            return telling.without_effect(foreseen)
        if asks := visit.preview(form, telling.effect(ending)):
            return asks
        await telling.tell(db)
    return visit.go(HOME, "holdings.told", carrier=carrier.slug, n=ending)


@dataclass(frozen=True)
class _Telling:
    visit: Visit
    untold: Untold
    reason: str

    async def tell(self, db: Db) -> tuple[LineOutcome, int]:
        """Tell it, and count the queries and orders that end by it."""
        visit, runtime = self.visit, self.visit.desk.runtime
        policy = Policy.of(visit.desk.settings)
        tools = IntakeTools(policy, runtime.sealer, runtime.blind_index)
        index = [runtime.blind_index.index(self.untold.line.number)]
        before = len(await open_orders(db, index))
        told = await tell_for(
            db, visit.now, self.untold, visit.actor, self.reason, tools
        )
        return told.outcome, before - len(await open_orders(db, index))

    def effect(self, ending: int) -> Effect:
        """Tell what it would do."""
        line, say = self.untold.line, self.visit.say
        lines = (
            ("holdings.number", line.number.masked),
            ("holdings.carrier", self.untold.carrier),
            ("holdings.event", say(f"holdings.event.{line.event}")),
            ("holdings.on", line.on.isoformat()),
            ("holdings.ending", str(ending)),
            ("field.reason", self.reason),
        )
        tell = "holdings.tell"
        return Effect(tell, tell, HOME, lines, f"{tell}.warning")

    def without_effect(self, foreseen: LineOutcome) -> Response:
        """Say why nothing would come of it."""
        whose, say = self.untold.carrier, self.visit.say
        if foreseen.code is None:
            return self.visit.go(HOME, "holdings.told.before", carrier=whose)
        why = say(f"holdings.rejected.{foreseen.code}")
        return self.visit.go(HOME, "holdings.told.rejected", carrier=whose, why=why)


def _event(form: Form) -> HoldingEvent:
    for event in EVENTS:
        if form.text("event") == event:
            return event
    raise InvalidFields.at("/event", "expected one of those of the list")


def _day(visit: Visit, form: Form) -> date:
    try:
        day = date.fromisoformat(form.required("on"))
    except ValueError:
        raise InvalidFields.at("/on", "expected a date") from None
    today = visit.now.astimezone(visit.desk.settings.zone).date()
    InvalidFields.check({"/on": day_fault(day, today)})
    return day
