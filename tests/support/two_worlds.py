"""One story told in several worlds, in which a sensitive platform answers differently.

Each world has a database of its own and the same clock, so that whatever a carrier
reads can be compared as it stands.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.support.app import bearer
from tests.support.builders import a_key, an_endpoint
from tests.support.carriers_eyes import Eyes
from tests.support.clock import NOON, FixedClock
from tests.support.database import Server, open_patient_engine
from tests.support.order_api import Scene, a_scene
from tests.support.platform_answers import Answers, Lines
from unbind_broker.base.ids import Prefix, parse_id
from unbind_broker.deadlines.expiring import expire_overdue
from unbind_broker.deadlines.gathering import take_in, tell_gathered
from unbind_broker.items.item import ItemKey
from unbind_broker.items.joining import pass_on
from unbind_broker.items.service import count_attempts, mark_undeliverable
from unbind_broker.keys.tables import Role
from unbind_broker.notices.changes import note_changed
from unbind_broker.notices.ending import settle


@dataclass
class World:
    """A story that is told: what was read at each of its instants."""

    scene: Scene
    eyes: Eyes
    admin: dict[str, str]
    answers: Answers
    others: bool
    read: dict[str, object] = field(default_factory=dict)

    async def look(self, instant: str) -> None:
        await self._gather()
        self.read[instant] = await self.eyes.look()

    async def _gather(self) -> None:
        """Let the carrier hear of whatever has changed for it, without any wait."""
        now = self.scene.clock.now()
        async with self.scene.engine.begin() as db:
            await take_in(db, now, timedelta(0), 100)
            await tell_gathered(db, now, 100)

    async def dating(self, lines: Lines) -> None:
        await self._report("dating", lines)

    async def weibo(self, *lines: dict[str, Any]) -> None:
        if self.others:
            await self._report("weibo", list(lines))

    async def _report(self, slug: str, lines: Lines) -> None:
        for line in lines:
            answer = await self.scene.report(slug, {"id": self.item_id, **line})
            assert answer.status_code == 200, answer.text

    @property
    def item_id(self) -> str:
        return self.eyes.about.rsplit("/", 1)[1]

    async def be_taken(self) -> None:
        """Let the sensitive platform answer the request, with 2xx or for good."""
        if self.answers.refuses_payload:
            await self._refuse_payload()
        await self.dating(self.answers.taking)

    async def _refuse_payload(self) -> None:
        order_id = parse_id(self.item_id, Prefix.ORDER, Prefix.QUERY)
        assert order_id is not None
        key = ItemKey(order_id, self.scene.platforms["dating"].id)
        now = self.scene.clock.now()
        async with self.scene.engine.begin() as db:
            await count_attempts(db, [key])
            assert await mark_undeliverable(db, now, [key]) == [key]
            followers = await pass_on(db, now, [key])
            await note_changed(db, now, {order_id, *followers})
        async with self.scene.engine.begin() as db:
            await settle(db, now, [order_id, *followers])

    async def wait_until_after_the_deadline(self) -> None:
        resource = (await self.scene.get(self.eyes.about)).json()
        over = {"query": timedelta(minutes=11), "unbind": timedelta(days=8)}
        self.scene.clock.advance(over[resource["kind"]])
        now = self.scene.clock.now()
        async with self.scene.engine.begin() as db:
            orders = await expire_overdue(db, now, 100)
        async with self.scene.engine.begin() as db:
            await settle(db, now, orders)

    async def post(self, instant: str, path: str, body: object) -> None:
        """Do what carriers do with an order, and keep the answer."""
        answer = await self.scene.post(f"{self.eyes.about}/{path}", body)
        self.read[instant] = self.eyes.seen(answer)

    async def as_admin(self, path: str, body: object) -> None:
        answer = await self.scene.http.post(path, json=body, headers=self.admin)
        assert answer.status_code == 200, answer.text


Story = Callable[[World], Awaitable[None]]


@asynccontextmanager
async def a_world(
    server: Server, answers: Answers, *, others: bool
) -> AsyncIterator[World]:
    async with server.fresh() as url:
        engine = open_patient_engine(url, pool=5, application="world")
        async with a_scene(engine, FixedClock(NOON)) as scene:
            await scene.add_platform("dating", sensitive=True)
            if others:
                await scene.add_platform("weibo")
            async with engine.begin() as db:
                admin = bearer(await a_key(db, Role.ADMIN))
                await an_endpoint(db, scene.carrier)  # nobody answers; the feed tells
            yield World(scene, Eyes(scene), admin, answers, others)
        await engine.dispose()


async def told(
    server: Server, story: Story, answers: Answers, *, others: bool
) -> dict[str, object]:
    async with a_world(server, answers, others=others) as world:
        await story(world)
        return world.read
