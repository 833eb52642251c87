"""Carriers read what came of each number: may it be sold, and from when on."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse
from starlette.types import Send
from typing_extensions import override

from unbind_broker.api.callers import CarrierCaller, carrier_of
from unbind_broker.api.clearance_paths import WITHOUT_NUMBERS, ClearanceIdInPath
from unbind_broker.api.clearance_result_bodies import COLUMNS, CSV, NDJSON, STREAMED
from unbind_broker.api.context import Context, Ctx
from unbind_broker.api.problems import ANY_CALL, NotFound, problems
from unbind_broker.api.slow_readers import in_time
from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.base.instants import show_instant_or_null
from unbind_broker.base.negotiation import media_type
from unbind_broker.clearances import results, service
from unbind_broker.clearances.release import Gate
from unbind_broker.clearances.results import Blocker, NumberResult
from unbind_broker.clearances.sealed_numbers import open_number
from unbind_broker.clearances.states import ClearanceStatus
from unbind_broker.keys.service import Caller

router = APIRouter(prefix="/v1/clearances", tags=["clearances"])

AT_ONCE = 2000
"""Numbers that are read, opened and written at one time."""
MOST_SILENT_SECONDS = 30.0
MOST_SECONDS = 3600.0


class ClearanceNotPublished(BrokerError):
    """Nobody was asked yet."""

    code = "clearance-not-published"
    title = "This clearance is still a draft"


class _Paced(StreamingResponse):
    """A stream whose reader must keep reading, and end within an hour.

    Otherwise it breaks off, and the reader notices: its end is not sent.
    """

    media_type: str | None = NDJSON

    @override
    async def stream_response(self, send: Send) -> None:
        with suppress(TimeoutError):
            await super().stream_response(
                in_time(send, MOST_SILENT_SECONDS, MOST_SECONDS)
            )


Write = Callable[[Sequence[Mapping[str, Any]]], bytes]


@router.get(
    "/{clearance_id}/results",
    summary="Read what came of each number",
    response_class=_Paced,
    responses={
        **STREAMED,
        **problems(*ANY_CALL, "not-found", "clearance-not-published", "overloaded"),
    },
)
async def read_results(
    context: Ctx,
    caller: CarrierCaller,
    clearance_id: ClearanceIdInPath,
    format: Annotated[  # noqa: A002 - the name of the parameter
        Literal["ndjson", "csv"] | None,
        Query(description="Left out: as `Accept` says, otherwise NDJSON."),
    ] = None,
    after: Annotated[
        int,
        Query(
            ge=0,
            le=2**31 - 1,
            description="Only places behind this one: where a stream broke off.",
        ),
    ] = 0,
    accept: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """Stream what came of each number, in the order of places.

    Sell a number only if `release` is true, and not before `hold_until`. While the
    clearance is under way, whatever is refused or missing holds a number back. Once it
    has ended, only platforms of critical categories do (payment, bank, telecom and
    government, a setting), until they are done with it, and any platform that found the
    number in use (`active_after_cutoff`), unless an administrator overrides them.
    Sensitive platforms are neither named nor waited for here.

    Every line is true at the moment at which it is written, and every call is an event
    of the audit trail. If the stream breaks off,
    go on behind the last `place` that you have.
    """
    await _disclose(context, caller, clearance_id, after)
    wanted = {"csv": CSV, "ndjson": NDJSON}.get(format or "")
    kind = wanted or media_type(accept, (NDJSON, CSV))
    stream = _lines(context, caller, clearance_id, after, kind)
    first = await anext(stream)  # what is refused is answered before a line is sent
    return _Paced(_chain(first, stream), media_type=kind)


async def _disclose(
    context: Context, caller: Caller, clearance_id: UUID, after: int
) -> None:
    """Note that a carrier reads its numbers, if they are its own and were published."""
    now = context.clock.now()
    async with context.admission.enter(), context.engine.begin() as db:
        found = await service.find(db, clearance_id, carrier_of(caller))
        if found is None:
            raise NotFound(WITHOUT_NUMBERS)
        if found.status is ClearanceStatus.DRAFT:
            raise ClearanceNotPublished("publish it first: nobody was asked yet")
        written = format_id(Prefix.CLEARANCE, clearance_id)
        facts = {"clearance": written, "behind_place": after}
        fact = Fact(caller.actor, "clearance.results_disclosed", facts=facts)
        await record(db, now, fact)


async def _lines(
    context: Context, caller: Caller, clearance_id: UUID, after: int, kind: str
) -> AsyncGenerator[bytes, None]:
    """Write page after page; between two of them nothing is open in the database."""
    gate = gate_of(context)
    write = _csv if kind == CSV else _ndjson
    whose, rehearses = caller.actor, caller.sandbox
    async with context.downloads.enter_as(whose, rehearses=rehearses):
        yield f"{','.join(COLUMNS)}\n".encode() if kind == CSV else b""
        while True:
            now = context.clock.now()
            async with context.engine.connect() as db:
                page = await results.read_on(
                    db, now, clearance_id, gate, after, AT_ONCE
                )
            if page:
                yield await asyncio.to_thread(_write, context, page, write)
            if len(page) < AT_ONCE:
                return
            after = page[-1].place


async def _chain(
    first: bytes, rest: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    try:
        yield first
        async for piece in rest:
            yield piece
    finally:
        await rest.aclose()


def gate_of(context: Context) -> Gate:
    """Give the rule by which this installation releases numbers."""
    settings = context.settings
    critical = frozenset(settings.release_blocking_categories)
    return Gate(critical, settings.freeze, settings.zone)


def _write(context: Context, page: Sequence[NumberResult], write: Write) -> bytes:
    sealer = context.runtime.sealer
    return write([_shown(one, open_number(sealer, one.sealed).e164) for one in page])


def _shown(one: NumberResult, number: str) -> dict[str, Any]:
    line = {
        "place": one.place,
        "number": number,
        "disconnected_on": one.disconnected_on.isoformat(),
        "state": one.released.state,
        "release": one.released.release,
        "hold_until": show_instant_or_null(one.released.hold_until),
        "overridden": one.overridden,
        "blocked_by": [_blocker(blocker) for blocker in one.blocked_by],
    }
    missing = () if one.missing is None else one.missing.platforms
    return {"line": line, "missing": missing}


def _blocker(one: Blocker) -> dict[str, Any]:
    return {
        "platform": one.platform,
        "category": one.category,
        "outcome": one.outcome,
        "reason": one.reason,
        "detail": one.detail,
        "critical": one.critical,
    }


def _ndjson(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Write lines; who is missing is the same for a whole wave, and written once."""
    missing = cache(_DUMP)
    return "".join(
        f'{_DUMP(row)[:-1]},"missing":{missing(late)}}}\n'
        for row, late in ((row["line"], row["missing"]) for row in rows)
    ).encode()


_DUMP = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Write RFC 4180; no field comes from outside but slugs, which are plain words."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for shown in rows:
        row = shown["line"]
        flat = {
            **row,
            "release": str(row["release"]).lower(),
            "overridden": str(row["overridden"]).lower(),
            "blocked_by": ";".join(
                f"{one['platform']}:{one['reason']}" for one in row["blocked_by"]
            ),
            "missing": ";".join(shown["missing"]),
        }
        writer.writerow([flat[name] for name in COLUMNS])
    return text.getvalue().encode()
