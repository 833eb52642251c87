import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clock import FixedClock
from tests.support.order_api import (
    NUMBER,
    Scene,
    a_scene,
    after_query,
    not_bound,
    order_body,
    query_body,
)
from unbind_broker.api.order_shown import ItemShown, ListedOrderShown, OrderShown
from unbind_broker.orders.tables import idempotency, orders


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo", "taobao") as made:
        yield made


def codes(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def pointers(answer: Any) -> list[str]:
    return [wrong["pointer"] for wrong in answer.json()["errors"]]


async def test_an_order_is_accepted(scene: Scene) -> None:
    answer = await scene.post("/v1/orders", order_body(reference="R-1"))
    assert answer.status_code == 202
    order = answer.json()
    assert answer.headers["Location"] == f"/v1/orders/{order['id']}"
    assert answer.headers["Content-Type"] == "application/json"
    assert (order["kind"], order["status"]) == ("unbind", "in_progress")
    assert order["number"] == "+86138****1234"
    assert order["summary"] == {"total": 2, "queued": 2}
    assert NUMBER[3:] not in answer.text
    again = await scene.get(answer.headers["Location"])
    assert (again.status_code, again.json()) == (200, order)


async def test_a_query_is_accepted(scene: Scene) -> None:
    answer = await scene.post("/v1/queries", query_body(platforms=["weibo"]))
    assert answer.status_code == 202
    query = answer.json()
    assert answer.headers["Location"] == f"/v1/queries/{query['id']}"
    assert (query["kind"], query["action"]) == ("query", None)
    assert [item["platform"] for item in query["items"]] == ["weibo"]
    again = await scene.get(answer.headers["Location"])
    assert again.json() == query


ALWAYS_IN_ITEMS = [
    name for name, field in ItemShown.model_fields.items() if field.is_required()
]


async def test_the_document_describes_what_is_answered(scene: Scene) -> None:
    order = (await scene.post("/v1/orders", order_body())).json()
    assert list(order) == list(OrderShown.model_fields)
    assert list(order["items"][0]) == ALWAYS_IN_ITEMS
    (listed,) = (await scene.get("/v1/orders")).json()["data"]
    assert list(listed) == list(ListedOrderShown.model_fields)
    OrderShown.model_validate_json(json.dumps(order))


async def test_an_order_of_ones_own_is_held(scene: Scene) -> None:
    body = order_body(scope="current_owner", platforms=["weibo"], action="detach")
    order = (await scene.post("/v1/orders", body)).json()
    assert (order["status"], order["held_for"]) == ("held", "undo_window")
    assert order["held_until"] == "2026-11-21T04:00:00Z"


async def test_sensitive_platforms_are_only_counted(scene: Scene) -> None:
    await scene.add_platform("dating", sensitive=True)
    answer = await scene.post("/v1/orders", order_body())
    assert "dating" not in answer.text
    assert answer.json()["sensitive"] == {"total": 1, "finished": 0}


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"number": "12345"}, "/number"),
        ({"number": "+14155550100"}, "/number"),
        ({"number": 5}, "/number"),
        ({"number": ...}, "/number"),
        ({"owner_since": ...}, "/owner_since"),
        ({"owner_since": "2026-11-21"}, "/owner_since"),
        ({"owner_since": "2025-02-30"}, "/owner_since"),
        ({"owner_since": "2025-3-1"}, "/owner_since"),
        ({"consent": ...}, "/consent"),
        ({"consent": {"method": "sms_otp"}}, "/consent/at"),
        ({"consent": {"method": "x", "at": "2026-11-20T04:00:00Z"}}, "/consent/method"),
        (
            {"consent": {"method": "sms_otp", "at": "2026-11-19T03:59:59Z"}},
            "/consent/at",
        ),
        ({"scope": "both"}, "/scope"),
        ({"scope": "current_owner"}, "/platforms"),
        ({"platforms": []}, "/platforms"),
        ({"platforms": ["weibo", "weibo"]}, "/platforms"),
        ({"platforms": [1]}, "/platforms/0"),
        ({"platforms": ["we\u0000ibo"]}, "/platforms/0"),
        ({"action": "delete"}, "/action"),
        ({"reference": "x" * 65}, "/reference"),
        ({"reference": ""}, "/reference"),
        ({"reference": "a\nb"}, "/reference"),
        ({"reference": NUMBER}, "/reference"),
        ({"ported_in_on": "2027-01-01"}, "/ported_in_on"),
        ({"recheck": "yes"}, "/recheck"),
        ({"attestation": "not one"}, "/attestation"),
        ({"surprise": 1}, "/surprise"),
    ],
)
async def test_a_wrong_field_is_pointed_at(
    scene: Scene, changes: dict[str, Any], pointer: str
) -> None:
    answer = await scene.post("/v1/orders", order_body(**changes))
    assert codes(answer) == (422, "validation-failed")
    assert pointer in pointers(answer)
    assert NUMBER[3:] not in answer.text


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"ported_in_on": "2020-12-31"}, "ported-in-not-covered", "/ported_in_on"),
        ({"ported_in_on": "2025-03-01"}, "owner-since-is-port-date", "/owner_since"),
        ({"action": "close_account"}, "action-not-offered", "/action"),
        (
            {
                "action": "close_account",
                "scope": "current_owner",
                "platforms": ["weibo"],
            },
            "action-not-offered",
            "/platforms/0",
        ),
        ({"platforms": ["weibo", "No Such"]}, "platform-unknown", "/platforms/1"),
        (after_query("qry_nothing"), "query-unknown", "/query_id"),
        (after_query("qry_" + "0" * 26), "query-unknown", "/query_id"),
    ],
)
async def test_refusals_have_codes_of_their_own(
    scene: Scene, changes: dict[str, Any], code: str, pointer: str
) -> None:
    body = changes if "query_id" in changes else order_body(**changes)
    answer = await scene.post("/v1/orders", body)
    assert codes(answer) == (422, code)
    assert pointers(answer) == [pointer]
    page = await scene.http.get(answer.json()["type"])
    assert page.status_code == 200


