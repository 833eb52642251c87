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
from unbind_broker.intake.holding_lines import HoldingLine, LineOutcome, day_fault
from unbind_broker.intake.place_order import IntakeTools
from unbind_broker.intake.rules import Policy
from unbind_broker.intake.telling_for import Untold, tell_for
from unbind_broker.orders.service import open_orders

EVENTS = (HoldingEvent.PORTED_OUT, HoldingEvent.DISCONNECTED)

router = APIRouter(prefix=HOME, include_in_schema=False)


@router.post("/tell")
async def tell_in_its_name(visit: AdminVisit, form: Posted) -> Response:
    """End a holding in the name of a carrier that does not.

    The preview says how it would be judged: it is done, looked at and taken back.
    """
    reason = form.reason()
    line = HoldingLine(1, read_number(visit, form), _event(form), _day(visit, form))
    async with visit.desk.write() as db:
        carrier = await carriers.find(db, form.required("carrier"))
        if carrier is None:
            raise NotHere("this carrier is not registered")
        telling = _Telling(visit, Untold(carrier.id, carrier.slug, line), reason)
        trial = await db.begin_nested()
        foreseen, ended = await telling.tell(db)
        await trial.rollback()
        asks = visit.preview(form, telling.effect(foreseen, ended))
        if asks is not None:
            return asks
        outcome, ended = await telling.tell(db)
    said = f"holdings.told.{outcome.status}"
    why = telling.why(outcome)
    return visit.go(HOME, said, carrier=carrier.slug, n=ended, why=why)


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

    def effect(self, foreseen: LineOutcome, ended: int) -> Effect:
        line, say = self.untold.line, self.visit.say
        lines = (
            ("holdings.number", line.number.masked),
            ("holdings.carrier", self.untold.carrier),
            ("holdings.event", say(f"holdings.event.{line.event}")),
            ("holdings.on", line.on.isoformat()),
            ("holdings.judged", say(f"holdings.judged.{foreseen.status}")),
            *((("holdings.why", why),) if (why := self.why(foreseen)) else ()),
            ("holdings.ending", str(ended)),
            ("field.reason", self.reason),
        )
        tell = "holdings.tell"
        return Effect(tell, tell, HOME, lines, f"{tell}.warning")

    def why(self, outcome: LineOutcome) -> str:
        """Say why it is rejected."""
        if outcome.code is None:
            return ""
        return self.visit.say(f"holdings.rejected.{outcome.code}")


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
