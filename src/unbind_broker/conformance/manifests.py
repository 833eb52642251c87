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
from unbind_broker.conformance.posting import encode
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
class Wave:
    """Some of a clearance's numbers, from ``begin`` on, and how far they were read."""

    wave: int
    begin: int
    listed: Sequence[Listed]
    read_to: int = 0
    read: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def as_reported(self) -> dict[str, object]:
        """Write how far it is."""
        return {
            "wave": self.wave,
            "numbers": len(self.listed),
            "first_place": self.begin + 1,
            "last_place": self.begin + len(self.listed),
            "read_to": self.begin + self.read_to if self.read_to else 0,
            "complete": self.done.is_set(),
        }


@dataclass(eq=False)
class Manifest:
    """One clearance, how far it was read, and what was found."""

    id: UUID
    deadline: datetime
    waves: list[Wave] = field(default_factory=list)
    too_early: bool = False
    lines: list[FindingLine] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    standing: dict[PhoneNumber, Finding] = field(default_factory=dict)

    @property
    def listed(self) -> list[Listed]:
        """Give the numbers of all waves."""
        return [one for wave in self.waves for one in wave.listed]

    @property
    def written(self) -> str:
        """Give the id that it has outside."""
        return format_id(Prefix.CLEARANCE, self.id)

    def path(self, wave: Wave) -> str:
        """Say where a wave is read."""
        return f"/v1/clearances/{self.written}/manifest?wave={wave.wave}"


class Manifests:
    """Every clearance that was published."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._known: dict[UUID, Manifest] = {}

    def publish(self, listed: Sequence[Listed]) -> tuple[Manifest, bytes]:
        """Make a clearance of one wave, and the webhook that tells of it."""
        now = self._now()
        made = Manifest(new_uuid7(now), now + _TIME)
        self._known[made.id] = made
        return made, self.add_wave(made, listed)

    def add_wave(self, manifest: Manifest, listed: Sequence[Listed]) -> bytes:
        """Publish more numbers of a clearance; gives the webhook that tells of them."""
        now, begin = self._now(), len(manifest.listed)
        wave = Wave(len(manifest.waves) + 1, begin, listed)
        manifest.waves.append(wave)
        told = {
            "id": manifest.written,
            "wave": wave.wave,
            "numbers": len(listed),
            "carrier": CARRIER,
            "interval": "per_number",
            "published_at": show_instant(now),
            "deadline": show_instant(manifest.deadline),
            "manifest": manifest.path(wave),
        }
        event, deadline = EventType.CLEARANCE_PUBLISHED, manifest.deadline
        notice = OutgoingNotice(manifest.id, event, now, encode(told), deadline)
        return payload(event, now, [notice])

    def find(self, written: str) -> Manifest | None:
        """Find a clearance by the id in a path."""
        found = parse_id(written, Prefix.CLEARANCE)
        return None if found is None else self._known.get(found)

    def page(self, wave: Wave, cursor: str | None, limit: int) -> object:
        """Give a page of a wave; None: this cursor was never given."""
        begin = _begin(wave, cursor)
        if begin is None:
            return None
        end = min(begin + min(limit, PAGE), len(wave.listed))
        wave.read_to = max(wave.read_to, end)
        if end == len(wave.listed):
            wave.read.set()
        return {
            "data": [_shown(one) for one in wave.listed[begin:end]],
            "next_cursor": f"{_CURSOR}{end}" if end < len(wave.listed) else None,
        }

    def report(
        self, manifest: Manifest, lines: Sequence[object], *, complete: bool
    ) -> dict[str, object] | None:
        """Take findings; None: it is not complete, for not all was read."""
        undone = [wave for wave in manifest.waves if not wave.done.is_set()]
        ready = [wave for wave in undone if wave.read.is_set()] if complete else []
        if complete and undone and not ready:
            manifest.too_early = True
            return None
        answers = [self._hear(manifest, line) for line in lines]
        for wave in ready:
            wave.done.set()
        return {
            "clearance": manifest.written,
            "results": answers,
            "complete": all(wave.done.is_set() for wave in manifest.waves),
            "waves": [wave.as_reported() for wave in manifest.waves],
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
    wave = next(w.wave for w in manifest.waves if place < w.begin + len(w.listed))
    found = FoundNumber(
        place + 1, wave, listed.disconnected_on, listed.withdrawn, standing
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


def _begin(wave: Wave, cursor: str | None) -> int | None:
    if cursor is None:
        return 0
    begin = read_count(cursor.removeprefix(_CURSOR))
    return begin if begin is not None and begin <= wave.read_to else None


def _shown(one: Listed) -> dict[str, object]:
    return {
        "number": one.number.e164,
        "bound_from": None,
        "bound_before": show_instant(bound_before(one.disconnected_on, ZONE)),
        "withdrawn": one.withdrawn,
    }
