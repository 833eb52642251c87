"""Carriers tell who holds their numbers from when to when (持有记录)."""

from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from unbind_broker.api.accepting import (
    IdempotencyKey,
    asking_carrier,
    repeatable_of,
    tools_of,
)
from unbind_broker.api.bodies import media_type_of, require_plain
from unbind_broker.api.callers import CarrierCaller
from unbind_broker.api.context import Context, Ctx
from unbind_broker.api.holding_bodies import (
    REQUEST_BODY,
    HoldingsTold,
    parse_body,
)
from unbind_broker.api.json_answers import encode, json_answer
from unbind_broker.api.line_streams import (
    CsvReader,
    LineUnreadable,
    Reader,
    read_json_line,
    read_lines,
)
from unbind_broker.api.problems import ANY_BODY, problems
from unbind_broker.base.database import Db
from unbind_broker.intake.holding_feed import MOST_AT_ONCE, take_lines
from unbind_broker.intake.holding_lines import (
    FIELDS,
    HoldingLine,
    LineOutcome,
    LineStatus,
    made_up_only,
    malformed,
    read_line,
)
from unbind_broker.keys.service import Caller
from unbind_broker.orders.idempotency import (
    Repeatable,
    StoredAnswer,
    earlier_answer,
    remember,
)

router = APIRouter(prefix="/v1/holdings", tags=["holdings"])

MOST_SHOWN = 1000
"""Lines of a stream that its answer shows."""

Batch = Sequence[HoldingLine | LineOutcome]


@router.post(
    "",
    summary="Tell who holds numbers",
    response_model=HoldingsTold,
    response_model_exclude_none=True,
    responses={
        200: {
            "headers": {
                "Idempotency-Replayed": {
                    "description": "`true` if the same was asked before.",
                    "schema": {"type": "string", "enum": ["true"]},
                }
            }
        },
        **problems(
            *ANY_BODY, "idempotency-in-progress", "idempotency-key-reused", "overloaded"
        ),
    },
    openapi_extra=REQUEST_BODY,
)
async def tell_holdings(
    context: Ctx,
    caller: CarrierCaller,
    request: Request,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Tell what happened to your numbers; each line is judged by itself.

    `activated`: a new holder since that day. `disconnected`: the holder gave the number
    up, and its open queries and orders end. `transferred`: from one holder to another,
    here; what the former one asked for ends. `ported_in`, `ported_out`: the same holder
    came from, or went to, another carrier. `resumed`: the former holder came back
    within the freeze.

    A line is `recorded`, a `duplicate` (told before) or `rejected`: wrong by itself, or
    against what is known, `code` says which. You can end only your own holdings. A
    number that you told `ported_out` is yours to tell `disconnected` if it comes back
    and no other carrier told anything of it: once the freeze has passed since, before
    that it passes for the account that the port closed. Tell things in the order in
    which they happened.

    Send up to 1,000 lines as JSON: `{"holdings": [...]}`, a bare list, or one object.
    Or stream up to 1,000,000 lines and 256 MiB as `application/x-ndjson` or `text/csv`
    (first line `number,event,on`); a line has at most 1,000 bytes. A stream is worked
    on while it comes: if it breaks off, send it again, and what stands already comes
    out as `duplicate`. So it needs no `Idempotency-Key`, and none is looked at.
    """
    reader = _reader_of(media_type_of(request.headers))
    if reader is not None:
        require_plain(request.headers)
        return await _take_stream(context, caller, request, reader)
    repeatable = await repeatable_of(context, caller, request, idempotency_key)
    lines = parse_body(await request.body())
    read = [
        _read(context, caller, place, line) for place, line in enumerate(lines, start=1)
    ]
    return await _take_json(context, caller, read, repeatable)


def _reader_of(media_type: str) -> Reader | None:
    if media_type == "application/x-ndjson":
        return read_json_line
    return CsvReader(FIELDS) if media_type == "text/csv" else None


async def _take_json(
    context: Context, caller: Caller, read: Batch, repeatable: Repeatable | None
) -> Response:
    """Take a list in several transactions; the last one keeps the answer.

    A repetition of one that broke off between them finds duplicates.
    """
    outcomes: list[LineOutcome] = []
    while True:
        batch = read[len(outcomes) : len(outcomes) + MOST_AT_ONCE]
        now = context.clock.now()
        async with context.admission.enter(), context.engine.begin() as db:
            earlier = await earlier_answer(db, repeatable) if repeatable else None
            if earlier is not None:
                replayed = json_answer(earlier.body)
                replayed.headers["Idempotency-Replayed"] = "true"
                return replayed
            outcomes += await _take(context, caller, now, db, batch)
            if len(outcomes) < len(read):
                continue
            body = encode(_counted(Counter(_statuses(outcomes)), outcomes))
            if repeatable:
                await remember(db, now, repeatable, StoredAnswer(200, None, body))
        return json_answer(body)


async def _take_stream(
    context: Context, caller: Caller, request: Request, reader: Reader
) -> Response:
    counts: Counter[LineStatus] = Counter()
    shown: list[LineOutcome] = []
    async with (
        context.feeds.enter_as(caller.actor, rehearses=caller.sandbox),
        aclosing(_batches(context, caller, request, reader)) as all_,
    ):
        try:
            async for batch in all_:
                now = context.clock.now()
                async with context.engine.begin() as db:
                    outcomes = await _take(context, caller, now, db, batch)
                counts.update(_statuses(outcomes))
                told = [
                    one for one in outcomes if one.status is not LineStatus.RECORDED
                ]
                shown += told[: MOST_SHOWN - len(shown)]
        except ClientDisconnect:
            return Response(status_code=400)  # read by nobody
    return json_answer(encode(_counted(counts, shown)))


async def _batches(
    context: Context, caller: Caller, request: Request, reader: Reader
) -> AsyncGenerator[Batch, None]:
    batch: list[HoldingLine | LineOutcome] = []
    async for line, told in read_lines(request.stream(), reader):
        batch.append(_read(context, caller, line, told))
        if len(batch) == MOST_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _read(
    context: Context, caller: Caller, line: int, told: object
) -> HoldingLine | LineOutcome:
    if isinstance(told, LineUnreadable):
        return malformed(line, str(told))
    today = context.clock.now().astimezone(context.settings.zone).date()
    read = read_line(line, told, context.settings.region, today)
    return made_up_only(read) if caller.sandbox else read


async def _take(
    context: Context, caller: Caller, now: datetime, db: Db, batch: Batch
) -> list[LineOutcome]:
    tools, carrier = tools_of(context, caller), asking_carrier(caller)
    return await take_lines(db, now, batch, carrier, tools)


def _statuses(outcomes: Iterable[LineOutcome]) -> list[LineStatus]:
    return [one.status for one in outcomes]


def _counted(
    counts: Counter[LineStatus], shown: Sequence[LineOutcome]
) -> dict[str, Any]:
    return {
        "recorded": counts[LineStatus.RECORDED],
        "duplicates": counts[LineStatus.DUPLICATE],
        "rejected": counts[LineStatus.REJECTED],
        "results": [
            {name: value for name, value in vars(one).items() if value is not None}
            for one in shown
        ],
    }