async def test_nobody_to_ask_is_refused(engine: AsyncEngine, clock: FixedClock) -> None:
    async with a_scene(engine, clock) as empty:
        answer = await empty.post("/v1/orders", order_body())
    assert codes(answer) == (422, "no-platforms")
    async with engine.connect() as db:
        count = select(func.count()).select_from(orders)
        assert (await db.execute(count)).scalar_one() == 0


async def test_an_order_follows_a_query(scene: Scene) -> None:
    query = (await scene.post("/v1/queries", query_body())).json()
    bound = {
        "id": query["id"],
        "outcome": "bound",
        "bindings": 1,
        "last_bound_at": "2024-01-01T00:00:00Z",
    }
    await scene.report("weibo", bound)
    await scene.report("taobao", not_bound(query["id"]))
    assert (await scene.get(f"/v1/queries/{query['id']}")).json()["status"] == (
        "completed"
    )
    answer = await scene.post("/v1/orders", after_query(query["id"]))
    assert answer.status_code == 202
    order = answer.json()
    assert [item["platform"] for item in order["items"]] == ["weibo"]
    for copied in ("number", "owner_since", "scope", "cutoff"):
        assert order[copied] == query[copied]


async def test_what_a_query_says_is_not_said_again(scene: Scene) -> None:
    query = (await scene.post("/v1/queries", query_body())).json()
    body = after_query(
        query["id"],
        number=NUMBER,
        owner_since="2025-03-01",
        scope="previous_owner",
        platforms=["weibo"],
    )
    answer = await scene.post("/v1/orders", body)
    assert codes(answer) == (422, "validation-failed")
    assert pointers(answer) == ["/number", "/owner_since", "/scope", "/platforms"]


async def test_reference_does_not_hold_the_number_that_a_query_told(
    scene: Scene,
) -> None:
    query = (await scene.post("/v1/queries", query_body())).json()
    body = after_query(query["id"], reference=f"R {NUMBER[3:]}")
    answer = await scene.post("/v1/orders", body)
    assert codes(answer) == (422, "validation-failed")
    assert pointers(answer) == ["/reference"]


async def test_length_is_told_in_characters(scene: Scene) -> None:
    answer = await scene.post("/v1/orders", order_body(reference="x" * 65))
    assert answer.json()["detail"] == (
        "/reference: string should have at most 64 characters"
    )


async def test_queries_take_no_fields_of_orders(scene: Scene) -> None:
    answer = await scene.post("/v1/queries", query_body(action="detach"))
    assert pointers(answer) == ["/action"]


