"""Items that no platform took: how many, whose and why; have them sent again."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter, Response

from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.ids import Prefix, format_id, parse_id
from unbind_broker.console.addresses import address
from unbind_broker.console.forms import Form
from unbind_broker.console.platform_faults import explainers
from unbind_broker.console.posting import Posted
from unbind_broker.console.requeuing import ask_or_requeue
from unbind_broker.console.statuses import Statuses
from unbind_broker.console.visits import AdminVisit, Visit
from unbind_broker.deliveries.outcomes import Cause
from unbind_broker.deliveries.undelivered_counts import MOST_COUNTED, count_undelivered
from unbind_broker.deliveries.undelivered_views import (
    WantedItems,
    last_refusals,
    list_undelivered,
)
from unbind_broker.intake.requeueable import look_at
from unbind_broker.items.item import ItemKey
from unbind_broker.orders.views import show_order_id
from unbind_broker.statistics.figures import read_open
from unbind_broker.statistics.roll import Enrolled, call_roll
from unbind_broker.statistics.standing import PARKED

HOME = "/console/undeliverable"
PER_PAGE = 50
_PICK = "pick."

router = APIRouter(prefix=HOME, include_in_schema=False)


@router.get("")
async def list_items(
    visit: AdminVisit, platform: str = "", cause: str = "", after: str = ""
) -> Response:
    """Show how many there are, by platform and cause, and list them."""
    given = {"platform": platform, "cause": cause}
    chosen = {name: text for name, text in given.items() if text}
    page = (_key(after) if after else None, PER_PAGE + 1)
    async with visit.desk.read() as db:
        counts = await count_undelivered(db)
        roll = await call_roll(db)
        parked = [one for one in roll if one.standing in PARKED]
        waiting = await read_open(db, visit.now, [one.id for one in parked])
        found = await list_undelivered(
            db, _wanted(chosen), page, visit.desk.runtime.sealer
        )
        shown = found[:PER_PAGE]
        judged = await look_at(db, visit.now, [one.key for one in shown])
        refusals = await last_refusals(db, shown)
    more = ""
    if len(found) > PER_PAGE:
        more = address(HOME, {**chosen, "after": _text(shown[-1].key)})
    return visit.page(
        "undeliverable.html",
        200,
        counts=counts,
        counted=MOST_COUNTED,
        parked=parked,
        called=_names(visit, roll),
        waiting=waiting,
        items=shown,
        judged=judged,
        refusals=refusals,
        chosen=chosen,
        more=more,
        first=address(HOME, chosen) if after else "",
        pick=lambda key: f"{_PICK}{_text(key)}",
        name_of=show_order_id,
        st=Statuses(visit.language),
        **explainers(visit),
    )


@router.post("/requeue")
async def requeue_items(visit: AdminVisit, form: Posted) -> Response:
    """Send the chosen items, or all of one platform, again, once that was previewed."""
    wanted: list[ItemKey] | WantedItems = _picked(form)
    if form.text("platform"):
        names = ("platform", "cause")
        wanted = _wanted({one: form.text(one) for one in names if form.text(one)})
    return await ask_or_requeue(visit, form, wanted, back=HOME)


def _names(visit: Visit, roll: Sequence[Enrolled]) -> dict[str, str]:
    """Name platforms in the reader's language, by their slugs."""
    return {one.slug: visit.name_of(one) for one in roll}


def _picked(form: Form) -> list[ItemKey]:
    names = (name for name in form.kept if name.startswith(_PICK))
    return [_key(name.removeprefix(_PICK)) for name in names]


def _wanted(chosen: dict[str, str]) -> WantedItems:
    cause = chosen.get("cause")
    if cause is not None and cause not in list(Cause):
        raise InvalidFields.at("/cause", "expected refused or overdue")
    return WantedItems(
        platform=chosen.get("platform"),
        cause=None if cause is None else Cause(cause),
    )


def _text(key: ItemKey) -> str:
    return f"{format_id(Prefix.ORDER, key.order_id)}.{key.platform_id}"


def _key(text: str) -> ItemKey:
    """Read the name of an item as these pages write it."""
    order, _, platform = text.partition(".")
    order_id: UUID | None = parse_id(order, Prefix.ORDER)
    known = platform.isascii() and platform.isdecimal() and len(platform) < 10  # noqa: PLR2004 - what an id's column holds
    if order_id is None or not known:
        raise InvalidFields.at("/items", "expected items of the list")
    return ItemKey(order_id, int(platform))
