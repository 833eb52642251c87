"""Put a part into a draft, in one transaction that begins when all of it has come."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.sealing import BlindIndex, Sealer
from unbind_broker.clearances import parts
from unbind_broker.clearances.parts import (
    LIVE_HOLDING,
    MOST_BAD,
    BadLine,
    Part,
    SealedLines,
)
from unbind_broker.clearances.sealed_numbers import seal_number
from unbind_broker.clearances.service import Clearance
from unbind_broker.intake.asked import AskingCarrier
from unbind_broker.intake.clearing_lines import ReadPart
from unbind_broker.intake.probing import RefusalBound, note_refused, require_usual

AT_ONCE = 4000
"""Numbers of one statement."""
BETWEEN_OTHERS = 100
"""Numbers that are sealed, in less than a millisecond, before others have their turn. A
thread would keep the interpreter for five at a time."""


@dataclass(frozen=True)
class ClearingTools:
    """What putting numbers in needs of the process; ``most`` are in one clearance."""

    sealer: Sealer
    blind_index: BlindIndex
    most: int
    freeze: timedelta
    bound: RefusalBound


@dataclass(frozen=True)
class SentPart:
    """A part as it came; ``digest`` is that of its bytes."""

    n: int
    digest: bytes
    read: ReadPart


async def put_part(
    db: Db,
    now: datetime,
    clearance: Clearance,
    sent: SentPart,
    actor: str,
    tools: ClearingTools,
) -> Part:
    """Put a part in the place of the one of its number, unless it is the same.

    ``clearance`` is locked. Raises ``ClearanceNotDraft``, ``TooManyRefusals`` and
    ``ClearanceTooLarge``.
    """
    digest = tools.blind_index.fingerprint(b"clearance part\n" + sent.digest)
    earlier = await parts.find_part(db, clearance.id, sent.n)
    if earlier is not None and earlier.digest == digest:
        return earlier
    clearance.require_draft()
    asking = AskingCarrier(clearance.carrier_id, actor)
    await require_usual(db, now, asking, tools.bound)
    read, n = sent.read, sent.n
    behind = await parts.make_room(db, clearance, n, len(read), tools.most)
    last, held, telling, bad = behind, 0, 0, list[BadLine]()
    confirmed = now - tools.freeze
    async with aclosing(_sealed(read, tools)) as chunks:
        async for chunk in chunks:
            left_out = await parts.take(db, clearance, last, chunk, confirmed)
            last += len(chunk.lines) - len(left_out.bad)
            held += sum(one.code == LIVE_HOLDING for one in left_out.bad)
            telling += left_out.telling
            bad += left_out.bad[: MOST_BAD - len(bad)]
    part = _part(sent, digest, (behind, last), [*read.bad, *bad], now)
    await parts.add(db, clearance.id, tools.sealer.header, part)
    more = {"held": held, "replaced": earlier is not None}
    await record(db, now, _put(clearance, part, actor, more))
    await note_refused(db, now, asking, telling, tools.bound)
    return part


def _part(
    sent: SentPart,
    digest: bytes,
    places: tuple[int, int],
    bad: list[BadLine],
    now: datetime,
) -> Part:
    behind, last = places
    accepted = last - behind
    return Part(
        n=sent.n,
        digest=digest,
        accepted=accepted,
        refused=sent.read.refused + len(sent.read) - accepted,
        bad=sorted(bad, key=lambda one: one.line)[:MOST_BAD],
        first_place=behind + 1,
        last_place=last,
        at=now,
    )


async def _sealed(
    read: ReadPart, tools: ClearingTools
) -> AsyncGenerator[SealedLines, None]:
    """Seal the next numbers while the database takes those before."""
    ahead: asyncio.Task[SealedLines] | None = None
    try:
        for start in range(0, len(read), AT_ONCE):
            following = asyncio.create_task(_seal(read, start, tools))
            if ahead is not None:
                ready, ahead = ahead, following
                yield await ready
            ahead = following
        if ahead is not None:
            yield await ahead
    finally:
        if ahead is not None:
            ahead.cancel()


async def _seal(read: ReadPart, start: int, tools: ClearingTools) -> SealedLines:
    end = min(start + AT_ONCE, len(read))
    indexes, sealed = list[bytes](), list[bytes]()
    for first in range(start, end, BETWEEN_OTHERS):
        for digits in read.numbers[first : min(first + BETWEEN_OTHERS, end)]:
            number = PhoneNumber(f"+{digits}")
            indexes.append(tools.blind_index.index(number))
            sealed.append(seal_number(tools.sealer, number))
        await asyncio.sleep(0)
    lines, days = read.lines[start:end].tolist(), read.days[start:end].tolist()
    return SealedLines(lines, indexes, sealed, days)


def _put(
    clearance: Clearance, part: Part, actor: str, more: Mapping[str, object]
) -> Fact:
    """Count what was put in; the keyed digest shows which numbers, and tells none.

    That many of them are ``held`` by others shows who asks about others' numbers.
    """
    facts = {
        "clearance": format_id(Prefix.CLEARANCE, clearance.id),
        "part": part.n,
        "accepted": part.accepted,
        "refused": part.refused,
        "digest": part.digest.hex(),
        **more,
    }
    return Fact(actor, "clearance.part_put", facts=facts)
