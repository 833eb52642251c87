"""Signed reports name the results that they set, and auditors read them raw."""

import hashlib
from base64 import b64decode
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import bearer
from tests.support.builders import a_key
from tests.support.clock import FixedClock
from tests.support.order_api import Scene, a_scene, not_bound, order_body
from tests.support.receipts import KEY, OTHER_KEY, report_signed, unbound
from tests.support.trail import trail
from unbind_broker.base.signing import check_v1a
from unbind_broker.base.signing_keys import PrivateKey, PublicKey
from unbind_broker.callbacks.tables import evidence
from unbind_broker.items.tables import items
from unbind_broker.keys.tables import Role


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock) as made:
        await made.add_platform("weibo", result_public_key=KEY.public.text)
        yield made


async def an_order_id(scene: Scene, **changes: Any) -> str:
    answer = await scene.post("/v1/orders", order_body(**changes))
    return str(answer.json()["id"])


async def evidence_of_item(scene: Scene) -> UUID | None:
    async with scene.engine.connect() as db:
        found = await db.execute(select(items.c.evidence_id))
        shown_by: UUID | None = found.scalar_one()
        return shown_by


async def kept_ids(scene: Scene) -> list[UUID]:
    async with scene.engine.connect() as db:
        found = await db.execute(select(evidence.c.id).order_by(evidence.c.id))
        return list(found.scalars())


def statuses(answer: httpx.Response) -> list[str]:
    return [line["status"] for line in answer.json()["results"]]


