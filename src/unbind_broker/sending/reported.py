"""Results that a platform gives inside its 2xx answer."""

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from unbind_broker.base.database import Db, is_refusal
from unbind_broker.base.ids import PlatformId, Prefix, parse_id
from unbind_broker.callbacks.results import (
    MAX_LINES,
    Applied,
    Applying,
    apply_together,
)
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.sending.finished import Finished

log = logging.getLogger(__name__)


def lines_of(finished: Finished) -> list[object]:
    """Read ``{"results": [...]}``; anything else is an answer without results.

    Nor does it count where reports must be signed: an answer carries no signature; and
    only requests ask for results.
    """
    exchange = finished.exchange
    is_taken = exchange.outcome.kind is OutcomeKind.ACCEPTED
    if not finished.batch.is_request or not is_taken or not exchange.answer:
        return []
    try:
        body = json.loads(exchange.answer)
    except (ValueError, RecursionError):
        if b'"results"' in exchange.answer[:100]:
            _warn("results_unreadable", finished)
        return []
    lines = body.get("results") if isinstance(body, dict) else None
    if not isinstance(lines, list):
        return []
    if lines and finished.reports_signed:
        _warn("results_unsigned", finished)
        return []
    return lines[:MAX_LINES]


def orders_named(lines: Sequence[object]) -> set[UUID]:
    """Give the orders that the lines speak of, to be locked together."""
    written = (line.get("id") for line in lines if isinstance(line, dict))
    found = (
        parse_id(text, Prefix.QUERY, Prefix.ORDER)
        for text in written
        if isinstance(text, str)
    )
    return {order_id for order_id in found if order_id is not None}


def _warn(what: str, finished: Finished) -> None:
    facts = {"platform_id": finished.platform_id, "webhook_id": finished.webhook_id}
    log.warning(what, extra=facts)


async def apply_results(
    db: Db,
    now: datetime,
    said: Mapping[PlatformId, Sequence[object]],
    applying: Applying,
    uncounted: Collection[PlatformId] = (),
) -> Applied:
    """Apply results; the answers to the lines are only counted.

    Those to platforms that are ``uncounted`` are left out.

    Whatever is wrong with results, the platforms have taken the items: that stays
    recorded. So do the results of the others. A passing fault of the database is
    raised: the whole record is written again.
    """
    tried = [said]
    done = [await _try(db, now, said, applying)]
    if done == [None] and len(said) > 1:
        tried = [{one: said[one]} for one in sorted(said)]
        done = [await _try(db, now, one, applying) for one in tried]
    applied = [
        (lines, one) for lines, one in zip(tried, done, strict=True) if one is not None
    ]
    return Applied(
        [
            answer
            for lines, one in applied
            for whose, answer in zip(_speakers(lines), one.answers, strict=True)
            if whose not in uncounted
        ],
        {order for _, one in applied for order in one.touched},
        {carrier for _, one in applied for carrier in one.alarming},
    )


def _speakers(said: Mapping[PlatformId, Sequence[object]]) -> list[PlatformId]:
    """Say of each line whose it is."""
    return [platform for platform, lines in said.items() for _ in lines]


async def _try(
    db: Db,
    now: datetime,
    said: Mapping[PlatformId, Sequence[object]],
    applying: Applying,
) -> Applied | None:
    if not said:
        return None
    try:
        async with db.begin_nested():
            return await apply_together(db, now, said, applying)
    except Exception as error:
        if isinstance(error, DBAPIError) and not is_refusal(error):
            raise
        log.exception("results_not_applied", extra={"platform_ids": sorted(said)})
        return None
