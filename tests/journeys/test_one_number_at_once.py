"""Everybody decides about one number at the same moment: nobody is lost or cut off."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from typing_extensions import override

from tests.support.app import a_runtime, bearer, on_a_port
from tests.support.builders import a_key
from tests.support.clock import FixedClock
from tests.support.database import open_patient_engine
from tests.support.order_api import NUMBER, order_body
from tests.support.protection_checks import Seen, check, check_swept, look
from tests.support.protection_truth import ALL, PRESENT, PULLED, PUSHED, SENSITIVE
from tests.support.protection_world import CARRIERS, Fate, World
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.keys.tables import Role

CLIENTS, CALLS = 50, 6
BEFORE, SINCE = str(PRESENT), str(PRESENT + timedelta(days=10))
INSIDE, OUTSIDE = "2024-05-01T00:00:00Z", "2026-10-30T00:00:00Z"
BACKGROUND = ("expire", "release", "brake", "sweep", "suspended")


class TickingClock(FixedClock):
    """No two instants are the same, as on a real one."""

    @override
    def now(self) -> Any:
        return self.advance(timedelta(milliseconds=1))


@pytest.fixture
async def wide(database_url: str) -> AsyncIterator[AsyncEngine]:
    """A connection for everybody, so that nobody waits for one in vain."""
    pool = open_patient_engine(database_url, pool=70, application="tests")
    yield pool
    await pool.dispose()


@dataclass
class Crowd:
    """Clients of all kinds, and the ids of what they were given."""

    http: httpx.AsyncClient
    carriers: list[dict[str, str]]
    platforms: dict[str, dict[str, str]]
    admin: dict[str, str]
    placed: list[tuple[int, str]] = field(default_factory=list)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)

    async def post(
        self, path: str, body: object, headers: dict[str, str]
    ) -> httpx.Response:
        answer = await self.http.post(path, json=body, headers=headers, timeout=60)
        route = "/".join(
            "…" if part.startswith(("ord_", "qry_")) else part
            for part in path.split("/")
        )
        self.answers[(route, answer.status_code)] += 1
        return answer

    async def act(self, random: Random) -> None:
        """One client's visit: so many calls, whatever they are answered."""
        verbs: list[Callable[[Random], Awaitable[object]]] = [
            *[self.ask] * 4,
            *[self.report] * 5,
            self.cancel,
            self.tell,
            self.retract,
            self.brake,
            self.fetch,
            self.restore,
        ]
        for _ in range(CALLS):
            await random.choice(verbs)(random)

    async def ask(self, random: Random) -> None:
        place = random.randrange(2)
        own = random.random() < 0.2
        body = order_body(
            owner_since=random.choice([BEFORE, SINCE, SINCE]),
            scope="current_owner" if own else "previous_owner",
            platforms=list(PUSHED) if own else ...,
            recheck=random.random() < 0.1,
        )
        path = random.choice(["/v1/queries", *["/v1/orders"] * 3])
        answer = await self.post(path, body, self.carriers[place])
        if answer.status_code == 202:
            self.placed.append((place, answer.json()["id"]))

    async def report(self, random: Random) -> None:
        if not self.placed:
            return
        outcomes: list[dict[str, Any]] = [
            {"outcome": "unbound", "removed": 1, "last_bound_at": INSIDE},
            {"outcome": "unbound", "removed": 1, "last_bound_at": OUTSIDE},
            {"outcome": "not_bound", "amend": True},
            {"outcome": "not_bound"},
            {"outcome": "acknowledged"},
            {"outcome": "refused", "reason": "active_after_cutoff"},
        ]
        chosen = random.sample(self.placed, min(3, len(self.placed)))
        lines = [{"id": one, **random.choice(outcomes)} for _, one in chosen]
        headers = self.platforms[random.choice(ALL)]
        await self.post("/v1/results", {"results": lines}, headers)

    async def cancel(self, random: Random) -> None:
        await self._undo(random, "cancel", {})

    async def restore(self, random: Random) -> None:
        await self._undo(random, "restore", {"reason": "a mistake"})

    async def _undo(self, random: Random, verb: str, body: object) -> None:
        if self.placed:
            place, order = random.choice(self.placed)
            await self.post(f"/v1/orders/{order}/{verb}", body, self.carriers[place])

    async def tell(self, random: Random) -> None:
        words = ("activated", "disconnected", "transferred", "ported_in", "resumed")
        told = {
            "number": NUMBER,
            "event": random.choice(words),
            "on": random.choice([BEFORE, SINCE]),
        }
        carrier = self.carriers[random.randrange(2)]
        await self.post("/v1/holdings", {"holdings": [told]}, carrier)

    async def retract(self, random: Random) -> None:
        body = {
            "number": NUMBER,
            "carrier": random.choice(CARRIERS[:2]),
            "owner_since": random.choice([BEFORE, SINCE]),
            "reason": "told wrongly",
        }
        await self.post("/v1/admin/holdings/retract", body, self.admin)

    async def brake(self, random: Random) -> None:
        carrier = random.choice([None, *CARRIERS[:2]])
        body = {"carrier": carrier, "reason": "a drill"}
        for verb in ("", "/release"):
            await self.post(f"/v1/admin/brake{verb}", body, self.admin)

    async def fetch(self, _: Random) -> None:
        headers = self.platforms[PULLED]
        answer = await self.http.get("/v1/items", headers=headers, timeout=60)
        self.answers[("/v1/items", answer.status_code)] += 1


async def work(world: World, quit_: asyncio.Event, names: tuple[str, ...]) -> None:
    """Do a worker's part beside the clients: its clocks, or one platform's lane."""
    while not quit_.is_set():
        for name in names:
            if name in BACKGROUND:
                await world.clock_step(name, Fate())
                continue
            await world.post_office.post(
                world.clock.now(), name, OutcomeKind.ACCEPTED, None
            )
            for flight in [
                one for one in world.post_office.flights if one.slug == name
            ]:
                await world.record(flight, Fate())
        await asyncio.sleep(0.01)


async def a_crowd(world: World, http: httpx.AsyncClient) -> Crowd:
    async with world.engine.begin() as db:
        return Crowd(
            http,
            [bearer(await a_key(db, one)) for one in world.carriers],
            {
                slug: bearer(await a_key(db, one))
                for slug, one in world.platforms.items()
            },
            bearer(await a_key(db, Role.ADMIN)),
        )


async def test_fifty_clients_with_one_number_leave_nothing_wrong(
    wide: AsyncEngine,
) -> None:
    world = World(wide, TickingClock())
    await world.begin()
    async with on_a_port(a_runtime(wide, world.clock)) as http:
        crowd = await a_crowd(world, http)
        quit_ = asyncio.Event()
        parts = [BACKGROUND, *((slug,) for slug in (*PUSHED, SENSITIVE))]
        workers = [asyncio.create_task(work(world, quit_, part)) for part in parts]
        dice = [Random(seed) for seed in range(CLIENTS)]  # noqa: S311 - no secret
        await asyncio.gather(*(crowd.act(random) for random in dice))
        quit_.set()
        await asyncio.gather(*workers)
        failed = {one for one in crowd.answers if one[1] >= 500}
        assert not failed, crowd.answers
        assert len(crowd.placed) > CLIENTS // 2
        seen = await settled(world)
    check(world, seen, seen)


async def settled(world: World) -> Seen:
    """Sweep as the clock does, until what was left on the way is mended."""
    for _ in range(3):
        await world.clock_step("sweep", Fate())
    seen = await look(world.engine)
    check_swept(world, seen)
    return seen
