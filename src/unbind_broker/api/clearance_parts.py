"""Carriers put numbers into a clearance: uploads of any length, part by part."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from unbind_broker.api.accepting import asking_carrier
from unbind_broker.api.bodies import media_type_of, require_plain
from unbind_broker.api.callers import CarrierCaller, carrier_of
from unbind_broker.api.clearance_bodies import UPLOADED, PutPartShown
from unbind_broker.api.clearance_paths import (
    WITHOUT_NUMBERS,
    ClearanceIdInPath,
    PartInPath,
)
from unbind_broker.api.clearance_turns import in_turn
from unbind_broker.api.context import Context, Ctx
from unbind_broker.api.json_answers import encode, json_answer
from unbind_broker.api.line_streams import (
    Bounds,
    CsvReader,
    LineUnreadable,
    Reader,
    read_json_line,
    read_pieces,
)
from unbind_broker.api.numbers import index_for
from unbind_broker.api.problems import ANY_BODY, NotFound, problems
from unbind_broker.base.database import Db
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.instants import show_instant
from unbind_broker.clearances.parts import ClearanceTooLarge, Part, find_part
from unbind_broker.clearances.service import Clearance, find
from unbind_broker.intake.clearing_lines import FIELDS, ReadPart
from unbind_broker.intake.clearing_parts import ClearingTools, SentPart, put_part
from unbind_broker.intake.probing import RefusalBound, require_usual
from unbind_broker.keys.service import Caller

router = APIRouter(prefix="/v1/clearances", tags=["clearances"])


AT_ONCE = 8192
"""Bytes that are read, in less than a millisecond, before others have their turn."""


class NotAnUpload(BrokerError):
    """The body is neither NDJSON nor CSV."""

    code = "unsupported-media-type"
    title = "The body has a media type that is not taken here"


@router.put(
    "/{clearance_id}/parts/{n}",
    summary="Put numbers in",
    response_model=PutPartShown,
    responses=problems(
        *ANY_BODY,
        "not-found",
        "clearance-busy",
        "clearance-not-draft",
        "clearance-too-large",
        "too-many-refusals",
        "overloaded",
    ),
    openapi_extra=UPLOADED,
)
async def upload_part(
    context: Ctx,
    caller: CarrierCaller,
    clearance_id: ClearanceIdInPath,
    n: PartInPath,
    request: Request,
) -> Response:
    """Put one part of a draft's numbers in: any number of lines, in all 1,000,000.

    Send `application/x-ndjson`, or `text/csv` whose first line is
    `number,disconnected_on`; a line has at most 1,000 bytes, a part 256 MiB. Bad lines
    are left out and named by their number, the others count: `invalid-number`,
    `date-in-future`, a number that stands in this clearance already, or one that
    somebody holds (`live-holding`: another carrier says so, or you said so of a day
    since). Where that many of a day were held that they look guessed, uploads are
    refused until the next (`too-many-refusals`), and administrators see it; a part that
    is stored already may still be sent again.

    A part is stored when all of it has come, as a whole or not at all: whatever breaks
    off, send it again. The same content gets the same answer; other content replaces
    what this part held before, as long as the clearance is a draft.
    """
    await _check(context, caller, clearance_id, n)
    reader = _reader_of(media_type_of(request.headers))
    require_plain(request.headers)
    async with context.feeds.enter_as(caller.actor, rehearses=caller.sandbox):
        try:
            sent = await _receive(context, caller, request, n, reader)
        except ClientDisconnect:
            return Response(status_code=400)  # read by nobody
        now, tools = context.clock.now(), _tools(context, caller)

        async def change(db: Db, clearance: Clearance) -> Part:
            return await put_part(db, now, clearance, sent, caller.actor, tools)

        part = await in_turn(context, carrier_of(caller), clearance_id, change)
    return json_answer(encode(_shown(part)))


def _tools(context: Context, caller: Caller) -> ClearingTools:
    settings, index = context.settings, index_for(context, caller)
    most, freeze = settings.clearance_numbers, settings.freeze
    return ClearingTools(context.runtime.sealer, index, most, freeze, _bound(context))


def _reader_of(media_type: str) -> Reader:
    if media_type == "application/x-ndjson":
        return read_json_line
    if media_type == "text/csv":
        return CsvReader(FIELDS)
    raise NotAnUpload("expected application/x-ndjson or text/csv")


async def _check(
    context: Context, caller: Caller, clearance_id: ClearanceIdInPath, n: int
) -> None:
    """Refuse what will be refused before a long body is read."""
    async with context.engine.connect() as db:
        clearance = await find(db, clearance_id, carrier_of(caller))
        if clearance is None:
            raise NotFound(WITHOUT_NUMBERS)
        if await find_part(db, clearance_id, n) is not None:
            return  # it may be the same once more
        clearance.require_draft()
        now, asking = context.clock.now(), asking_carrier(caller)
        await require_usual(db, now, asking, _bound(context))


def _bound(context: Context) -> RefusalBound:
    return RefusalBound(context.settings.refusals_per_day, context.settings.zone)


async def _receive(
    context: Context, caller: Caller, request: Request, n: int, reader: Reader
) -> SentPart:
    """Read a body in constant memory but for 16 bytes a number."""
    most = context.settings.clearance_numbers
    bounds = Bounds(lines=2 * most + 1, left="nothing of this part stands")
    today = context.clock.now().astimezone(context.settings.zone).date()
    region, digest = context.settings.region, hashlib.sha256()
    read = ReadPart(region, today, made_up_only=caller.sandbox)

    async def digested() -> AsyncIterator[bytes]:
        async for data in request.stream():
            digest.update(data)
            for start in range(0, len(data), AT_ONCE):
                yield data[start : start + AT_ONCE]
                await asyncio.sleep(0)  # so that other calls have their turn

    async with aclosing(read_pieces(digested(), reader, bounds)) as pieces:
        async for lines in pieces:
            for line, told in lines:
                if isinstance(told, LineUnreadable):
                    read.refuse(line, "line-malformed", str(told))
                else:
                    read.add(line, told)
            if len(read) > most:
                raise ClearanceTooLarge(f"expected at most {most} numbers")
    return SentPart(n, digest.digest(), read)


def _shown(part: Part) -> dict[str, Any]:
    return {
        "part": part.n,
        "accepted": part.accepted,
        "refused": part.refused,
        "at": show_instant(part.at),
        "bad": [asdict(line) for line in part.bad],
    }