async def test_another_carriers_order_is_not_there(scene: Scene) -> None:
    other = await scene.add_carrier("china-unicom")
    order = (await scene.post("/v1/orders", order_body())).json()
    query = (await scene.post("/v1/queries", query_body())).json()
    for path in (f"/v1/orders/{order['id']}", f"/v1/queries/{query['id']}"):
        answer = await scene.http.get(path, headers=other)
        assert codes(answer) == (404, "not-found")
    answer = await scene.http.post(
        "/v1/orders", json=after_query(query["id"]), headers=other
    )
    assert codes(answer) == (422, "query-unknown")
    listed = await scene.http.get("/v1/orders", headers=other)
    assert listed.json() == {"data": [], "next_cursor": None}


async def test_ids_are_read_in_either_case_and_by_their_kind(scene: Scene) -> None:
    order = (await scene.post("/v1/orders", order_body())).json()
    query = (await scene.post("/v1/queries", query_body())).json()
    assert (await scene.get(f"/v1/orders/{order['id'].upper()}")).status_code == 200
    as_query, as_order = (
        order["id"].replace("ord", "qry"),
        query["id"].replace("qry", "ord"),
    )
    for path in (
        f"/v1/queries/{as_query}",
        f"/v1/orders/{as_order}",
        f"/v1/orders/{query['id']}",
        "/v1/orders/ord_nothing",
        "/v1/queries/x",
    ):
        assert codes(await scene.get(path)) == (404, "not-found")


async def test_only_carriers_have_orders(scene: Scene) -> None:
    headers = scene.platform_headers["weibo"]
    for method, path in (
        ("POST", "/v1/orders"),
        ("POST", "/v1/queries"),
        ("POST", "/v1/orders/search"),
        ("GET", "/v1/orders"),
        ("GET", "/v1/orders/ord_x"),
    ):
        answer = await scene.http.request(
            method, path, headers=headers, json=order_body()
        )
        assert answer.status_code == 403, path
        unknown = await scene.http.request(method, path, json=order_body())
        assert unknown.status_code == 401


async def test_a_repeated_request_is_answered_as_before(scene: Scene) -> None:
    key = {"Idempotency-Key": "key-1"}
    first = await scene.post("/v1/orders", order_body(), key)
    await scene.report("weibo", not_bound(first.json()["id"]))
    scene.clock.advance(timedelta(hours=23))
    again = await scene.post("/v1/orders", order_body(), key)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.status_code, again.content) == (202, first.content)
    assert again.headers["Location"] == first.headers["Location"]
    listed = await scene.get("/v1/orders")
    assert len(listed.json()["data"]) == 1


async def test_a_key_is_not_taken_for_another_request(scene: Scene) -> None:
    key = {"Idempotency-Key": "key-1"}
    await scene.post("/v1/queries", query_body(), key)
    for path, body in (
        ("/v1/queries", query_body(reference="other")),
        ("/v1/orders", query_body()),
    ):
        answer = await scene.post(path, body, key)
        assert codes(answer) == (422, "idempotency-key-reused")


async def test_a_refused_request_leaves_its_key_free(scene: Scene) -> None:
    key = {"Idempotency-Key": "key-1"}
    refused = await scene.post("/v1/orders", order_body(platforms=["nope"]), key)
    assert refused.status_code == 422
    assert (await scene.post("/v1/orders", order_body(), key)).status_code == 202


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ü".encode("latin-1")])
async def test_a_key_is_visible_ascii(scene: Scene, key: str | bytes) -> None:
    sent = key if isinstance(key, bytes) else key.encode()
    answer = await scene.http.post(
        "/v1/orders",
        json=order_body(),
        headers=[
            *((k.encode(), v.encode()) for k, v in scene.carrier_headers.items()),
            (b"Idempotency-Key", sent),
        ],
    )
    assert codes(answer) == (422, "validation-failed")


async def test_many_requests_with_one_key_make_one_order(scene: Scene) -> None:
    key = {"Idempotency-Key": "key-1"}
    answers = await asyncio.gather(
        *(scene.post("/v1/orders", order_body(), key) for _ in range(8))
    )
    statuses = {answer.status_code for answer in answers}
    assert statuses <= {202, 409}
    assert 202 in statuses
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["code"] == "idempotency-in-progress"
    async with scene.engine.connect() as db:
        for table in (orders, idempotency):
            count = select(func.count()).select_from(table)
            assert (await db.execute(count)).scalar_one() == 1


