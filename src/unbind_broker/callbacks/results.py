"""Apply what a platform reports, line by line; no line spoils another."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypedDict, assert_never
from uuid import UUID

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId, PlatformId
from unbind_broker.base.instants import show_instant_or_null
from unbind_broker.base.working_days import WorkingTime
from unbind_broker.callbacks.braking import BrakePolicy, count
from unbind_broker.callbacks.judging import (
    Conflict,
    Duplicate,
    NeverAsked,
    Recorded,
    Rejected,
    Verdict,
    judge,
)
from unbind_broker.callbacks.lines import read_line
from unbind_broker.callbacks.report import Report, UnknownId, Unreadable
from unbind_broker.callbacks.store import (
    AskedItem,
    Reporter,
    load_reporters,
    lock_items,
)
from unbind_broker.callbacks.violations import Outside, raise_violations
from unbind_broker.carriers.marks import mark
from unbind_broker.deliveries.announcing import announce_cancelled, note_cancelled
from unbind_broker.deliveries.queue import stop_sending
from unbind_broker.deliveries.undelivered import forget
from unbind_broker.items import service as items
from unbind_broker.items.item import Item, ItemKey
from unbind_broker.items.joining import pass_on
from unbind_broker.items.states import ItemStatus
from unbind_broker.notices.changes import note_changed

MAX_LINES = 1000
OUTSIDE_INTERVAL = "outside-interval"
_WHAT_FOLLOWS = (
    "last_bound_at is outside [bound_from, bound_before): this removal is a violation; "
    "restore.requested asks you to undo it"
)


class LineStatus(StrEnum):
    """What became of one line."""

    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class LineAnswer(NamedTuple):
    """The answer to one line; ``code`` and ``detail`` say why where it matters."""

    id: str | None
    status: LineStatus
    code: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class Applied:
    """One answer per line, in their order, and what must follow once this commits.

    ``touched`` are orders that may be complete now, ``alarming`` carriers for which a
    bad result came: ``callbacks.braking`` considers whether there were too many.
    """

    answers: list[LineAnswer]
    touched: set[UUID]
    alarming: set[CarrierId]


@dataclass(frozen=True)
class Applying:
    """The settings that reports are applied by."""

    working_time: WorkingTime
    brake: BrakePolicy


async def apply(
    db: Db,
    now: datetime,
    platform: PlatformId,
    lines: Sequence[object],
    applying: Applying,
    evidence_id: UUID | None = None,
) -> Applied:
    """Apply a report. What must follow it belongs in another transaction.

    ``lines`` are JSON values as received; several of them may name one item. A signed
    report is the evidence of the results that it sets: ``evidence_id`` names it.
    """
    return await apply_together(db, now, {platform: lines}, applying, evidence_id)


async def apply_together(
    db: Db,
    now: datetime,
    said: Mapping[PlatformId, Sequence[object]],
    applying: Applying,
    evidence_id: UUID | None = None,
) -> Applied:
    """Apply what several platforms report, by a statement for all where one will do."""
    read = {platform: [read_line(line) for line in said[platform]] for platform in said}
    reporters = await load_reporters(db, said)
    asked = await lock_items(db, reporters, _named(read))
    reports = [_Report(now, reporters[one], asked) for one in read]
    answers = [[one.answer(line) for line in read[one.reporter.id]] for one in reports]
    changed = [item for one in reports for item in one.changed.values()]
    await items.replace(db, changed, evidence_id)
    followers = await _pass_on(db, now, [asked[item.key] for item in changed])
    # A report proves that the request arrived.
    await stop_sending(db, [item.key for item in changed])
    await forget(db, [key for one in reports for key in one.delivered])
    unaware = [one.item.key for one in asked.values() if one.is_unaware]
    await announce_cancelled(db, now, unaware)
    await note_cancelled(db, [key for one in reports for key in one.ends_noted])
    told = zip(reports, answers, strict=True)
    await record(db, now, *(fact for one, its in told for fact in one.facts(its)))
    for one in reports:
        await raise_violations(
            db, now, one.reporter, [*one.violating.values()], applying.working_time
        )
    tallies = count((asked[item.key], item) for item in changed)
    await mark(db, now, tallies)
    alarming = {carrier for carrier, tally in tallies.items() if tally.bad}
    touched = {item.key.order_id for item in changed} | followers
    return Applied([answer for its in answers for answer in its], touched, alarming)


async def _pass_on(db: Db, now: datetime, changed: Sequence[AskedItem]) -> set[UUID]:
    """Give followers their leaders' results, and note whose carriers see a change."""
    seen = [one for one in changed if one.is_seen_changing]
    unseen = [one for one in changed if not one.is_seen_changing]
    followers = [
        await pass_on(db, now, [one.item.key for one in some if one.followed])
        for some in (seen, unseen)
    ]
    await note_changed(db, now, {one.item.key.order_id for one in seen} | followers[0])
    return followers[0] | followers[1]


