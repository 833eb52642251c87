"""Items that no platform took, and administrators who have them sent again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import bearer
from tests.support.builders import a_key
from tests.support.order_api import Scene, order_body
from unbind_broker.base.ids import Prefix, parse_id
from unbind_broker.deadlines.expiring import expire_overdue
from unbind_broker.deliveries.joining import promote
from unbind_broker.deliveries.outcomes import Cause
from unbind_broker.deliveries.tables import deliveries, undelivered
from unbind_broker.deliveries.undelivered import note
from unbind_broker.items.item import ItemKey
from unbind_broker.items.service import count_attempts, mark_undeliverable
from unbind_broker.items.tables import items
from unbind_broker.keys.tables import Role
from unbind_broker.notices.ending import settle
from unbind_broker.orders.tables import orders

URL = "/v1/admin/items"
LISTED = {"status": "undeliverable"}


def uuid_of(item_id: str) -> UUID:
    found = parse_id(item_id, Prefix.ORDER, Prefix.QUERY)
    assert found is not None
    return found


async def refuse_payload(engine: AsyncEngine, now: datetime, key: ItemKey) -> None:
    """Do what recording an answer of 422 to this item alone does."""
    async with engine.begin() as db:
        await count_attempts(db, [key])
        ended = await mark_undeliverable(db, now, [key])
        assert ended == [key]
        await note(db, now, ended, Cause.REFUSED)
        await promote(db, now, ended)
    async with engine.begin() as db:
        await settle(db, now, [key.order_id])


async def pass_deadlines(engine: AsyncEngine, now: datetime) -> None:
    async with engine.begin() as db:
        over = await expire_overdue(db, now, 100)
    async with engine.begin() as db:
        await settle(db, now, over)


@dataclass
class Desk:
    """An administrator beside a scene."""

    scene: Scene
    admin: dict[str, str]

    @property
    def engine(self) -> AsyncEngine:
        return self.scene.engine

    async def order(self, place: int = 1, **changes: Any) -> str:
        """An order about a number of its own; return its id."""
        body = order_body(number=f"+861380000{place:04}", **changes)
        answer = await self.scene.post("/v1/orders", body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    async def refuse(self, item_id: str, *slugs: str) -> str:
        for slug in slugs:
            await refuse_payload(
                self.engine, self.scene.clock.now(), self.key(item_id, slug)
            )
        return item_id

    async def refused(self, place: int = 1, slug: str = "weibo", **changes: Any) -> str:
        """An order whose request this platform refuses for good."""
        return await self.refuse(await self.order(place, **changes), slug)

    def key(self, item_id: str, slug: str) -> ItemKey:
        return ItemKey(uuid_of(item_id), self.scene.platforms[slug].id)

    async def listed(self, **query: str | int) -> list[dict[str, Any]]:
        answer = await self.read(**query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    async def read(self, **query: str | int) -> httpx.Response:
        asked = {**LISTED, **query}
        return await self.scene.http.get(URL, params=asked, headers=self.admin)

    async def post(self, path: str, body: object) -> httpx.Response:
        return await self.scene.http.post(path, json=body, headers=self.admin)

    async def requeue(self, *item_ids: str, **body: Any) -> dict[str, Any]:
        """Have items of weibo sent again; ``body`` names others."""
        if item_ids:
            named = [{"item": one, "platform": "weibo"} for one in item_ids]
            body = {"items": named, **body}
        answer = await self.post(f"{URL}/requeue", {"dry_run": False, **body})
        assert answer.status_code == 200, answer.text
        done: dict[str, Any] = answer.json()
        return done

    async def order_of(self, item_id: str) -> dict[str, Any]:
        shown: dict[str, Any] = (await self.scene.get(f"/v1/orders/{item_id}")).json()
        return shown

    async def rows_of(self, item_id: str) -> list[Any]:
        """An order and its items as they are stored."""
        order_id = uuid_of(item_id)
        async with self.engine.connect() as db:
            order = await db.execute(select(orders).where(orders.c.id == order_id))
            parts = await db.execute(select(items).where(items.c.order_id == order_id))
            return [order.one(), *sorted(parts)]

    async def queued(self) -> list[Any]:
        async with self.engine.connect() as db:
            return list(await db.execute(select(deliveries).order_by(deliveries.c.id)))

    async def noted(self) -> list[Any]:
        async with self.engine.connect() as db:
            return list(await db.execute(select(undelivered)))


async def a_desk(scene: Scene) -> Desk:
    async with scene.engine.begin() as db:
        key = await a_key(db, Role.ADMIN, now=scene.clock.now())
    return Desk(scene, bearer(key))


def skipped(done: dict[str, Any]) -> dict[str, int]:
    """The reasons that held for any item."""
    return {reason: count for reason, count in done["skipped"].items() if count}
