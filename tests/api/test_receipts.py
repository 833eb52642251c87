"""Receipts as carriers get them: signed, versioned, never telling too much."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import bearer
from tests.support.builders import a_key
from tests.support.clock import FixedClock
from tests.support.order_api import Scene, a_scene, not_bound, order_body, query_body
from tests.support.receipts import (
    KEY,
    a_finished_order,
    public_keys,
    receipt,
    report_signed,
    unbound,
)
from tests.support.sealing import BROKER_KEY
from tests.support.trail import trail
from unbind_broker.audit.sealing import seal
from unbind_broker.cli.receipt_checking import check_receipt, read_keys
from unbind_broker.cli.receipt_evidence import check_evidence, read_evidence
from unbind_broker.keys.tables import Role
from unbind_broker.orders.tables import orders, receipts


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock) as made:
        await made.add_platform("weibo", result_public_key=KEY.public.text)
        yield made


async def an_order_id(scene: Scene, **changes: Any) -> str:
    answer = await scene.post("/v1/orders", order_body(**changes))
    return str(answer.json()["id"])


async def stated(scene: Scene, answer: httpx.Response) -> dict[str, Any]:
    """What a receipt states, if its signature holds by the published keys."""
    assert answer.status_code == 200, answer.text
    kid = jwt.get_unverified_header(answer.text)["kid"]
    key = (await public_keys(scene))[kid]
    payload: dict[str, Any] = jwt.decode(answer.text, key, algorithms=["EdDSA"])
    return payload


async def test_a_receipt_states_the_outcome_and_its_proof(scene: Scene) -> None:
    order_id = await an_order_id(scene, reference="R-1")
    reported = await report_signed(scene, "rep_1", unbound(order_id))
    answer = await receipt(scene, order_id)
    assert answer.headers["content-type"] == "application/jose"
    payload = await stated(scene, answer)
    order = (await scene.get(f"/v1/orders/{order_id}")).json()
    items = order.pop("items")
    assert payload["iss"] == "unbind-broker"
    assert payload["iat"] == int(scene.clock.now().timestamp())
    assert (payload["version"], payload["previous"]) == (1, None)
    assert payload["summary"] == order.pop("summary")
    assert payload["sensitive"] == order.pop("sensitive")
    names = {"carrier_name": "china-mobile 运营商"}
    names |= {"carrier_name_en": "china-mobile carrier"}
    assert payload["order"] == {**order, **names}
    digest = hashlib.sha256(reported.request.content).hexdigest()
    (item,) = payload["items"]
    assert item == {
        **items[0],
        "platform_name_en": "weibo platform",
        "evidence": {
            "sha256": digest,
            "webhook_id": "rep_1",
            "signed_at": "2026-11-20T04:00:00Z",
        },
    }


async def test_its_header_names_the_key_and_the_kind_of_statement(
    scene: Scene,
) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", unbound(order_id))
    header = jwt.get_unverified_header((await receipt(scene, order_id)).text)
    assert header == {
        "alg": "EdDSA",
        "kid": BROKER_KEY.key_id,
        "typ": "unbind-receipt+jwt",
    }


async def test_with_nothing_new_it_is_the_same_one_byte_for_byte(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", unbound(order_id))
    first = await receipt(scene, order_id)
    scene.clock.advance(timedelta(days=3))
    again = await receipt(scene, order_id)
    assert again.content == first.content
    assert again.headers["receipt-version"] == "1"
    assert again.headers["etag"] == first.headers["etag"]
    known = {"If-None-Match": first.headers["etag"]}
    unchanged = await receipt(scene, order_id, headers=known)
    assert (unchanged.status_code, unchanged.content) == (304, b"")


async def test_an_amended_result_makes_the_next_version(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", unbound(order_id))
    first = await receipt(scene, order_id)
    await report_signed(scene, "rep_2", {**not_bound(order_id), "amend": True})
    second = await receipt(scene, order_id)
    payload = await stated(scene, second)
    assert second.headers["receipt-version"] == "2"
    assert payload["version"] == 2
    assert payload["previous"] == hashlib.sha256(first.content).hexdigest()
    assert payload["items"][0]["status"] == "not_bound"
    assert payload["items"][0]["evidence"]["webhook_id"] == "rep_2"
    older = await receipt(scene, order_id, version=1)
    assert older.content == first.content
    assert (await receipt(scene, order_id, version=3)).status_code == 404


async def test_the_same_result_again_makes_no_version(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", unbound(order_id))
    first = await receipt(scene, order_id)
    await report_signed(scene, "rep_2", unbound(order_id))
    assert (await receipt(scene, order_id)).content == first.content


async def test_an_open_order_has_no_receipt(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    answer = await receipt(scene, order_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "order-not-completed")
    assert (await receipt(scene, order_id, version=1)).status_code == 404


async def test_a_cancelled_order_has_one(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    await scene.post(f"/v1/orders/{order_id}/cancel", {})
    payload = await stated(scene, await receipt(scene, order_id))
    assert payload["order"]["status"] == "cancelled"
    assert payload["items"][0]["reason"] == "by_carrier"
    await report_signed(scene, "rep_1", unbound(order_id))
    late = await stated(scene, await receipt(scene, order_id))
    assert (late["version"], late["items"][0]["late"]) == (2, True)


async def test_the_page_of_a_restore_names_no_interval(scene: Scene) -> None:
    """What a violation removed is attached again, and lay outside the order's."""
    order_id = await an_order_id(scene)
    too_new = {**unbound(order_id), "last_bound_at": "2025-06-01T00:00:00Z"}
    await report_signed(scene, "rep_1", too_new)
    (restore,) = (await scene.get("/v1/orders", limit=1)).json()["data"]
    assert restore["kind"] == "restore"
    done = {"id": restore["id"], "outcome": "restored"}
    await report_signed(scene, "rep_2", done)
    page = await receipt(scene, restore["id"], headers={"Accept": "text/html"})
    assert "Restoring of bindings" in page.text
    assert "Bindings concerned" not in page.text
    assert "former holder)" not in page.text