def _named(read: Mapping[PlatformId, Sequence[object]]) -> set[ItemKey]:
    return {
        ItemKey(line.order_id, platform)
        for platform, lines in read.items()
        for line in lines
        if isinstance(line, Report)
    }


@dataclass
class _Report:
    """The state of one report while its lines are judged one after the other.

    ``violating`` keeps the last claim of each item: one that wavers floods nobody.
    """

    now: datetime
    reporter: Reporter
    asked: Mapping[ItemKey, AskedItem]
    changed: dict[UUID, Item] = field(default_factory=dict)
    remarkable: list[Fact] = field(default_factory=list)
    violating: dict[ItemKey, Outside] = field(default_factory=dict)
    ends_noted: list[ItemKey] = field(default_factory=list)

    def answer(self, line: Report | UnknownId | Unreadable) -> LineAnswer:
        if isinstance(line, Unreadable):
            return LineAnswer(line.id, LineStatus.REJECTED, line.code, line.detail)
        asked = self._asked(line) if isinstance(line, Report) else None
        if not isinstance(line, Report) or asked is None:
            return LineAnswer(line.id, LineStatus.UNKNOWN)
        item = self.changed.get(line.order_id, asked.item)
        verdict = judge(self.now, asked.question, item, line)
        self._note(verdict, line, item)
        return _answer(line.id, verdict)

    def _note(self, verdict: Verdict, line: Report, before: Item) -> None:
        match verdict:
            case Recorded(item=item):
                self.changed[line.order_id] = item
                if verdict.violates:
                    found = Outside.of_item(self.asked[item.key], item)
                    self.violating[item.key] = found
                if before.status.is_final:
                    action = "result.amended" if verdict.amended else "result.late"
                    self._remark(action, line, reported=item, was=before)
            case Conflict(standing=standing):
                self._remark("result.conflict", line, standing=standing)
            case Duplicate() if line.outcome is ItemStatus.ACKNOWLEDGED:
                key = ItemKey(line.order_id, self.reporter.id)
                if self.asked[key].item.status is ItemStatus.CANCELLED:
                    self.ends_noted.append(key)
            case Duplicate() | Rejected() | NeverAsked():
                pass
            case _:
                assert_never(verdict)

    @property
    def delivered(self) -> list[ItemKey]:
        """Name the items that passed for undeliverable."""
        was = [self.asked[item.key].item for item in self.changed.values()]
        return [one.key for one in was if one.status is ItemStatus.UNDELIVERABLE]

    def _remark(self, action: str, line: Report, **results: Item) -> None:
        facts: dict[str, object] = {
            name: _shown(result) for name, result in results.items()
        }
        if "reported" not in results:
            facts["reported"] = {"status": line.outcome, "reason": line.reason}
        self.remarkable.append(
            Fact(self._actor, action, order_id=line.order_id, facts=facts)
        )

    def facts(self, answers: Sequence[LineAnswer]) -> list[Fact]:
        """Tell the whole report as one event, and whatever is remarkable by itself."""
        return [self._summary(answers), *self.remarkable]

    def _asked(self, line: Report) -> AskedItem | None:
        return self.asked.get(ItemKey(line.order_id, self.reporter.id))

    def _summary(self, answers: Sequence[LineAnswer]) -> Fact:
        """Name its items by a digest of their ids."""
        ids = sorted(answer.id for answer in answers if answer.id is not None)
        counts = Counter(answer.status.value for answer in answers)
        outcomes = Counter(item.status.value for item in self.changed.values())
        facts = {
            "lines": dict(counts),
            "outcomes": dict(outcomes),
            "items_sha256": hashlib.sha256("\n".join(ids).encode()).hexdigest(),
        }
        return Fact(self._actor, "results.reported", facts=facts)

    @property
    def _actor(self) -> str:
        return f"platform:{self.reporter.slug}"


class _ShownResult(TypedDict):
    status: str
    reason: str | None
    bindings: int | None
    removed: int | None
    kept: int | None
    last_bound_at: str | None
    late: bool


def _shown(item: Item) -> _ShownResult:
    return _ShownResult(
        status=item.status.value,
        reason=item.reason and item.reason.value,
        bindings=item.bindings,
        removed=item.removed,
        kept=item.kept,
        last_bound_at=show_instant_or_null(item.last_bound_at),
        late=item.late,
    )


def _answer(line_id: str, verdict: Verdict) -> LineAnswer:
    match verdict:
        case Recorded(outside=outside):
            why = (OUTSIDE_INTERVAL, _WHAT_FOLLOWS) if outside else (None, None)
            return LineAnswer(line_id, LineStatus.RECORDED, *why)
        case Duplicate():
            return LineAnswer(line_id, LineStatus.DUPLICATE)
        case Conflict(detail=detail):
            return LineAnswer(line_id, LineStatus.CONFLICT, detail=detail)
        case Rejected(fault=fault):
            return LineAnswer(line_id, LineStatus.REJECTED, fault.code, fault.detail)
        case NeverAsked():
            return LineAnswer(line_id, LineStatus.UNKNOWN)
        case _:
            assert_never(verdict)