async def test_no_number_is_stored_in_the_clear(scene: Scene) -> None:
    await scene.post("/v1/orders", order_body(), {"Idempotency-Key": "key-1"})
    digits = NUMBER[3:]
    async with scene.engine.connect() as db:
        for table in ("orders", "idempotency", "audit_events", "order_log", "items"):
            rows = await db.exec_driver_sql(f"SELECT t::text FROM {table} t")  # noqa: S608 - names from above
            for row in rows.scalars():
                assert digits not in row
                assert digits.encode().hex() not in row


async def test_orders_are_listed_in_pages_newest_first(scene: Scene) -> None:
    made = []
    for place in range(5):
        scene.clock.advance(timedelta(minutes=1))
        body = order_body(reference=f"R-{place}")
        made.append((await scene.post("/v1/orders", body)).json()["id"])
        await scene.post("/v1/queries", query_body())
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await scene.get("/v1/orders", limit=2, **cursor)).json()
        found += [order["id"] for order in page["data"]]
        await scene.post("/v1/orders", order_body(reference="newer"))
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == made[::-1]


async def test_orders_are_filtered(scene: Scene) -> None:
    first = (await scene.post("/v1/orders", order_body(reference="A"))).json()
    scene.clock.advance(timedelta(hours=1))
    held = (
        await scene.post(
            "/v1/orders", order_body(scope="current_owner", platforms=["weibo"])
        )
    ).json()

    async def listed(**query: str) -> list[str]:
        answer = await scene.get("/v1/orders", **query)
        return [order["id"] for order in answer.json()["data"]]

    assert await listed(reference="A") == [first["id"]]
    assert await listed(status="held") == [held["id"]]
    assert await listed(created_after=first["created_at"]) == [held["id"]]
    assert await listed(created_after="2026-11-20T11:59:59+08:00") == [
        held["id"],
        first["id"],
    ]
    assert await listed(status="completed") == []


@pytest.mark.parametrize(
    "query",
    [
        {"status": "done"},
        {"created_after": "yesterday"},
        {"limit": "0"},
        {"limit": "201"},
        {"cursor": "x"},
        {"cursor": "bm90LWEtdXVpZA"},
        {"reference": "\x00"},
    ],
)
async def test_a_wrong_filter_is_refused(scene: Scene, query: dict[str, str]) -> None:
    answer = await scene.get("/v1/orders", **query)
    assert codes(answer) == (422, "validation-failed")


async def test_a_numbers_own_orders_are_found(scene: Scene) -> None:
    other = await scene.add_carrier("china-unicom")
    order = (await scene.post("/v1/orders", order_body())).json()
    await scene.post("/v1/orders", order_body(number="+8613800009999"))
    for written in (NUMBER, "138 0000 1234"):
        answer = await scene.post("/v1/orders/search", {"number": written})
        assert answer.status_code == 200
        assert [one["id"] for one in answer.json()["data"]] == [order["id"]]
    theirs = await scene.http.post(
        "/v1/orders/search", json={"number": NUMBER}, headers=other
    )
    assert theirs.json()["data"] == []
    wrong = await scene.post("/v1/orders/search", {"number": "5"})
    assert pointers(wrong) == ["/number"]


async def test_overload_is_told_and_stores_nothing(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo", max_in_flight=1) as scene:
        answers = await asyncio.gather(
            *(scene.post("/v1/orders", order_body()) for _ in range(8))
        )
        accepted = [answer for answer in answers if answer.status_code == 202]
        refused = [answer for answer in answers if answer.status_code == 503]
        assert len(accepted) + len(refused) == len(answers)
        assert accepted
        for answer in refused:
            assert answer.headers["Retry-After"] == "1"
        async with engine.connect() as db:
            count = select(func.count()).select_from(orders)
            assert (await db.execute(count)).scalar_one() == len(accepted)


def test_the_example_of_the_document_is_a_whole_order() -> None:
    (example,) = OrderShown.model_json_schema()["examples"]
    assert set(example) == set(OrderShown.model_fields)
    assert set(example["items"][0]) == set(ALWAYS_IN_ITEMS)
    OrderShown.model_validate_json(json.dumps(example))
