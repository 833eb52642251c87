"""Numbers of a clearance that platforms keep back, and their release in spite of it."""

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Response

from unbind_broker.base.database import Db
from unbind_broker.base.errors import FieldError, InvalidFields
from unbind_broker.base.ids import Prefix, parse_id
from unbind_broker.base.numbers import InvalidNumber, parse_number
from unbind_broker.base.sealing import BlindIndex
from unbind_broker.clearances.blocking import list_blocked
from unbind_broker.clearances.listing import ListedClearance, find_listed
from unbind_broker.clearances.overriding import (
    Decision,
    Overridden,
    foresee,
    override,
)
from unbind_broker.clearances.service import index_of_clearance
from unbind_broker.console.forms import PROOF, TOKEN, Form
from unbind_broker.console.posting import Posted
from unbind_broker.console.previews import Effect
from unbind_broker.console.problems import NotHere
from unbind_broker.console.statuses import Statuses
from unbind_broker.console.visits import AdminVisit

HOME = "/console/clearances"
PER_PAGE = 50
MOST_RELEASED = 1000
_PICK = "pick."
_PLACE = re.compile(r"[0-9]{1,9}", re.ASCII)
_MOST_PLACE = 2**31 - 1
_MOST_SHOWN = 20

router = APIRouter(prefix=HOME, include_in_schema=False)


@router.get("/{name}/held")
async def list_held(
    visit: AdminVisit,
    name: str,
    after: Annotated[int, Query(ge=0, le=_MOST_PLACE)] = 0,
) -> Response:
    """List the numbers that some platform keeps back, and why, by their places."""
    sealer = visit.desk.runtime.sealer
    async with visit.desk.read() as db:
        one = await _find(db, name)
        found = await list_blocked(db, one.id, after, PER_PAGE + 1, sealer)
    shown, here = found[:PER_PAGE], _page(name)
    return visit.page(
        "clearance_held.html",
        200,
        name=name,
        one=one,
        rows=shown,
        more=f"{here}?after={shown[-1].place}" if len(found) > PER_PAGE else "",
        first=here if after else "",
        most=MOST_RELEASED,
        st=Statuses(visit.language),
    )


@router.post("/{name}/release")
async def release_numbers(visit: AdminVisit, name: str, form: Posted) -> Response:
    """Let numbers be sold in spite of platforms, once that was previewed.

    From the preview on they are named by their places: no page shows a number.
    """
    reason, settings = form.reason(), visit.desk.settings
    confirmed = visit.now - settings.freeze
    async with visit.desk.write() as db:
        found = await _find(db, name)
        index = await index_of_clearance(db, found.id, visit.desk.runtime.blind_index)
        named = _named(form, index, settings.region)
        outcome, places = await foresee(db, found.id, named, confirmed)
        if not places:
            return visit.go(_page(name), "clearances.released.none", **vars(outcome))
        asked = _Asked(_page(name), found, places, outcome, reason)
        asks = visit.preview(asked.named_by_places(form), asked.effect())
        if asks is not None:
            return asks
        decision = Decision(visit.actor, reason)
        done = await override(db, visit.now, found.id, places, decision, confirmed)
    return visit.go(_page(name), "clearances.released", n=done.released)


@dataclass(frozen=True)
class _Asked:
    """A release that is to be previewed."""

    page: str
    clearance: ListedClearance
    places: list[int]
    outcome: Overridden
    reason: str

    def named_by_places(self, form: Form) -> Form:
        """Give the form that confirms it."""
        kept = {TOKEN: form.text(TOKEN), PROOF: form.text(PROOF)}
        places = " ".join(map(str, self.places))
        return Form({**kept, "named": places, "reason": form.text("reason")})

    def effect(self) -> Effect:
        """Tell what it would do."""
        release = "clearances.release"
        first = ", ".join(map(str, self.places[:_MOST_SHOWN]))
        lines = (
            ("clearances.carrier", self.clearance.carrier),
            ("clearances.release.n", f"{len(self.places):,}"),
            ("clearances.places", f"{first}{', …' * (len(self.places) > _MOST_SHOWN)}"),
            ("field.reason", self.reason),
        )
        left_out = (
            ("clearances.released.before", self.outcome.released_before),
            ("clearances.withdrawn", self.outcome.withdrawn),
            ("clearances.unknown", self.outcome.unknown),
        )
        figures = tuple((words, f"{n:,}") for words, n in left_out if n)
        return Effect(release, release, self.page, lines, f"{release}.warning", figures)


def _named(form: Form, index: BlindIndex, region: str) -> list[bytes] | list[int]:
    """Read what was ticked, or typed: numbers, or else places."""
    picked = [one.removeprefix(_PICK) for one in form.kept if one.startswith(_PICK)]
    named = [*picked, *form.several("named")]
    if not 1 <= len(named) <= MOST_RELEASED:
        raise InvalidFields.at("/named", f"expected 1 to {MOST_RELEASED} numbers")
    if all(_PLACE.fullmatch(one) for one in named):
        return [int(one) for one in named]
    indexes, wrong = [], []
    for n, written in enumerate(named, 1):
        try:
            indexes.append(index.index(parse_number(written, region)))
        except InvalidNumber:
            wrong.append(FieldError(f"/named/{n}", "this is no mobile number"))
    if wrong:
        raise InvalidFields(tuple(wrong))
    return indexes


async def _find(db: Db, name: str) -> ListedClearance:
    clearance_id = parse_id(name, Prefix.CLEARANCE)
    found = None if clearance_id is None else await find_listed(db, clearance_id)
    if found is None or found.published_at is None:
        raise NotHere("no published clearance has this id")
    return found


def _page(name: str) -> str:
    return f"{HOME}/{name}/held"
