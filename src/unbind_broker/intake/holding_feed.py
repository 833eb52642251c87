"""Take what a carrier tells about its numbers, and end what ended holders asked for."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId
from unbind_broker.clearances.withdrawing import withdraw_resumed
from unbind_broker.holdings.events import Duplicate, Heard, Judgement, Told
from unbind_broker.holdings.rejections import ELSEWHERE, Rejection
from unbind_broker.holdings.service import take
from unbind_broker.holdings.states import HoldingEvent
from unbind_broker.intake.asked import AskingCarrier
from unbind_broker.intake.clearing import withdrawn_fact
from unbind_broker.intake.holding_lines import HoldingLine, LineOutcome, LineStatus
from unbind_broker.intake.ownership import ended_fact, limits_of, slugs_of
from unbind_broker.intake.place_order import IntakeTools
from unbind_broker.intake.probing import note_refused, refusals_of
from unbind_broker.items.states import Reason
from unbind_broker.notices.calling_back import call_back, hold_still
from unbind_broker.orders.service import lock_numbers, open_orders

MOST_AT_ONCE = 100
"""Lines of one transaction: as many numbers are locked in it, and all connections share
the server's table of locks."""


async def take_lines(
    db: Db,
    now: datetime,
    read: Sequence[HoldingLine | LineOutcome],
    carrier: AskingCarrier,
    tools: IntakeTools,
) -> list[LineOutcome]:
    """Judge up to ``MOST_AT_ONCE`` lines, each by itself, in their order."""
    lines = [one for one in read if isinstance(one, HoldingLine)]
    indexes = [tools.blind_index.index(one.number) for one in lines]
    await lock_numbers(db, indexes)
    told = [
        (index, Told(carrier.id, one.event, one.on))
        for index, one in zip(indexes, lines, strict=True)
    ]
    judgements = await take(db, now, told, limits_of(tools.policy))
    heard = list(zip(indexes, judgements, strict=True))
    await _end_orders(db, now, heard, carrier.actor)
    withdrawn = await _take_back(db, now, told, judgements, carrier)
    judged = iter(judgements)
    outcomes = [
        one if isinstance(one, LineOutcome) else _outcome(one.line, next(judged))
        for one in read
    ]
    facts = await _ended_facts(db, heard, carrier.actor)
    digest = tools.blind_index.fingerprint(_written(lines)).hex()
    told_fact = _told_fact(outcomes, digest, carrier.actor)
    await record(db, now, *facts, *withdrawn, told_fact)
    refused = sum(one is ELSEWHERE for one in judgements)
    await note_refused(db, now, carrier, refused, refusals_of(tools.policy))
    return outcomes


def _outcome(line: int, judgement: Judgement) -> LineOutcome:
    match judgement:
        case Heard():
            return LineOutcome(line, LineStatus.RECORDED)
        case Duplicate():
            return LineOutcome(line, LineStatus.DUPLICATE)
        case Rejection(code=code, detail=detail):
            return LineOutcome(line, LineStatus.REJECTED, code, detail)


Judged = Sequence[tuple[bytes, Judgement]]


async def _end_orders(db: Db, now: datetime, judged: Judged, actor: str) -> None:
    gone: defaultdict[bytes, dict[date, frozenset[CarrierId]]] = defaultdict(dict)
    followed: defaultdict[bytes, date] = defaultdict(lambda: date.min)
    for index, heard in judged:
        if isinstance(heard, Heard) and heard.disconnected_since:
            gone[index][heard.disconnected_since] = heard.spared
        if isinstance(heard, Heard) and heard.superseded_before:
            followed[index] = max(followed[index], heard.superseded_before)
    if not gone and not followed:
        return
    found = await open_orders(db, gone.keys() | followed.keys())
    disconnected = [
        one.id
        for one in found
        if one.owner_since in gone[one.number_index]
        and one.carrier_id not in gone[one.number_index][one.owner_since]
    ]
    superseded = [
        one.id for one in found if one.owner_since < followed[one.number_index]
    ]
    # Both at once, because nobody locks orders once he has items.
    await hold_still(db, now, [*disconnected, *superseded])
    await call_back(db, now, disconnected, Reason.NUMBER_DISCONNECTED, actor)
    await call_back(db, now, superseded, Reason.SUPERSEDED, actor)


async def _take_back(
    db: Db,
    now: datetime,
    told: Sequence[tuple[bytes, Told]],
    judgements: Sequence[Judgement],
    carrier: AskingCarrier,
) -> list[Fact]:
    """Withdraw numbers from clearances whose former holders have come back."""
    resumed = {
        index
        for (index, one), judgement in zip(told, judgements, strict=True)
        if one.event is HoldingEvent.RESUMED and isinstance(judgement, Heard)
    }
    if not resumed:
        return []
    return [
        withdrawn_fact(clearance_id, index, carrier)
        for clearance_id, index in await withdraw_resumed(
            db, now, carrier.id, sorted(resumed)
        )
    ]


async def _ended_facts(db: Db, judged: Judged, actor: str) -> list[Fact]:
    ended = [
        (index, heard.ended)
        for index, heard in judged
        if isinstance(heard, Heard) and heard.ended is not None
    ]
    slugs = await slugs_of(db, {holding.carrier_id for _, holding in ended})
    return [ended_fact(holding, actor, slugs, None, index) for index, holding in ended]


def _told_fact(outcomes: Sequence[LineOutcome], digest: str, actor: str) -> Fact:
    """Count what was told; the keyed digest shows which lines, and no number."""
    counts = Counter(one.status for one in outcomes)
    told = {status.value: counts[status] for status in LineStatus}
    return Fact(
        actor,
        "holdings.told",
        facts={"lines": len(outcomes), **told, "digest": digest},
    )


def _written(lines: Sequence[HoldingLine]) -> bytes:
    return "\n".join(
        f"{one.number.e164},{one.event.value},{one.on}" for one in lines
    ).encode("ascii")
