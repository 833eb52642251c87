"""The trail: search it, see that it is sealed and whole, take it away."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from unbind_broker.audit.exporting import Place, next_lines, place_behind
from unbind_broker.audit.newest import MOST_EVENTS, check_newest
from unbind_broker.audit.reading import Wanted, latest_seal, list_events
from unbind_broker.audit.signing_keys import public_keys
from unbind_broker.audit.tracing import trace, trace_events
from unbind_broker.audit.verifying import Anchors
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.ids import Prefix, format_id, parse_id
from unbind_broker.base.numbers import InvalidNumber, parse_number
from unbind_broker.console.addresses import address
from unbind_broker.console.audit_rows import EventRow, rows_of
from unbind_broker.console.forms import Form
from unbind_broker.console.posting import Posted
from unbind_broker.console.seeking import MOST_TEXT, SoughtHere
from unbind_broker.console.visits import AuditVisit, Visit
from unbind_broker.orders.kinds import kinds_of
from unbind_broker.statistics.overview import read_sealing

HOME = "/console/audit"
PER_PAGE = 50
_NAMES = ("order", "actor", "action", "after", "before")
_INDEX_DIGITS = 64
_LATE = timedelta(minutes=1)

router = APIRouter(prefix=HOME, include_in_schema=False)


@router.get("")
async def list_trail(
    visit: AuditVisit, sought: SoughtHere, order: str = "", behind: str = ""
) -> Response:
    """List events, the newest first. The reading is itself an event.

    Links lead to those of an ``order``.
    """
    typed = {name: sought.text(name) for name in _NAMES if sought.text(name)}
    chosen = {**typed, "order": order[:MOST_TEXT]} if order else typed
    place = parse_id(behind, Prefix.EVENT) if behind else None
    try:
        wanted = _wanted(visit, chosen)
    except InvalidFields as wrong:
        return await _page(visit, [], chosen=typed, wrong=wrong)
    rows = await _read(visit, wanted, place)
    query = {"sought": sought.sealed, "order": order}
    more = ""
    if len(rows) > PER_PAGE:
        more = address(HOME, {**query, "behind": rows[PER_PAGE - 1].id}, "events")
    first = address(HOME, query, "events") if behind else ""
    return await _page(visit, rows[:PER_PAGE], chosen=chosen, more=more, first=first)


@router.post("/find")
async def find_of_number(visit: AuditVisit, form: Posted) -> Response:
    """List the events of a number, which stands in no address.

    Later pages name it blindly, by ``subject``.
    """
    try:
        index = _index(visit, form)
    except InvalidFields as wrong:
        return await _page(visit, [], wrong=wrong)
    behind = parse_id(form.text("behind"), Prefix.EVENT)
    rows = await _read(visit, Wanted(number_index=index), behind)
    return await _page(
        visit,
        rows[:PER_PAGE],
        subject=index.hex(),
        behind=rows[PER_PAGE - 1].id if len(rows) > PER_PAGE else "",
    )


@router.post("/verify")
async def verify_newest(visit: AuditVisit, form: Posted) -> Response:  # noqa: ARG001 - its token is checked
    """Check the newest events against their seals, and those against each other."""
    own = visit.desk.runtime.broker_key
    async with visit.desk.read() as db:
        keys = {**await public_keys(db), own.key_id: own.public}
        checked = await check_newest(db, Anchors(keys))
    found = checked.summary
    async with visit.desk.write() as db:
        facts = {"seals": found.seals, "faults": found.faults}
        await trace(db, visit.now, visit.actor, "verification", **facts)
    return visit.page(
        "audit_verified.html",
        checked=checked,
        first=(checked.behind or 0) + 1,
        events=[
            None if one.event is None else format_id(Prefix.EVENT, one.event)
            for one in checked.faults
        ],
    )


@router.get("/export")
async def export_trail(
    visit: AuditVisit, after_seal: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0
) -> Response:
    """Stream every sealed event with its seal, up to the newest one."""
    async with visit.desk.write() as db:
        latest = await latest_seal(db)
        last = 0 if latest is None else latest.number
        facts = {"after_seal": after_seal, "last_seal": last}
        await trace(db, visit.now, visit.actor, "export", **facts)
    named = {"Content-Disposition": 'attachment; filename="audit-trail.ndjson"'}
    return StreamingResponse(
        _lines(visit, after_seal, last),
        headers=named,
        media_type="application/x-ndjson",
    )


async def _lines(visit: Visit, after: int, last: int) -> AsyncIterator[bytes]:
    """Read page by page: nothing stays open while the reader is slow."""
    async with visit.desk.read() as db:
        keys = await public_keys(db)
        place: Place | None = await place_behind(db, after)
    while place is not None:
        async with visit.desk.read() as db:
            lines, place = await next_lines(db, place, last, keys)
        yield b"".join(lines)


async def _read(visit: Visit, wanted: Wanted, behind: UUID | None) -> list[EventRow]:
    """Read one event more than a page holds."""
    async with visit.desk.write() as db:
        found = await list_events(db, wanted, behind, PER_PAGE + 1)
        shown = min(len(found), PER_PAGE)
        await trace_events(db, visit.now, visit.actor, wanted, shown)
        about = {one.event.order_id for one in found} - {None}
        kinds = await kinds_of(db, [order for order in about if order is not None])
    return rows_of(found, kinds)


async def _page(  # noqa: PLR0913 - what a list shows beside its rows
    visit: Visit,
    rows: list[EventRow],
    *,
    chosen: dict[str, str] | None = None,
    subject: str = "",
    behind: str = "",
    more: str = "",
    first: str = "",
    wrong: InvalidFields | None = None,
) -> Response:
    async with visit.desk.read() as db:
        sealing, latest = await read_sealing(db), await latest_seal(db)
    since = sealing.waiting_since
    return visit.page(
        "audit.html",
        200 if wrong is None else 422,
        rows=rows,
        chosen=chosen or {},
        subject=subject,
        behind=behind,
        more=more,
        first=first,
        sealing=sealing,
        latest=latest,
        late=since is not None and visit.now - since > _LATE,
        most=MOST_EVENTS,
        faults=[] if wrong is None else [one.pointer for one in wrong.errors],
    )


def _index(visit: Visit, form: Form) -> bytes:
    subject = form.text("subject")
    if subject:
        try:
            index = bytes.fromhex(subject)
        except ValueError:
            index = b""
        if len(subject) != _INDEX_DIGITS or not index:
            raise InvalidFields.at("/number", "expected what the list showed")
        return index
    try:
        number = parse_number(form.text("number"), visit.desk.settings.region)
    except InvalidNumber as wrong:
        raise InvalidFields.at("/number", wrong.detail) from None
    return visit.desk.runtime.blind_index.index(number)


def _wanted(visit: Visit, chosen: dict[str, str]) -> Wanted:
    """Read the filter; raises ``InvalidFields``."""
    order = chosen.get("order")
    order_id = parse_id(order, Prefix.ORDER, Prefix.QUERY) if order else None
    if order and order_id is None:
        raise InvalidFields.at("/order", "expected the id of a query or an order")
    return Wanted(
        order_id=order_id,
        actor=chosen.get("actor"),
        action=chosen.get("action"),
        after=_instant(visit, chosen, "after"),
        before=_instant(visit, chosen, "before"),
    )


def _instant(visit: Visit, chosen: dict[str, str], name: str) -> datetime | None:
    """Read what the browser's field for an instant sends: without its zone."""
    if name not in chosen:
        return None
    try:
        at = datetime.fromisoformat(chosen[name])
        if at.tzinfo is None:
            at = at.replace(tzinfo=visit.desk.settings.zone)
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidFields.at(f"/{name}", "expected a day and a time") from None
