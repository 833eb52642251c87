"""Platforms read which numbers a clearance is about (清单)."""

import asyncio
from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from unbind_broker.api.callers import PlatformCaller, platform_of
from unbind_broker.api.clearance_paths import ClearanceIdInPath
from unbind_broker.api.context import Context, Ctx
from unbind_broker.api.fields import AnswerModel, ShownInstant
from unbind_broker.api.json_answers import json_answer
from unbind_broker.api.pages import (
    Cursor,
    Page,
    number_key,
    read_cursor,
    write_cursor,
)
from unbind_broker.api.problems import ANY_CALL, NotFound, problems
from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.base.instants import show_instant
from unbind_broker.base.sealing import Sealer
from unbind_broker.clearances.interval import bound_before
from unbind_broker.clearances.manifest import (
    ListedNumber,
    Sheet,
    note_read,
    read_sheet,
)
from unbind_broker.clearances.portions import find_published
from unbind_broker.clearances.sealed_numbers import open_number

router = APIRouter(prefix="/v1/clearances", tags=["clearances"])

MOST_NUMBERS = 5000
USUAL_NUMBERS = 1000
_NOT_YOURS = "no clearance that was published to you has this id"
_EXAMPLE: JsonDict = {
    "number": "+8613800001234",
    "bound_from": None,
    "bound_before": "2026-11-01T16:00:00Z",
    "withdrawn": False,
}


class ManifestNumber(AnswerModel):
    """A number that its holder gave up."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"examples": [_EXAMPLE]})

    number: str = Field(description="E.164.")
    bound_from: ShownInstant | None = Field(description="Always null: no start.")
    bound_before: ShownInstant = Field(
        description="The interval's end, exclusive: the day after it was given up."
    )
    withdrawn: bool = Field(
        description="Its former holder has it again, or somebody else, as far as is "
        "known when the page is read: leave it alone."
    )


class ManifestPage(Page[ManifestNumber]):
    """Numbers in the order in which they were given; `next_cursor` null: all read."""


ManifestLimit = Annotated[
    int,
    Query(
        ge=1,
        le=MOST_NUMBERS,
        description="How many numbers a page holds at most. The broker may hold less "
        "(UNBIND_MANIFEST_PAGE), and fewer where a wave ends.",
    ),
]
OneWave = Annotated[
    int | None, Query(ge=1, le=1000, description="Only this wave's numbers.")
]


@router.get(
    "/{clearance_id}/manifest",
    summary="Read a clearance's numbers",
    response_model=ManifestPage,
    responses=problems(
        *ANY_CALL, "not-found", "clearance-stopped", "clearance-held", "overloaded"
    ),
)
async def read_manifest(
    context: Ctx,
    caller: PlatformCaller,
    clearance_id: ClearanceIdInPath,
    wave: OneWave = None,
    limit: ManifestLimit = USUAL_NUMBERS,
    cursor: Cursor = None,
) -> Response:
    """Read the numbers whose bindings are to be detached, page by page.

    Look for bindings made before `bound_before`, detach them, and report what you found
    with `POST …/findings`: numbers without any need not be reported. A number that is
    `withdrawn` is left alone. A clearance comes in waves, `clearance.published` tells
    of each: `wave` reads one of them. Every page is an event of the audit trail.
    """
    now, platform = context.clock.now(), platform_of(caller)
    after = read_cursor(cursor, number_key) or 0
    most = min(limit, context.settings.manifest_page)
    async with context.admission.enter(), context.engine.begin() as db:
        published = await find_published(db, clearance_id, platform)
        if published is None:
            raise NotFound(_NOT_YOURS)
        if wave is not None and wave not in {one.wave for one in published.portions}:
            raise NotFound("this wave was not published to you")
        confirmed = now - context.settings.freeze
        sheet = await read_sheet(db, published, wave, after, most, confirmed)
        if sheet is None:
            return json_answer(_page([], None))
        written = await asyncio.to_thread(_write, context, sheet)
        await note_read(db, clearance_id, platform, sheet)
        await record(db, now, _disclosed(caller.actor, clearance_id, sheet))
    following = None if sheet.is_last else write_cursor(sheet.reached)
    return json_answer(_page(written, following))


def _write(context: Context, sheet: Sheet) -> list[str]:
    """Open and write a page: milliseconds of computing, away from the event loop."""
    zone, sealer = context.settings.zone, context.runtime.sealer

    @cache
    def border(day: date) -> str:
        return show_instant(bound_before(day, zone))

    return [_line(one, sealer, border) for one in sheet.numbers]


def _line(one: ListedNumber, sealer: Sealer, border: Callable[[date], str]) -> str:
    number = open_number(sealer, one.sealed).e164
    withdrawn = "true" if one.withdrawn else "false"
    return (
        f'{{"number":"{number}","bound_from":null,'
        f'"bound_before":"{border(one.disconnected_on)}","withdrawn":{withdrawn}}}'
    )


def _page(written: list[str], following: str | None) -> bytes:
    cursor = "null" if following is None else f'"{following}"'
    return f'{{"data":[{",".join(written)}],"next_cursor":{cursor}}}'.encode()


def _disclosed(actor: str, clearance_id: UUID, sheet: Sheet) -> Fact:
    facts = {
        "clearance": format_id(Prefix.CLEARANCE, clearance_id),
        "wave": sheet.portion.wave,
        "behind_place": sheet.after,
        "to_place": sheet.reached,
        "numbers": len(sheet.numbers),
    }
    return Fact(actor, "manifest.disclosed", facts=facts)