async def test_a_result_names_the_signed_report_that_set_it(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", unbound(order_id))
    (kept,) = await kept_ids(scene)
    assert await evidence_of_item(scene) == kept


async def test_the_same_result_again_leaves_the_first_evidence(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", unbound(order_id))
    again = await report_signed(scene, "rep_2", unbound(order_id))
    assert statuses(again) == ["duplicate"]
    first, _second = await kept_ids(scene)
    assert await evidence_of_item(scene) == first


async def test_an_amended_result_names_the_report_that_amended_it(
    scene: Scene,
) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", unbound(order_id))
    amended = {**not_bound(order_id), "amend": True}
    await report_signed(scene, "rep_2", amended)
    _first, second = await kept_ids(scene)
    assert await evidence_of_item(scene) == second


async def test_a_platform_at_work_has_shown_no_result_yet(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", {"id": order_id, "outcome": "in_progress"})
    assert await evidence_of_item(scene) is None


async def test_a_report_without_a_signature_is_no_evidence(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        await scene.report("weibo", unbound(await an_order_id(scene)))
        assert await evidence_of_item(scene) is None


async def read_evidence(
    scene: Scene, order_id: str, **query: str | int
) -> httpx.Response:
    async with scene.engine.begin() as db:
        key = await a_key(db, Role.AUDITOR)
    return await scene.http.get(
        f"/v1/audit/orders/{order_id}/evidence", params=query, headers=bearer(key)
    )


async def test_auditors_read_reports_as_they_were_received(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    reported = await report_signed(scene, "rep_1", unbound(order_id))
    answer = await read_evidence(scene, order_id)
    assert answer.json()["next_cursor"] is None
    (kept,) = answer.json()["data"]
    body = b64decode(kept["body"])
    assert body == reported.request.content
    assert kept["sha256"] == hashlib.sha256(body).hexdigest()
    assert (kept["platform"], kept["item"]) == ("weibo", order_id)
    headers = {
        "webhook-id": kept["webhook_id"],
        "webhook-timestamp": kept["timestamp"],
        "webhook-signature": kept["signature"],
    }
    message = check_v1a(PublicKey.parse(kept["public_key"]), headers, body)
    assert message.webhook_id == "rep_1"
    assert kept["public_key"] == KEY.public.text


async def test_reading_evidence_is_itself_written_down(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", unbound(order_id))
    answer = await read_evidence(scene, order_id)
    async with scene.engine.connect() as db:
        (fact,) = await trail(db, "evidence.read")
    assert fact.actor.startswith("auditor:")
    assert fact.facts == {"sha256": [answer.json()["data"][0]["sha256"]]}


async def test_evidence_comes_in_pages(scene: Scene) -> None:
    for slug in ("douyin", "jd"):
        await scene.add_platform(slug, result_public_key=KEY.public.text)
    order_id = await an_order_id(scene)
    for slug in ("weibo", "douyin", "jd"):
        await report_signed(scene, "rep_1", unbound(order_id), slug=slug)
    first = (await read_evidence(scene, order_id, limit=2)).json()
    cursor = first["next_cursor"]
    second = (await read_evidence(scene, order_id, limit=2, cursor=cursor)).json()
    found = [one["platform"] for one in first["data"] + second["data"]]
    assert found == ["douyin", "jd", "weibo"]
    assert second["next_cursor"] is None


async def test_bodies_that_fill_a_page_end_it(scene: Scene) -> None:
    slugs = [f"large-{place}" for place in range(4)]
    for slug in slugs:
        await scene.add_platform(slug, result_public_key=KEY.public.text)
    order_id = await an_order_id(scene)
    for slug in slugs:
        await report_signed(scene, "rep_1", unbound(order_id), slug=slug)
    large = b"x" * (3 * 1024 * 1024)
    async with scene.engine.begin() as db:
        await db.execute(update(evidence).values(body=large))
    first = (await read_evidence(scene, order_id)).json()
    assert [one["platform"] for one in first["data"]] == slugs[:2]
    rest = await read_evidence(scene, order_id, cursor=first["next_cursor"])
    assert [one["platform"] for one in rest.json()["data"]] == slugs[2:]


async def test_a_body_whose_time_is_over_is_null(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", unbound(order_id))
    async with scene.engine.begin() as db:
        await db.execute(update(evidence).values(body=None, answer=None))
    (kept,) = (await read_evidence(scene, order_id)).json()["data"]
    assert kept["body"] is None
    assert len(kept["sha256"]) == 64


async def test_evidence_is_for_auditors(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    path = f"/v1/audit/orders/{order_id}/evidence"
    assert (await scene.get(path)).status_code == 403
    as_query = order_id.replace("ord_", "qry_")
    assert (await read_evidence(scene, as_query)).status_code == 404
    assert (await read_evidence(scene, "ord_1")).status_code == 404


async def test_a_follower_shows_its_leaders_evidence(scene: Scene) -> None:
    leader = await an_order_id(scene)
    follower = await an_order_id(scene)
    await report_signed(scene, "rep_1", unbound(leader))
    (kept,) = (await read_evidence(scene, follower)).json()["data"]
    assert (kept["webhook_id"], kept["item"]) == ("rep_1", leader)


@pytest.mark.parametrize(
    ("webhook_id", "key", "age", "status"),
    [
        ("rep_1", KEY, timedelta(), 422),
        ("rep_2", OTHER_KEY, timedelta(), 401),
        ("rep_2", KEY, timedelta(minutes=5, seconds=1), 401),
        ("rep_2", KEY, -timedelta(minutes=5, seconds=1), 401),
    ],
    ids=["same id", "wrong key", "too old", "from the future"],
)
async def test_forged_and_replayed_reports_change_nothing(
    scene: Scene, webhook_id: str, key: PrivateKey, age: timedelta, status: int
) -> None:
    await scene.add_platform("jd", result_public_key=OTHER_KEY.public.text)
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", {"id": order_id, "outcome": "acknowledged"})
    signed_at = scene.clock.now() - age
    answer = await report_signed(
        scene, webhook_id, unbound(order_id), key=key, signed_at=signed_at
    )
    assert answer.status_code == status
    order = (await scene.get(f"/v1/orders/{order_id}")).json()
    states = {item["platform"]: item["status"] for item in order["items"]}
    assert states == {"weibo": "acknowledged", "jd": "queued"}


async def test_a_report_repeated_years_later_is_refused(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    first = await report_signed(scene, "rep_1", unbound(order_id))
    scene.clock.advance(timedelta(days=900))
    again = await scene.http.post(
        "/v1/results",
        content=first.request.content,
        headers=dict(first.request.headers),
    )
    assert (again.status_code, again.json()["code"]) == (401, "signature-invalid")


async def test_a_signature_is_good_for_its_own_platform_only(scene: Scene) -> None:
    await scene.add_platform("jd", result_public_key=OTHER_KEY.public.text)
    order_id = await an_order_id(scene)
    stolen = await report_signed(scene, "rep_1", unbound(order_id), slug="weibo")
    sent = dict(stolen.request.headers) | {
        name.lower(): value for name, value in scene.platform_headers["jd"].items()
    }
    answer = await scene.http.post(
        "/v1/results", content=stolen.request.content, headers=sent
    )
    assert answer.status_code == 401
