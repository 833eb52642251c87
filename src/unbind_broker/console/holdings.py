"""Who held a number: disputes, look it up, take back what was told by mistake."""

from datetime import date

from fastapi import APIRouter, Response

from unbind_broker.base.database import Db
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.ids import Prefix, parse_id
from unbind_broker.base.numbers import InvalidNumber, PhoneNumber, parse_number
from unbind_broker.carriers import service as carriers
from unbind_broker.console.forms import Form
from unbind_broker.console.holdings_found import HOME, show_holdings
from unbind_broker.console.posting import Posted
from unbind_broker.console.previews import Effect
from unbind_broker.console.problems import NotHere
from unbind_broker.console.visits import AdminVisit
from unbind_broker.holdings.service import ListedHolding, list_holdings
from unbind_broker.intake.disputes import number_of
from unbind_broker.intake.retracting import WrongHolding, orders_on, retract

_INDEX_BYTES = 32

router = APIRouter(prefix=HOME, include_in_schema=False)


@router.get("")
async def ask(visit: AdminVisit) -> Response:
    """Ask for a number, and list the disputes that wait."""
    return await show_holdings(visit)


@router.post("/find")
async def find(visit: AdminVisit, form: Posted) -> Response:
    """Show who held a number, or that of an order. That is written down.

    The number stands in no address.
    """
    if form.text("order"):
        return await show_holdings(visit, await _number_of(visit, form))
    number = _number(visit, form.text("number"))
    fault = "" if number else visit.say("holdings.number.wrong")
    return await show_holdings(visit, number, fault)


@router.post("/retract")
async def take_back(visit: AdminVisit, form: Posted) -> Response:
    """Take a holding back, once that was previewed; ``subject`` names its number."""
    index, reason = _index(form), form.reason()
    async with visit.desk.write() as db:
        row = await _find(db, index, form)
        carrier = await carriers.find(db, row.carrier)
        if carrier is None:
            raise NotHere("this carrier is not registered")
        wrong = WrongHolding(index, carrier.id, carrier.slug, row.since)
        ending = len(await orders_on(db, wrong))
        asks = visit.preview(form, _effect(row, ending, reason))
        if asks is not None:
            return asks
        undone = await retract(db, visit.now, wrong, visit.actor, reason)
    if undone is None:
        raise NotHere("this holding is taken back")
    said = "holdings.retracted.again" if undone.live_again else "holdings.retracted"
    return visit.go(HOME, said, n=undone.orders_ended)


def _effect(row: ListedHolding, ending: int, reason: str) -> Effect:
    lines = (
        ("holdings.carrier", row.carrier),
        ("holdings.since", _day(row.since)),
        ("holdings.ending", str(ending)),
        ("field.reason", reason),
    )
    warning = "holdings.retract.warning"
    return Effect("holdings.retract", "holdings.retract", HOME, lines, warning)


async def _find(db: Db, index: bytes, form: Form) -> ListedHolding:
    """Find the holding of a form; raises ``NotHere`` where it counts no more."""
    key = (form.required("carrier"), form.text("since"))
    for row in await list_holdings(db, index):
        since = "" if row.since is None else row.since.isoformat()
        if row.retracted_at is None and (row.carrier, since) == key:
            return row
    raise NotHere("this carrier told of no such holder, or it is taken back")


def _index(form: Form) -> bytes:
    try:
        index = bytes.fromhex(form.required("subject"))
    except ValueError:
        index = b""
    if len(index) != _INDEX_BYTES:
        raise InvalidFields.at("/subject", "expected what the page showed")
    return index


async def _number_of(visit: AdminVisit, form: Form) -> PhoneNumber:
    order_id = parse_id(form.text("order"), Prefix.ORDER, Prefix.QUERY)
    sealer = visit.desk.runtime.sealer
    async with visit.desk.read() as db:
        number = None if order_id is None else await number_of(db, order_id, sealer)
    if number is None:
        raise NotHere("there is no such order, or its number has been destroyed")
    return number


def _number(visit: AdminVisit, text: str) -> PhoneNumber | None:
    try:
        return parse_number(text, visit.desk.settings.region)
    except InvalidNumber:
        return None


def _day(day: date | None) -> str:
    return "–" if day is None else day.isoformat()
