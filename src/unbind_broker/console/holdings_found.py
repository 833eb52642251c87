"""The page of a number's holdings, and what its forms carry instead of the number."""

from datetime import timedelta

from fastapi import Response

from unbind_broker.base.database import Db
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.console.forms import Form
from unbind_broker.console.sessions import seal, unseal
from unbind_broker.console.visits import Visit
from unbind_broker.intake.disputes import DisputedOrder, list_disputed
from unbind_broker.intake.retracting import search

HOME = "/console/holdings"
MOST_DISPUTES = 50
_CONTEXT = b"number of holdings"
_KEPT_FOR = timedelta(hours=1)


async def show_holdings(
    visit: Visit, number: PhoneNumber | None = None, fault: str = ""
) -> Response:
    """Show who held a number, which is written down, or all disputes without one."""
    index = None if number is None else visit.desk.runtime.blind_index.index(number)
    rows, disputes = None, []
    if index is not None:
        async with visit.desk.write() as db:
            rows = await search(db, visit.now, index, visit.actor)
    else:
        async with visit.desk.read() as db:
            disputes = await _disputes(db, visit)
    return visit.page(
        "holdings.html",
        422 if fault else 200,
        rows=rows,
        disputes=disputes[:MOST_DISPUTES],
        more=len(disputes) > MOST_DISPUTES,
        carriers=sorted({row.carrier for row in rows or ()}),
        subject="" if index is None else index.hex(),
        sealed="" if number is None else seal_number(visit, number),
        masked="" if number is None else number.masked,
        today=visit.now.astimezone(visit.desk.settings.zone).date(),
        fault=fault,
    )


def seal_number(visit: Visit, number: PhoneNumber) -> str:
    """Write a number so that only this login reads it, and within the hour."""
    fields: dict[str, object] = {
        "number": number.e164,
        "token": visit.token,
        "until": int((visit.now + _KEPT_FOR).timestamp()),
    }
    return seal(visit.desk.sessions.sealer, fields, _CONTEXT)


def read_number(visit: Visit, form: Form) -> PhoneNumber:
    """Read such a number from a form; raises ``InvalidFields``."""
    fields = unseal(visit.desk.sessions.sealer, form.text("sealed"), _CONTEXT)
    if (
        fields is None
        or fields["token"] != visit.token
        or int(str(fields["until"])) <= visit.now.timestamp()
    ):
        raise InvalidFields.at("/sealed", "expected what the page showed")
    return PhoneNumber(str(fields["number"]))


async def _disputes(db: Db, visit: Visit) -> list[DisputedOrder]:
    sealer = visit.desk.runtime.sealer
    return await list_disputed(db, MOST_DISPUTES + 1, sealer)
