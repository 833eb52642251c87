"""A person asks what is kept about a number, and to have it destroyed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import bearer
from tests.support.builders import a_key
from tests.support.clock import FixedClock
from tests.support.order_api import NUMBER, Scene, a_scene, not_bound, order_body
from tests.support.trail import trail
from unbind_broker.holdings.tables import holdings
from unbind_broker.keys.tables import Role
from unbind_broker.orders.tables import orders


@dataclass
class Office:
    scene: Scene
    admin: dict[str, str]

    async def ask(self, path: str, **body: object) -> Any:
        return await self.scene.http.post(
            f"/v1/admin/numbers/{path}", json=body, headers=self.admin
        )

    async def order(self, number: str = NUMBER) -> str:
        made = await self.scene.post("/v1/orders", order_body(number=number))
        assert made.status_code == 202
        return str(made.json()["id"])


@pytest.fixture
async def office(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Office]:
    async with a_scene(engine, clock, "weibo") as scene:
        async with engine.begin() as db:
            admin = bearer(await a_key(db, Role.ADMIN))
        yield Office(scene, admin)


async def test_everything_about_a_number_is_told_and_nothing_about_others(
    office: Office,
) -> None:
    own, other = await office.order(), await office.order("+8613800005678")
    answer = await office.ask("export", number=NUMBER)
    assert answer.status_code == 200
    told = answer.json()
    assert [one["id"] for one in told["orders"]] == [own]
    assert [one["platform"] for one in told["items"]] == ["weibo"]
    assert "order.accepted" in {one["action"] for one in told["audit_events"]}
    assert other not in answer.text
    assert NUMBER[3:] not in answer.text


async def test_everything_is_told_under_the_ids_that_carriers_and_auditors_know(
    office: Office,
) -> None:
    own = await office.order()
    told = (await office.ask("export", number=NUMBER)).json()
    assert {one["order_id"] for one in told["items"]} == {own}
    assert {one["order_id"] for one in told["holdings"]} == {own}
    events = told["audit_events"]
    assert {one["order_id"] for one in events} == {own}
    assert all(one["id"].startswith("evt_") for one in events)


async def test_who_asked_for_everything_is_written_down(
    office: Office, engine: AsyncEngine
) -> None:
    await office.order()
    await office.ask("export", number=NUMBER)
    async with engine.connect() as db:
        written = (await trail(db, "number.exported"))[-1]
    assert written.actor.startswith("admin:")
    assert written.facts["orders"] == 1


async def test_a_number_is_forgotten(office: Office, engine: AsyncEngine) -> None:
    order_id = await office.order()
    await office.scene.report("weibo", not_bound(order_id))
    answer = await office.ask("forget", number=NUMBER, reason="asked by the holder")
    assert answer.status_code == 200
    assert answer.json()["orders"] == 1
    again = (await office.ask("export", number=NUMBER)).json()
    assert (again["orders"], again["holdings"]) == ([], [])
    async with engine.connect() as db:
        kept = select(func.count()).where(orders.c.number_sealed.is_not(None))
        assert await db.scalar(kept) == 0
        assert await db.scalar(select(func.count()).select_from(holdings)) == 0
        reason = (await trail(db, "number.forgotten"))[-1].facts["reason"]
    assert reason == "asked by the holder"
    shown = (await office.scene.get(f"/v1/orders/{order_id}")).json()
    assert (shown["number"], shown["status"]) == ("****", "completed")


async def test_a_number_with_open_orders_is_not_forgotten(office: Office) -> None:
    await office.order()
    answer = await office.ask("forget", number=NUMBER, reason="asked by the holder")
    assert (answer.status_code, answer.json()["code"]) == (409, "orders-open")


@pytest.mark.parametrize(
    "held",
    [b"13800001234", b"138-0000 1234", rb"138\u200b0000\uff11\uff12\uff13\uff14"],
)
async def test_reports_that_hold_the_number_are_destroyed(
    office: Office, engine: AsyncEngine, held: bytes
) -> None:
    order_id = await office.order()
    await office.scene.report("weibo", not_bound(order_id))
    async with engine.begin() as db:
        for name, body in (("with", held), ("without", b"{}")):
            await db.execute(
                text(
                    "INSERT INTO evidence (platform_id, webhook_id, received_at,"
                    " webhook_timestamp, webhook_signature, public_key, body,"
                    " body_sha256) VALUES (1, :name, now(), '1', 'v1a,x', 'whpk_x',"
                    " :body, 'x')"
                ),
                {"name": name, "body": body},
            )
        linked = "UPDATE items SET evidence_id = (SELECT id FROM evidence WHERE "
        await db.execute(text(linked + "webhook_id = 'with')"))
    answer = await office.ask("forget", number=NUMBER, reason="asked by the holder")
    assert answer.json()["reports"] == 1
    async with engine.connect() as db:
        left = await db.execute(
            text("SELECT webhook_id FROM evidence WHERE body IS NOT NULL")
        )
        assert list(left.scalars()) == ["without"]


async def test_a_receipt_is_forgotten_and_not_issued_once_more(
    office: Office,
) -> None:
    order_id = await office.order()
    await office.scene.report("weibo", not_bound(order_id))
    path = f"/v1/orders/{order_id}/receipt"
    assert (await office.scene.get(path)).status_code == 200
    forgotten = await office.ask("forget", number=NUMBER, reason="the holder's wish")
    assert forgotten.json()["receipts"] == 1
    for answer in (
        await office.scene.get(path),
        await office.scene.get(path, version=1),
    ):
        assert answer.status_code == 404
        assert "destroyed" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["export", "forget"])
async def test_carriers_may_not_ask(office: Office, path: str) -> None:
    body = {"number": NUMBER, "reason": "curious"}
    answer = await office.scene.post(f"/v1/admin/numbers/{path}", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong-role")


async def test_administrators_see_which_keys_are_in_use(office: Office) -> None:
    await office.order()
    answer = await office.scene.http.get("/v1/admin/sealing", headers=office.admin)
    shown = answer.json()
    assert shown["orders"] == {shown["key"]: 1}
    assert shown["secrets"] == {shown["key"]: 1}