async def test_a_query_has_one_as_well(scene: Scene) -> None:
    answer = await scene.post("/v1/queries", query_body())
    query_id = answer.json()["id"]
    await report_signed(scene, "rep_1", not_bound(query_id))
    got = await scene.get(f"/v1/queries/{query_id}/receipt")
    assert (await stated(scene, got))["order"]["kind"] == "query"


async def test_another_carriers_receipt_is_not_there(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", unbound(order_id))
    await receipt(scene, order_id)
    stranger = await scene.add_carrier("china-unicom")
    for query in ("", "?version=1"):
        answer = await scene.http.get(
            f"/v1/orders/{order_id}/receipt{query}", headers=stranger
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_an_order_is_no_query_and_the_other_way_round(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", unbound(order_id))
    as_query = order_id.replace("ord_", "qry_")
    answer = await scene.get(f"/v1/queries/{as_query}/receipt")
    assert answer.status_code == 404


async def test_many_who_ask_at_once_get_one_version(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", unbound(order_id))
    answers = await asyncio.gather(*(receipt(scene, order_id) for _ in range(12)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    async with scene.engine.connect() as db:
        rows = (await db.execute(select(receipts.c.version))).all()
        issued = await trail(db, "receipt.issued")
    assert (len(rows), len(issued)) == (1, 1)


async def test_versions_among_results_that_race_stay_a_chain(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_0", unbound(order_id))

    async def amend(number: int) -> None:
        line = {**unbound(order_id, removed=number + 2), "amend": True}
        await report_signed(scene, f"rep_{number + 1}", line)

    steps = [amend(number) for number in range(6)]
    asking = [receipt(scene, order_id) for _ in range(12)]
    await asyncio.gather(*steps, *asking)
    newest = await stated(scene, await receipt(scene, order_id))
    previous = None
    for version in range(1, newest["version"] + 1):
        answer = await receipt(scene, order_id, version=version)
        payload = await stated(scene, answer)
        assert payload["previous"] == previous
        previous = hashlib.sha256(answer.content).hexdigest()


async def test_its_issue_stands_in_the_trail(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", unbound(order_id))
    answer = await receipt(scene, order_id)
    await receipt(scene, order_id)
    async with scene.engine.connect() as db:
        (fact,) = await trail(db, "receipt.issued")
    assert fact.actor == "carrier:china-mobile"
    assert fact.facts["version"] == 1
    assert fact.facts["sha256"] == hashlib.sha256(answer.content).hexdigest()


async def test_it_is_served_when_the_number_is_destroyed(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", unbound(order_id))
    first = await receipt(scene, order_id)
    await destroy_numbers(scene)
    assert (await receipt(scene, order_id)).content == first.content


async def test_it_names_the_newest_seal_of_the_trail(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", unbound(order_id))
    async with scene.engine.begin() as db:
        made = await seal(db, scene.clock.now(), BROKER_KEY)
    assert made is not None
    payload = await stated(scene, await receipt(scene, order_id))
    assert payload["audit"] == {
        "seal": made.number,
        "root": made.root.hex(),
        "sealed_at": "2026-11-20T04:00:00Z",
    }


async def test_a_number_in_a_webhook_id_is_masked(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep-8613800001234-1", unbound(order_id))
    payload = await stated(scene, await receipt(scene, order_id))
    assert payload["items"][0]["evidence"]["webhook_id"] == "rep-****-1"


async def test_sensitive_platforms_leave_no_trace_in_it(scene: Scene) -> None:
    await scene.add_platform(
        "dating", sensitive=True, result_public_key=KEY.public.text
    )
    order_id = await an_order_id(scene)
    for slug in scene.platforms:
        await report_signed(scene, "rep_1", not_bound(order_id), slug=slug)
    first = await receipt(scene, order_id)
    amended = {**unbound(order_id, removed=3), "amend": True}
    changed = await report_signed(scene, "rep_2", amended, slug="dating")
    assert changed.json()["results"][0]["status"] == "recorded"
    assert (await receipt(scene, order_id)).content == first.content
    payload = await stated(scene, first)
    assert [item["platform"] for item in payload["items"]] == ["weibo"]
    assert payload["sensitive"] == {"total": 1, "finished": 1}


async def test_the_wrong_role_gets_none(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    answer = await scene.http.get(
        f"/v1/orders/{order_id}/receipt", headers=scene.platform_headers["weibo"]
    )
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/jose"),
        ("*/*", "application/jose"),
        ("application/json", "application/jose"),
        ("text/html", "text/html"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("text/html;q=0.4, application/jose;q=0.5", "application/jose"),
        ("text/html;q=0, */*", "application/jose"),
    ],
)
async def test_its_form_is_what_the_caller_likes_best(
    engine: AsyncEngine, clock: FixedClock, accept: str | None, media_type: str
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        order_id = await a_finished_order(scene)
        headers = {"Accept": accept} if accept else {}
        answer = await receipt(scene, order_id, headers=headers)
        assert answer.headers["content-type"].split(";")[0] == media_type
        assert answer.headers["receipt-version"] == "1"
        assert "Accept" in answer.headers["vary"]


async def test_anybody_can_check_it_with_its_evidence_offline(scene: Scene) -> None:
    leader, follower = await an_order_id(scene), await an_order_id(scene)
    await report_signed(scene, "rep_1", unbound(leader))
    jwks = (await scene.http.get("/.well-known/jwks.json")).content
    async with scene.engine.begin() as db:
        auditor = bearer(await a_key(db, Role.AUDITOR))
    for order_id in (leader, follower):
        checked = check_receipt(
            (await receipt(scene, order_id)).content, read_keys(jwks)
        )
        given = await scene.http.get(
            f"/v1/audit/orders/{order_id}/evidence", headers=auditor
        )
        proven = check_evidence(checked.stated, read_evidence(given.content))
        assert [one.platform for one in proven] == ["weibo"]


async def test_a_follower_of_anothers_order_tells_nothing_of_it(scene: Scene) -> None:
    leader = await an_order_id(scene)
    stranger = await scene.add_carrier("china-unicom")
    answer = await scene.http.post("/v1/orders", json=order_body(), headers=stranger)
    follower = answer.json()["id"]
    await report_signed(scene, "rep_1", unbound(leader))
    got = await scene.http.get(f"/v1/orders/{follower}/receipt", headers=stranger)
    payload = await stated(scene, got)
    assert payload["items"][0]["status"] == "unbound"
    assert leader not in str(payload)


async def test_after_the_number_is_destroyed_a_first_one_is_without_it(
    scene: Scene,
) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", unbound(order_id))
    await destroy_numbers(scene)
    payload = await stated(scene, await receipt(scene, order_id))
    assert payload["order"]["number"] == "****"


async def destroy_numbers(scene: Scene) -> None:
    gone = {"number_sealed": None, "number_index": None}
    async with scene.engine.begin() as db:
        await db.execute(
            update(orders).values({**gone, "destroyed_at": scene.clock.now()})
        )
