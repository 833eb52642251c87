"""Work on clearances as a platform does: read the manifest, report what was bound."""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from unbind_broker.base.clock import Clock
from unbind_broker.base.instants import show_instant
from unbind_broker.demo.broker_client import BrokerClient, CallFailed, open_http
from unbind_broker.demo.outcomes import REASONS
from unbind_broker.demo.traits import Dice, Traits
from unbind_broker.rehearsals.fixed_outcomes import (
    SOON,
    When,
    find_fixed,
    fixed_block,
)
from unbind_broker.rehearsals.telling import AFTER_DEADLINE, LONGEST_WAIT, Line

log = logging.getLogger(__name__)

RESTING_RATE = 0.02
"""Of numbers that rest, four platforms of two hundred have bindings left."""
PAGE = 1000
"""Numbers of a page of the manifest, and so findings of a report at most."""


@dataclass(frozen=True, slots=True)
class ClearingPlatform:
    """A platform that clears, and its key."""

    slug: str
    traits: Traits
    key: str


@dataclass(frozen=True, slots=True)
class Wave:
    """What ``clearance.published`` tells."""

    clearance: str
    wave: int
    manifest: str
    deadline: datetime


def parse_wave(data: Mapping[str, Any]) -> Wave:
    """Read the event; raises ``KeyError``, ``TypeError`` or ``ValueError``."""
    return Wave(
        clearance=str(data["id"]),
        wave=int(data["wave"]),
        manifest=str(data["manifest"]),
        deadline=datetime.fromisoformat(data["deadline"]),
    )


class Clearer:
    """Clear wave after wave for many platforms; ``counts`` tells what was done."""

    def __init__(self, broker_url: str, clock: Clock, dice: Dice) -> None:
        self.counts: Counter[str] = Counter()
        self._http = open_http(broker_url)
        self._clock = clock
        self._dice = dice
        self._clearing: dict[tuple[str, str, int], asyncio.Task[None]] = {}

    def begin(self, platform: ClearingPlatform, wave: Wave) -> None:
        """Work on a wave, unless that is under way; done again, nothing changes."""
        name = (platform.slug, wave.clearance, wave.wave)
        if name in self._clearing:
            return
        task = asyncio.create_task(self._clear(platform, wave))
        self._clearing[name] = task
        task.add_done_callback(lambda _: self._clearing.pop(name, None))

    async def close(self) -> None:
        """Leave what is not done."""
        clearing = list(self._clearing.values())
        for task in clearing:
            task.cancel()
        await asyncio.gather(*clearing, return_exceptions=True)
        await self._http.aclose()

    async def _clear(self, platform: ClearingPlatform, wave: Wave) -> None:
        delay = 0.5 + self._roll("delay", platform, wave)
        await asyncio.sleep(platform.traits.report_delay.total_seconds() * delay)
        try:
            await self._work(platform, wave)
        except CallFailed as failed:
            # One that stopped is told of again when it goes on.
            self.counts["waves given up"] += 1
            log.warning("wave_given_up", extra={"status": failed.status})

    def _roll(self, what: str, platform: ClearingPlatform, wave: Wave) -> float:
        return self._dice.roll(what, platform.slug, wave.clearance, wave.wave)

    async def _work(self, platform: ClearingPlatform, wave: Wave) -> None:
        broker, cursor = BrokerClient(self._http, platform.key), ""
        is_late = self._roll("late", platform, wave) < platform.traits.late_rate
        others = When.LATE if is_late else When.NOW
        found: defaultdict[When, list[Line]] = defaultdict(list)
        while True:
            page = await broker.get(f"{wave.manifest}&limit={PAGE}{cursor}")
            for entry in page["data"]:
                for when, line in look(platform, self._dice, entry, others):
                    found[when] += [] if line is None else [line]
            self.counts["numbers"] += len(page["data"])
            if page["next_cursor"] is None:
                break
            lines = found.pop(When.NOW, [])
            await self._report(broker, wave, lines, complete=False)
            cursor = f"&cursor={page['next_cursor']}"
        await self._finish(broker, wave, found)

    async def _finish(
        self, broker: BrokerClient, wave: Wave, found: Mapping[When, list[Line]]
    ) -> None:
        """Report what is left, the rest being clean once the last of it is told."""
        left = sorted(found) or [When.NOW]
        for when in left:
            wait = self._wait_for(when, wave)
            if wait > LONGEST_WAIT:
                self.counts["waves never finished"] += 1
                return
            await asyncio.sleep(max(0.0, wait.total_seconds()))
            lines = found.get(when, [])
            await self._report(broker, wave, lines, complete=when is left[-1])
        self.counts["waves"] += 1

    def _wait_for(self, when: When, wave: Wave) -> timedelta:
        match when:
            case When.NOW:
                return timedelta(0)
            case When.SOON:
                return SOON
            case When.LATE:
                return wave.deadline - self._clock.now() + AFTER_DEADLINE

    async def _report(
        self,
        broker: BrokerClient,
        wave: Wave,
        lines: list[Line],
        *,
        complete: bool,
    ) -> None:
        path = f"/v1/clearances/{wave.clearance}/findings"
        starts = range(0, len(lines), PAGE) or range(int(complete))
        for start in starts:
            body = {
                "clearance": wave.clearance,
                "findings": lines[start : start + PAGE],
                "complete": complete and start == starts[-1],
            }
            answer = await broker.call("POST", path, body)
            for told in answer.body["results"]:
                self.counts[f"findings {told['status']}"] += 1


def look(
    platform: ClearingPlatform, dice: Dice, entry: Mapping[str, Any], others: When
) -> Sequence[tuple[When, Line | None]]:
    """Decide what is told about a number of the manifest, and when; the same always.

    No line: it is clean, which the end of the report tells. ``others`` is when that
    of numbers which are no test numbers is told.
    """
    if entry["withdrawn"]:
        return []
    block = fixed_block(str(entry["number"]))
    if block is not None:
        before = datetime.fromisoformat(entry["bound_before"])
        return find_fixed(block, str(entry["number"]), before)
    return [(others, find(platform, dice, entry))]


def find(
    platform: ClearingPlatform, dice: Dice, entry: Mapping[str, Any]
) -> Line | None:
    """Decide what a platform finds about a number that is no test number."""
    number, traits = str(entry["number"]), platform.traits
    asked = (platform.slug, number)
    if entry["withdrawn"] or dice.roll("bound", *asked) >= RESTING_RATE:
        return None
    reason = REASONS[int(dice.roll("reason", *asked) * len(REASONS))]
    if dice.roll("refuse", *asked) < traits.refuse_rate:
        return {"number": number, "outcome": "refused", "reason": reason}
    before = datetime.fromisoformat(entry["bound_before"])
    bound_at = before - timedelta(days=2000) * (1 - dice.roll("last", *asked))
    told: Line = {"number": number, "last_bound_at": show_instant(bound_at)}
    if dice.roll("partly", *asked) < traits.partly_rate:
        return {**told, "outcome": "partly_unbound", "reason": reason}
    return {**told, "outcome": "unbound"}
