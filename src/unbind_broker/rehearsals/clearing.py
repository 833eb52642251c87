"""Work on clearances for made-up platforms: read a wave, report what is found."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId
from unbind_broker.base.sealing import SealBroken
from unbind_broker.callbacks.findings import (
    FindingReport,
    FindingTools,
    report,
)
from unbind_broker.clearances.interval import bound_before
from unbind_broker.clearances.manifest import (
    ClearanceHeld,
    ClearanceStopped,
    ListedNumber,
    note_read,
    read_sheet,
)
from unbind_broker.clearances.portions import Published, find_published
from unbind_broker.clearances.sealed_numbers import open_number
from unbind_broker.rehearsals import waves
from unbind_broker.rehearsals.fixed_outcomes import (
    SOON,
    When,
    find_fixed,
    fixed_block,
)
from unbind_broker.rehearsals.made_up import MadeUp
from unbind_broker.rehearsals.store import put_off
from unbind_broker.rehearsals.telling import AFTER_DEADLINE, Line
from unbind_broker.rehearsals.waves import OpenWave

PAGE = 1000
"""Numbers that are read at a time, and findings of one report."""

WHILE_HELD = timedelta(seconds=5)
"""After so long it is looked again whether a clearance goes on."""

Found = dict[When, list[Line]]


@dataclass(frozen=True)
class ClearingTools:
    """What reading and reporting need; ``freeze`` as the manifest counts holders."""

    findings: FindingTools
    freeze: timedelta


@dataclass
class Cleared:
    """What follows a step, in other transactions: clearances done, brakes to weigh."""

    completed: set[UUID] = field(default_factory=set)
    alarming: set[CarrierId] = field(default_factory=set)


async def clear_one(
    db: Db, now: datetime, made_up: Collection[MadeUp], tools: ClearingTools
) -> Cleared | None:
    """Do what is to be done about one wave at one platform; None: there is nothing.

    What is slow or late is found anew when it comes due. Where it was told already,
    telling it again changes nothing.
    """
    wave = await waves.take_due(db, now)
    is_due = wave is not None
    if wave is None:
        taking = [one.platform for one in made_up if one.takes]
        wave = await waves.find_unread(db, taking)
    if wave is None:
        return None
    slug = next((one.slug for one in made_up if one.platform == wave.platform), None)
    published = await find_published(db, wave.clearance_id, wave.platform)
    if published is None or slug is None:
        return Cleared()
    try:
        found = await _find(db, now, published, wave, tools)
    except (ClearanceHeld, ClearanceStopped):
        if is_due:
            await put_off(db, {(wave.notice_id, wave.platform): now + WHILE_HELD})
        return Cleared()
    stage = _Stage(found, is_due=is_due, is_over=now > published.deadline)
    next_at = stage.next_at(now, published.deadline)
    if next_at is not None:
        await put_off(db, {(wave.notice_id, wave.platform): next_at})
    reporting = _Reporting(f"platform:{slug}", wave, stage.lines, next_at is None)
    return await reporting.send(db, now, tools.findings)


@dataclass(frozen=True)
class _Stage:
    """How far a platform is with a wave: it has read it, is due again, is too late."""

    found: Found
    is_due: bool
    is_over: bool

    @property
    def lines(self) -> list[Line]:
        """Give what is told now."""
        told = [] if self.is_due else [When.NOW]
        told += [When.SOON] if self.is_due else []
        told += [When.LATE] if self.is_over else []
        return [line for when in told for line in self.found.get(when, ())]

    def next_at(self, now: datetime, deadline: datetime) -> datetime | None:
        """Say when there is more to tell; None: the rest is clean."""
        if When.SOON in self.found and not self.is_due:
            return now + SOON
        if When.LATE in self.found and not self.is_over:
            return deadline + AFTER_DEADLINE
        return None


@dataclass(frozen=True)
class _Reporting:
    reporter: str
    wave: OpenWave
    lines: Sequence[Line]
    complete: bool

    async def send(self, db: Db, now: datetime, tools: FindingTools) -> Cleared:
        cleared = Cleared()
        starts = range(0, len(self.lines), PAGE) or range(int(self.complete))
        for start in starts:
            told = FindingReport(
                reporter=self.reporter,
                platform=self.wave.platform,
                clearance_id=self.wave.clearance_id,
                lines=self.lines[start : start + PAGE],
                complete=self.complete and start == starts[-1],
            )
            reported = await report(db, now, told, tools)
            if reported is not None:
                cleared.alarming |= reported.alarming
                if reported.completed:
                    cleared.completed.add(self.wave.clearance_id)
        return cleared


async def _find(
    db: Db, now: datetime, published: Published, wave: OpenWave, tools: ClearingTools
) -> Found:
    """Read the wave to its end, and say what is told about it, and when."""
    found: defaultdict[When, list[Line]] = defaultdict(list)
    after, confirmed = 0, now - tools.freeze
    while True:
        sheet = await read_sheet(db, published, wave.wave, after, PAGE, confirmed)
        if sheet is None:
            return dict(found)
        for one in sheet.numbers:
            for when, line in _look(one, tools.findings):
                found[when].append(line)
        await note_read(db, wave.clearance_id, wave.platform, sheet)
        after = sheet.reached


def _look(one: ListedNumber, tools: FindingTools) -> list[tuple[When, Line]]:
    if one.withdrawn:
        return []
    try:
        number = open_number(tools.sealer, one.sealed).e164
    except SealBroken:
        return []
    block = fixed_block(number)
    if block is None:
        return []
    before = bound_before(one.disconnected_on, tools.working_time.zone)
    return find_fixed(block, number, before)
