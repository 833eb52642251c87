"""Platforms that answer the broker's webhooks as told, all of them on one port."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from standardwebhooks.webhooks import (
    EmptyWebhookSecretError,
    Webhook,
    WebhookVerificationError,
)

from unbind_broker.base.clock import Clock
from unbind_broker.demo.clearing import Clearer, ClearingPlatform, parse_wave
from unbind_broker.demo.fixed_outcomes import WithFixedOutcomes
from unbind_broker.demo.http_server import Answer, Request
from unbind_broker.demo.outcomes import Mind, parse_item
from unbind_broker.demo.reports import Reporter
from unbind_broker.demo.traits import Dice, Traits
from unbind_broker.rehearsals.fixed_outcomes import fixed_block
from unbind_broker.rehearsals.telling import Item, Line, Plan

PREFIX = "/p/"
MOST_REMEMBERED = 200_000
ROOM_IN_ANSWER = 8 * 1024
"""Bytes of results put into an answer: the broker reads 16 KiB of it."""

_REQUESTS = frozenset({"query.requested", "unbind.requested", "restore.requested"})


class Thinking(Protocol):
    """Decide what a platform does about an item; the same item, the same decision."""

    @property
    def slug(self) -> str:
        """Name the platform."""
        ...

    @property
    def traits(self) -> Traits:
        """Say how it behaves."""
        ...

    def plan(self, item: Item, now: datetime) -> Plan:
        """Say what is told about ``item``, and when."""
        ...

    def result(self, item: Item) -> Line:
        """Give the final result of ``item``."""
        ...


@dataclass(slots=True)
class SimulatedPlatform:
    """One platform: how it behaves, and what the broker gave it."""

    mind: Thinking
    key: str = ""
    secret: str = ""


class SimulatedPlatforms:
    """Answer for many platforms, told apart by path: ``/p/<slug>``.

    Deliveries are verified with the official library. A repeated item gets the same
    result again and has no further effect. Requests about test numbers alone do not
    fail.
    """

    def __init__(
        self, reporter: Reporter, clearer: Clearer, clock: Clock, dice: Dice
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._reporter = reporter
        self._clearer = clearer
        self._clock = clock
        self._dice = dice
        self._platforms: dict[str, SimulatedPlatform] = {}
        self._tries = _Memory()
        self._planned = _Memory()
        self._cancelled = _Memory()

    def add(self, slug: str, traits: Traits) -> SimulatedPlatform:
        """Open a platform; its key and secret may follow."""
        platform = SimulatedPlatform(WithFixedOutcomes(Mind(slug, traits, self._dice)))
        self._platforms[slug] = platform
        return platform

    def recast(self, mind: Thinking) -> None:
        """Let a platform think otherwise from now on."""
        self._platforms[mind.slug].mind = mind

    async def handle(self, request: Request) -> Answer | None:
        """Answer one request; nothing tears the connection down."""
        platform = self._platforms.get(request.path.removeprefix(PREFIX))
        if platform is None:
            return Answer(404)
        if request.method != "POST":
            return Answer(405, headers={"allow": "POST"})
        event = _verified(platform.secret, request)
        if event is None:
            self.counts["unauthorized"] += 1
            return Answer(401)
        return await self._hear(platform, request, event)

    async def _hear(
        self, platform: SimulatedPlatform, request: Request, event: dict[str, Any]
    ) -> Answer | None:
        match event["type"]:
            case "endpoint.verification":
                return _json({"challenge": event["data"]["challenge"]})
            case "unbind.cancelled":
                for raw in event["data"]["items"]:
                    self._cancelled.count(f"{platform.mind.slug} {raw['id']}")
            case kind if kind in _REQUESTS:
                return await self._deliver(platform, request, event)
            case "clearance.published":
                return await self._clear(platform, request, event)
            case _:
                pass  # reminders and tests want nothing but an answer
        return Answer(204)

    async def _deliver(
        self, platform: SimulatedPlatform, request: Request, event: dict[str, Any]
    ) -> Answer | None:
        items = [parse_item(event["type"], raw) for raw in event["data"]["items"]]
        is_spared = all(fixed_block(item.number) is not None for item in items)
        bad_luck = await self._bad_luck(platform.mind, request, is_spared=is_spared)
        if bad_luck is not None:
            return _failure(bad_luck)
        now = self._clock.now()
        told: list[Line] = []
        for item in items:
            told += self._take(platform, item, now)
        return _json({"results": self._fitting(platform, told)})

    async def _clear(
        self, platform: SimulatedPlatform, request: Request, event: dict[str, Any]
    ) -> Answer | None:
        mind = platform.mind
        bad_luck = await self._bad_luck(mind, request)
        if bad_luck is not None:
            return _failure(bad_luck)
        clearing = ClearingPlatform(mind.slug, mind.traits, platform.key)
        self._clearer.begin(clearing, parse_wave(event["data"]))
        return Answer(204)

    async def _bad_luck(
        self, mind: Thinking, request: Request, *, is_spared: bool = False
    ) -> float | None:
        """Be as slow as told; give how a request fails that shall: from 0 to 1."""
        webhook_id, traits = request.headers["webhook-id"], mind.traits
        tries = self._tries.count(f"{mind.slug} {webhook_id}")
        luck = self._dice.roll("luck", mind.slug, webhook_id, tries)
        await asyncio.sleep(traits.latency.total_seconds() * (0.5 + luck))
        may_fail = tries <= traits.most_failures and not is_spared
        if may_fail and luck < traits.fail_rate:
            self.counts["failed"] += 1
            return luck / traits.fail_rate
        self.counts["deliveries"] += 1
        return None

    def _take(
        self, platform: SimulatedPlatform, item: Item, now: datetime
    ) -> tuple[Line, ...]:
        """Take one item; gives what the answer tells about it."""
        name = f"{platform.mind.slug} {item.event} {item.id}"
        if f"{platform.mind.slug} {item.id}" in self._cancelled:
            return ()
        self.counts["items"] += 1
        plan = platform.mind.plan(item, now)
        if self._planned.count(name) > 1:
            self.counts["repeated items"] += 1
            return _again(platform.mind, item, plan)
        for after, line in plan.later:
            self._reporter.report(platform.key, line, after)
        return plan.at_once

    def _fitting(self, platform: SimulatedPlatform, told: list[Line]) -> list[Line]:
        """Keep what the broker will read of the answer; report the rest."""
        room, fitting = ROOM_IN_ANSWER, []
        for line in told:
            room -= len(json.dumps(line)) + 2
            if room > 0:
                fitting.append(line)
            else:
                self._reporter.report(platform.key, line)
        return fitting


class _Memory:
    """Count names; forget the oldest when there are too many."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def count(self, name: str) -> int:
        self._counts[name] = self._counts.get(name, 0) + 1
        if len(self._counts) > MOST_REMEMBERED:
            del self._counts[next(iter(self._counts))]
        return self._counts[name]

    def __contains__(self, name: str) -> bool:
        return name in self._counts


def _again(mind: Thinking, item: Item, plan: Plan) -> tuple[Line, ...]:
    """Tell a result again that was told; keep silent about one that is to be late."""
    return () if plan.is_late else (mind.result(item),)


def _verified(secret: str, request: Request) -> dict[str, Any] | None:
    """Verify and read a webhook; nothing if it is not the broker's."""
    try:
        event = Webhook(secret).verify(request.body, dict(request.headers))
    except (WebhookVerificationError, EmptyWebhookSecretError, ValueError):
        return None
    return event if isinstance(event, dict) else None


def _failure(kind: float) -> Answer | None:
    """Fail in one of five ways; ``kind`` runs from 0 to 1."""
    ways = (
        Answer(503),
        None,
        Answer(500),
        Answer(503, headers={"retry-after": "1"}),
        Answer(429, headers={"retry-after": "1"}),
    )
    return ways[int(kind * len(ways))]


def _json(body: object) -> Answer:
    return Answer(body=json.dumps(body).encode())
