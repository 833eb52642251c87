"""Apply what a platform found about a clearance's numbers, line by line."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, assert_never
from uuid import UUID

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.ids import CarrierId, PlatformId, Prefix, format_id
from unbind_broker.base.instants import show_instant_or_null
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.sealing import BlindIndex, Sealer
from unbind_broker.base.working_days import WorkingTime
from unbind_broker.callbacks.finding_lines import (
    OUTSIDE_INTERVAL,
    Contradicts,
    FindingLine,
    Known,
    Noted,
    Wrong,
    judge_finding,
    read_finding,
)
from unbind_broker.callbacks.found_outside import Removal, outside, weigh
from unbind_broker.callbacks.report import Unreadable
from unbind_broker.callbacks.results import LineAnswer, LineStatus
from unbind_broker.callbacks.store import load_reporters
from unbind_broker.callbacks.violations import raise_violations
from unbind_broker.carriers.marks import OF_CLEARANCES, Tally, mark
from unbind_broker.carriers.twins import index_of
from unbind_broker.clearances import findings, portions
from unbind_broker.clearances.findings import Finding, FoundNumber
from unbind_broker.clearances.interval import bound_before
from unbind_broker.clearances.portions import Portion, Published
from unbind_broker.clearances.states import FindingOutcome

_WHAT_FOLLOWS = (
    "last_bound_at is not before bound_before: this removal is a violation; "
    "restore.requested asks you to undo it; then correct the finding with amend"
)


class ManifestUnread(BrokerError):
    """A platform cannot be done with numbers that it has not read."""

    code: ClassVar[str] = "manifest-unread"
    title: ClassVar[str] = "The manifest was not read to its end"


@dataclass(frozen=True)
class FindingReport:
    """A report as it came: JSON values, and whether the rest is clean.

    A signed one is kept as evidence under ``evidence_id``.
    """

    reporter: str
    platform: PlatformId
    clearance_id: UUID
    lines: Sequence[object]
    complete: bool
    evidence_id: UUID | None = None


@dataclass(frozen=True)
class FindingTools:
    """What numbers are found and sealed, and days are counted by."""

    blind_index: BlindIndex
    sealer: Sealer
    region: str
    working_time: WorkingTime


@dataclass(frozen=True)
class Reported:
    """One answer per line, and where the platform stands now.

    An answer names its number masked. ``completed`` says that a wave was completed: the
    clearance may be done. ``alarming`` are carriers for which a violation came:
    ``callbacks.braking`` considers whether there were too many.
    """

    answers: list[LineAnswer]
    portions: list[Portion]
    completed: bool
    alarming: set[CarrierId]


async def report(
    db: Db, now: datetime, told: FindingReport, tools: FindingTools
) -> Reported | None:
    """Apply a report; None: the clearance was not published to this platform.

    What must follow it belongs in another transaction. Raises ``ManifestUnread``;
    nothing stands then.
    """
    whose = told.clearance_id, told.platform
    published = await portions.lock_published(db, *whose)
    if published is None:
        return None
    waves = _completable(published) if told.complete else []
    read = [read_finding(line, tools.region) for line in told.lines]
    index = await index_of(db, published.carrier_id, tools.blind_index)
    indexes = {
        line.number: index.index(line.number)
        for line in read
        if isinstance(line, FindingLine)
    }
    found = await findings.look_up(db, *whose, indexes.values())
    judging = _Judging(told, tools, indexes, found)
    answers = [judging.answer(line) for line in read]
    await findings.replace(db, now, *whose, judging.changed)
    await findings.count_again(db, *whose, judging.added)
    await portions.complete(db, now, *whose, [wave.wave for wave in waves])
    await record(db, now, *judging.facts(answers, waves))
    alarming = await _weigh(db, now, published, judging, tools)
    standing = await portions.find_published(db, *whose)
    after = [] if standing is None else list(standing.portions)
    return Reported(answers, after, completed=bool(waves), alarming=alarming)


def _completable(published: Published) -> list[Portion]:
    """Choose the waves that are read and not complete; there must be nothing else.

    A wave that was published after the platform had read all before it holds up none of
    those.
    """
    open_waves = [one for one in published.portions if not one.is_complete]
    ready = [one for one in open_waves if one.is_read]
    unread = [one for one in open_waves if not one.is_read]
    if unread and not ready:
        first = unread[0]
        reached = max(first.read_to, first.first_place - 1)
        raise ManifestUnread(
            f"wave {first.wave} goes from place {first.first_place} to "
            f"{first.last_place}, and you have read it to place {reached}: read "
            f"?wave={first.wave} to its end; nothing of this report was recorded"
        )
    return ready


async def _weigh(
    db: Db,
    now: datetime,
    published: Published,
    judging: "_Judging",
    tools: FindingTools,
) -> set[CarrierId]:
    """Raise violations, and mark for the brake what its carrier may know of."""
    platform = judging.told.platform
    reporter = (await load_reporters(db, [platform]))[platform]
    folded = reporter.sensitive
    violating = [
        outside(now, published, one, tools.sealer, is_folded=folded)
        for one in judging.violating.values()
    ]
    await raise_violations(db, now, reporter, violating, tools.working_time)
    tally = Tally() if folded else judging.tally
    await mark(db, now, {published.carrier_id: tally}, OF_CLEARANCES)
    return {published.carrier_id} if tally.bad else set()


@dataclass
class _Judging:
    """The state of one report while its lines are judged one after the other.

    ``violating`` keeps the last claim of each number: one that wavers floods nobody.
    """

    told: FindingReport
    tools: FindingTools
    indexes: Mapping[PhoneNumber, bytes]
    found: Mapping[bytes, FoundNumber]
    changed: dict[int, Finding] = field(default_factory=dict)
    remarkable: list[Fact] = field(default_factory=list)
    violating: dict[int, Removal] = field(default_factory=dict)

    def answer(self, line: FindingLine | Unreadable) -> LineAnswer:
        if isinstance(line, Unreadable):
            return LineAnswer(line.id, LineStatus.REJECTED, line.code, line.detail)
        found = self.found.get(self.indexes[line.number])
        if found is None:
            return LineAnswer(line.number.masked, LineStatus.UNKNOWN)
        return self._judged(line, found)

    def _judged(self, line: FindingLine, found: FoundNumber) -> LineAnswer:
        masked = line.number.masked
        zone = self.tools.working_time.zone
        verdict = judge_finding(line, found, self._standing(found), zone)
        match verdict:
            case Noted():
                return self._note(line, found, verdict)
            case Known():
                return LineAnswer(masked, LineStatus.DUPLICATE)
            case Contradicts(standing=standing):
                self._remark("finding.conflict", line, found, was=standing)
                said = f"you said {standing.outcome} already; amend corrects it"
                return LineAnswer(masked, LineStatus.CONFLICT, detail=said)
            case Wrong(fault=fault):
                status = LineStatus.REJECTED
                return LineAnswer(masked, status, fault.code, fault.detail)
            case _:
                assert_never(verdict)

    @property
    def added(self) -> Counter[int]:
        """Count by wave how many more findings stand now."""
        before = {one.place: one for one in self.found.values()}
        added: Counter[int] = Counter()
        for place, finding in self.changed.items():
            stands = finding.outcome is not FindingOutcome.NOT_BOUND
            stood = before[place].standing is not None
            added[before[place].wave] += int(stands) - int(stood)
        return added

    @property
    def tally(self) -> Tally:
        """Count results, and how many of them are bad."""
        before = {one.place: one for one in self.found.values()}
        weights = (
            weigh(before[place].standing, finding, self._border(before[place]))
            for place, finding in self.changed.items()
        )
        return sum(weights, Tally())

    def facts(
        self, answers: Sequence[LineAnswer], completed: Sequence[Portion]
    ) -> list[Fact]:
        """Tell the whole report as one event, and whatever is remarkable by itself."""
        places = sorted(self.changed)
        digest = hashlib.sha256(",".join(map(str, places)).encode()).hexdigest()
        outcomes = Counter(one.outcome.value for one in self.changed.values())
        evidence = self.told.evidence_id
        facts = {
            "clearance": self._clearance,
            "lines": dict(Counter(answer.status.value for answer in answers)),
            "outcomes": dict(outcomes),
            "places_sha256": digest,
            "completed_waves": [one.wave for one in completed],
            "evidence": None if evidence is None else evidence.hex,
        }
        summary = Fact(self.told.reporter, "findings.reported", facts=facts)
        return [summary, *self.remarkable]

    def _standing(self, found: FoundNumber) -> Finding | None:
        standing = self.changed.get(found.place, found.standing)
        gone = standing is None or standing.outcome is FindingOutcome.NOT_BOUND
        return None if gone else standing

    def _note(self, line: FindingLine, found: FoundNumber, noted: Noted) -> LineAnswer:
        self.changed[found.place] = noted.finding
        if noted.amended is not None:
            self._remark("finding.amended", line, found, was=noted.amended)
        if noted.violates:
            index, border = self.indexes[line.number], self._border(found)
            removal = Removal(line.number, index, found, noted.finding, border)
            self.violating[found.place] = removal
        why = (OUTSIDE_INTERVAL, _WHAT_FOLLOWS) if noted.outside else (None, None)
        return LineAnswer(line.number.masked, LineStatus.RECORDED, *why)

    def _border(self, found: FoundNumber) -> datetime:
        return bound_before(found.disconnected_on, self.tools.working_time.zone)

    def _remark(
        self,
        action: str,
        line: FindingLine,
        found: FoundNumber,
        was: Finding | None,
    ) -> None:
        facts = {
            "clearance": self._clearance,
            "place": found.place,
            "reported": _shown(line),
            "was": None if was is None else _shown(was),
        }
        index = self.indexes[line.number]
        fact = Fact(self.told.reporter, action, number_index=index, facts=facts)
        self.remarkable.append(fact)

    @property
    def _clearance(self) -> str:
        return format_id(Prefix.CLEARANCE, self.told.clearance_id)


def _shown(said: Finding | FindingLine) -> dict[str, str | None]:
    return {
        "outcome": said.outcome.value,
        "reason": said.reason and said.reason.value,
        "last_bound_at": show_instant_or_null(said.last_bound_at),
    }
