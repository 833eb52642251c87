import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clock import FixedClock
from tests.support.order_api import Scene, a_scene, not_bound, order_body, query_body
from unbind_broker.base.database import Db
from unbind_broker.base.signing import check_v1a, sign_v1a, signature_headers
from unbind_broker.base.signing_keys import PrivateKey, PublicKey
from unbind_broker.callbacks.tables import evidence
from unbind_broker.platforms.service import suspend

KEY = PrivateKey(b"a platform's seed of thirty-two ")
OTHER = PrivateKey(b"another platform's seed of 32 by")


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo") as made:
        yield made


async def an_order_id(scene: Scene, **changes: Any) -> str:
    answer = await scene.post("/v1/orders", order_body(**changes))
    return str(answer.json()["id"])


async def test_a_result_completes_its_order(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    scene.clock.advance(timedelta(hours=1))
    answer = await scene.report(
        "weibo",
        {
            "id": order_id,
            "outcome": "unbound",
            "removed": 2,
            "kept": 0,
            "last_bound_at": "2024-05-01T00:00:00Z",
            "restorable_until": "2026-12-01T00:00:00Z",
        },
    )
    assert answer.status_code == 200
    assert answer.json() == {"results": [{"id": order_id, "status": "recorded"}]}
    order = (await scene.get(f"/v1/orders/{order_id}")).json()
    assert (order["status"], order["completed_at"]) == (
        "completed",
        "2026-11-20T05:00:00Z",
    )
    assert order["summary"] == {"total": 1, "unbound": 1}
    (item,) = order["items"]
    assert (item["status"], item["removed"], item["kept"]) == ("unbound", 2, 0)
    assert item["acknowledged_at"] == item["finished_at"] == "2026-11-20T05:00:00Z"
    assert item["restorable_until"] == "2026-12-01T00:00:00Z"


async def test_one_bad_line_never_spoils_the_others(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    answer = await scene.report(
        "weibo", 7, {"id": order_id, "outcome": "unbound"}, not_bound(order_id)
    )
    assert answer.json() == {
        "results": [
            {
                "id": None,
                "status": "rejected",
                "code": "line-invalid",
                "detail": "expected an object",
            },
            {
                "id": order_id,
                "status": "rejected",
                "code": "bound-at-missing",
                "detail": "unbound needs last_bound_at",
            },
            {"id": order_id, "status": "recorded"},
        ]
    }


async def test_another_platforms_item_is_unknown(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    await scene.add_platform("douyin")
    answer = await scene.report("douyin", not_bound(order_id))
    assert answer.json()["results"] == [{"id": order_id, "status": "unknown"}]


async def test_the_holders_next_step_reaches_the_carrier(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    url = "https://m.weibo.com/confirm"
    line = {
        "id": order_id,
        "outcome": "action_required",
        "action": "confirm_in_app",
        "action_url": url,
    }
    refused = {**line, "action_url": "https://evil.example/"}
    answer = await scene.report("weibo", refused, line)
    statuses = [one["status"] for one in answer.json()["results"]]
    assert statuses == ["rejected", "recorded"]
    (item,) = (await scene.get(f"/v1/orders/{order_id}")).json()["items"]
    assert (item["status"], item["action_url"]) == ("action_required", url)


async def test_a_report_holds_one_to_a_thousand_lines(scene: Scene) -> None:
    for lines in ([], [not_bound("ord_x")] * 1001):
        answer = await scene.report("weibo", *lines)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/results"
    full = await scene.report("weibo", *[not_bound("ord_x")] * 1000)
    assert len(full.json()["results"]) == 1000


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed-json"),
        (b"{", 400, "malformed-json"),
        (b"\xff", 400, "malformed-json"),
        (b"[]", 422, "validation-failed"),
        (b"{}", 422, "validation-failed"),
        (b'{"results": 5}', 422, "validation-failed"),
        (b'{"results": [1], "more": 1}', 422, "validation-failed"),
        (b" " * (1024 * 1024 + 1), 413, "body-too-large"),
    ],
)
async def test_a_report_is_json_of_the_documented_shape(
    scene: Scene, body: bytes, status: int, code: str
) -> None:
    answer = await scene.http.post(
        "/v1/results",
        content=body,
        headers={
            **scene.platform_headers["weibo"],
            "Content-Type": "application/json",
        },
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_only_platforms_report(scene: Scene) -> None:
    answer = await scene.post("/v1/results", {"results": [not_bound("ord_x")]})
    assert answer.status_code == 403
    nobody = await scene.http.post("/v1/results", json={"results": [1]})
    assert nobody.status_code == 401


async def test_a_suspended_platform_reports(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    async with scene.engine.begin() as db:
        await suspend(db, scene.clock.now(), "weibo", "test")
    answer = await scene.report("weibo", not_bound(order_id))
    assert answer.json()["results"][0]["status"] == "recorded"


async def send(
    scene: Scene, body: bytes, signed: dict[str, str] | None
) -> httpx.Response:
    return await scene.http.post(
        "/v1/results",
        content=body,
        headers={
            **scene.platform_headers["signing"],
            "Content-Type": "application/json",
            **(signed or {}),
        },
    )


def signature(
    scene: Scene, body: bytes, webhook_id: str = "rep_1", key: PrivateKey = KEY
) -> dict[str, str]:
    now = scene.clock.now()
    return signature_headers(webhook_id, now, sign_v1a(key, webhook_id, now, body))


@pytest.fixture
async def signing(scene: Scene) -> Scene:
    await scene.add_platform("signing", result_public_key=KEY.public.text)
    return scene


async def a_report(scene: Scene) -> bytes:
    order_id = await an_order_id(scene, platforms=["signing"])
    return json.dumps({"results": [not_bound(order_id)]}).encode()


async def all_evidence(db: Db) -> list[Any]:
    return list((await db.execute(select(evidence))).all())


async def test_a_signed_report_is_kept_as_received(signing: Scene) -> None:
    body = await a_report(signing)
    headers = signature(signing, body)
    answer = await send(signing, body, headers)
    assert answer.json()["results"][0]["status"] == "recorded"
    async with signing.engine.connect() as db:
        (kept,) = await all_evidence(db)
    assert (bytes(kept.body), bytes(kept.answer)) == (body, answer.content)
    proof = {
        "webhook-id": kept.webhook_id,
        "webhook-timestamp": kept.webhook_timestamp,
        "webhook-signature": kept.webhook_signature,
    }
    assert proof == headers
    message = check_v1a(PublicKey.parse(kept.public_key), proof, kept.body)
    assert message.webhook_id == "rep_1"


async def test_an_unsigned_or_wrongly_signed_report_changes_nothing(
    signing: Scene,
) -> None:
    body = await a_report(signing)
    stale = signature(signing, body)
    signing.clock.advance(timedelta(minutes=5, seconds=1))
    for headers in (
        None,
        stale,
        signature(signing, body, key=OTHER),
        signature(signing, body + b" "),
        {**signature(signing, body), "webhook-id": "rep_2"},
    ):
        answer = await send(signing, body, headers)
        assert answer.status_code == 401
        assert answer.json()["code"] == "signature-invalid"
    async with signing.engine.connect() as db:
        assert await all_evidence(db) == []
    assert (await send(signing, b"{", None)).status_code == 401


async def test_a_repeated_report_gets_its_first_answer(signing: Scene) -> None:
    body = await a_report(signing)
    first = await send(signing, body, signature(signing, body))
    signing.clock.advance(timedelta(minutes=30))
    again = await send(signing, body, signature(signing, body))
    assert (again.status_code, again.content) == (200, first.content)
    async with signing.engine.connect() as db:
        assert len(await all_evidence(db)) == 1
    new = await send(signing, body, signature(signing, body, "rep_2"))
    assert new.json()["results"][0]["status"] == "duplicate"


async def test_a_webhook_id_is_not_taken_for_another_report(signing: Scene) -> None:
    body = await a_report(signing)
    await send(signing, body, signature(signing, body))
    other = body + b"\n"
    answer = await send(signing, other, signature(signing, other))
    assert (answer.status_code, answer.json()["code"]) == (422, "webhook-id-reused")


async def test_a_report_that_is_refused_leaves_its_id_free(signing: Scene) -> None:
    wrong = b'{"results": []}'
    refused = await send(signing, wrong, signature(signing, wrong))
    assert refused.status_code == 422
    body = await a_report(signing)
    answer = await send(signing, body, signature(signing, body))
    assert answer.status_code == 200


async def test_platforms_without_a_key_need_no_signature(scene: Scene) -> None:
    query = (await scene.post("/v1/queries", query_body())).json()
    answer = await scene.report("weibo", not_bound(query["id"]))
    assert answer.json()["results"][0]["status"] == "recorded"
