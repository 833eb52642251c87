"""A clearance as the endpoint sees it: pages to read, findings to report."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from unbind_broker.base.ids import Prefix, format_id, new_uuid7, parse_id
from unbind_broker.base.instants import show_instant
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.callbacks.finding_lines import (
    Contradicts,
    FindingLine,
    Known,
    Noted,
    Wrong,
    judge_finding,
    read_finding,
)
from unbind_broker.callbacks.report import Unreadable
from unbind_broker.clearances.findings import Finding, FoundNumber
from unbind_broker.clearances.interval import bound_before
from unbind_broker.conformance.asked import CARRIER
from unbind_broker.conformance.desk import LineAnswer
from unbind_broker.endpoints.events import EventType
from unbind_broker.sending.payloads import OutgoingNotice, payload

PAGE = 4
"""Numbers on a page at most, so that there are several."""
ZONE = ZoneInfo("Asia/Shanghai")
_TIME = timedelta(days=7)
_CURSOR = "p"
_MOST_DIGITS = 9


@dataclass(frozen=True)
class Listed:
    """A number of the manifest; ``is_bound`` says that there is something to detach."""

    number: PhoneNumber
    disconnected_on: date
    is_bound: bool = False
    withdrawn: bool = False


@dataclass(eq=False)
class Manifest:
    """One clearance, how far it was read, and what was found."""

    id: UUID
    listed: Sequence[Listed]
    deadline: datetime
    read_to: int = 0
    too_early: bool = False
    lines: list[FindingLine] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    standing: dict[PhoneNumber, Finding] = field(default_factory=dict)
    read: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def written(self) -> str:
        """Give the id that it has outside."""
        return format_id(Prefix.CLEARANCE, self.id)

    @property
    def path(self) -> str:
        """Say where it is read."""
        return f"/v1/clearances/{self.written}/manifest?wave=1"


class Manifests:
    """Every clearance that was published."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._known: dict[UUID, Manifest] = {}

    def publish(self, listed: Sequence[Listed]) -> tuple[Manifest, bytes]:
        """Make a clearance of one wave, and the webhook that tells of it."""
        now = self._now()
        made = Manifest(new_uuid7(now), listed, now + _TIME)
        self._known[made.id] = made
        data = (
            f'{{"id":"{made.written}","wave":1,"numbers":{len(listed)},'
            f'"carrier":"{CARRIER}","interval":"per_number",'
            f'"published_at":"{show_instant(now)}",'
            f'"deadline":"{show_instant(made.deadline)}","manifest":"{made.path}"}}'
        ).encode()
        notice = OutgoingNotice(
            made.id, EventType.CLEARANCE_PUBLISHED, now, data, made.deadline
        )
        return made, payload(notice.event, now, [notice])

    def find(self, written: str) -> Manifest | None:
        """Find a clearance by the id in a path."""
        found = parse_id(written, Prefix.CLEARANCE)
        return None if found is None else self._known.get(found)

    def page(self, manifest: Manifest, cursor: str | None, limit: int) -> object:
        """Give a page; None: this cursor was never given."""
        begin = _begin(manifest, cursor)
        if begin is None:
            return None
        end = min(begin + min(limit, PAGE), len(manifest.listed))
        manifest.read_to = max(manifest.read_to, end)
        if end == len(manifest.listed):
            manifest.read.set()
        return {
            "data": [_shown(one) for one in manifest.listed[begin:end]],
            "next_cursor": f"{_CURSOR}{end}" if end < len(manifest.listed) else None,
        }

    def report(
        self, manifest: Manifest, lines: Sequence[object], *, complete: bool
    ) -> dict[str, object] | None:
        """Take findings; None: it is not complete, for not all was read."""
        if complete and not manifest.read.is_set():
            manifest.too_early = True
            return None
        answers = [self._hear(manifest, line) for line in lines]
        if complete:
            manifest.done.set()
        return {
            "clearance": manifest.written,
            "results": answers,
            "complete": manifest.done.is_set(),
            "waves": [_wave(manifest)],
        }

    def _hear(self, manifest: Manifest, written: object) -> LineAnswer:
        line = read_finding(written, "CN")
        if isinstance(line, Unreadable):
            manifest.wrong.append(line.code)
            answer = {"number": line.id, "status": "rejected"}
            return {**answer, "code": line.code, "detail": line.detail}
        masked = line.number.masked
        place = next(
            (p for p, one in enumerate(manifest.listed) if one.number == line.number),
            None,
        )
        if place is None:
            manifest.wrong.append("unknown")
            return {"number": masked, "status": "unknown"}
        manifest.lines.append(line)
        return {"number": masked, **_judge(manifest, line, place)}


def _judge(manifest: Manifest, line: FindingLine, place: int) -> dict[str, object]:
    listed, standing = manifest.listed[place], manifest.standing.get(line.number)
    found = FoundNumber(
        place + 1, 1, listed.disconnected_on, listed.withdrawn, standing
    )
    match judge_finding(line, found, standing, ZONE):
        case Noted(finding=finding, outside=outside):
            manifest.standing[line.number] = finding
            code: dict[str, object] = {"code": "outside-interval"} if outside else {}
            return {"status": "recorded", **code}
        case Known():
            return {"status": "duplicate"}
        case Contradicts():
            manifest.wrong.append("conflict")
            return {"status": "conflict"}
        case Wrong(fault=fault):
            manifest.wrong.append(fault.code)
            return {"status": "rejected", "code": fault.code, "detail": fault.detail}


def read_count(text: str) -> int | None:
    """Read a whole number of ordinary size."""
    is_plain = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) if is_plain else None


def _begin(manifest: Manifest, cursor: str | None) -> int | None:
    if cursor is None:
        return 0
    begin = read_count(cursor.removeprefix(_CURSOR))
    return begin if begin is not None and begin <= manifest.read_to else None


def _shown(one: Listed) -> dict[str, object]:
    return {
        "number": one.number.e164,
        "bound_from": None,
        "bound_before": show_instant(bound_before(one.disconnected_on, ZONE)),
        "withdrawn": one.withdrawn,
    }


def _wave(manifest: Manifest) -> dict[str, object]:
    return {
        "wave": 1,
        "numbers": len(manifest.listed),
        "first_place": 1,
        "last_place": len(manifest.listed),
        "read_to": manifest.read_to,
        "complete": manifest.done.is_set(),
    }
