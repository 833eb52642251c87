"""Cancel and restore, as carriers and platforms see them."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clock import NOON, FixedClock
from tests.support.order_api import (
    NUMBER,
    Scene,
    a_scene,
    order_body,
    query_body,
)
from tests.support.sealing import BLIND_INDEX
from tests.support.trail import trail
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.holdings.states import Began
from unbind_broker.holdings.tables import holdings
from unbind_broker.orders.tables import orders
from unbind_broker.platforms.service import suspend

RESTORABLE = "2026-12-20T00:00:00Z"
WHY = {"reason": "the holder still uses this account"}


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo", "zhihu") as there:
        yield there


def unbound(order_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": order_id,
        "outcome": "unbound",
        "removed": 1,
        "last_bound_at": "2024-05-01T00:00:00Z",
        "restorable_until": RESTORABLE,
        **changes,
    }


def refused(order_id: str) -> dict[str, Any]:
    return {"id": order_id, "outcome": "refused", "reason": "legal_hold"}


async def an_order(scene: Scene, **changes: Any) -> str:
    made = await scene.post("/v1/orders", order_body(**changes))
    assert made.status_code == 202
    order_id: str = made.json()["id"]
    return order_id


def statuses(order: dict[str, Any]) -> dict[str, str]:
    return {item["platform"]: item["status"] for item in order["items"]}


# Cancel


@pytest.mark.parametrize("body", [None, {}])
async def test_an_order_is_cancelled_with_what_is_open(
    scene: Scene, body: object
) -> None:
    order_id = await an_order(scene, reference="R-1")
    await scene.report("weibo", unbound(order_id))
    answer = await scene.http.request(
        "POST",
        f"/v1/orders/{order_id}/cancel",
        headers=scene.carrier_headers,
        json=body,
    )
    assert answer.status_code == 200
    order = answer.json()
    assert (order["id"], order["status"]) == (order_id, "cancelled")
    assert order["completed_at"] is not None
    assert statuses(order) == {"weibo": "unbound", "zhihu": "cancelled"}
    assert [one["reason"] for one in order["items"]] == [None, "by_carrier"]
    assert (await scene.get(f"/v1/orders/{order_id}")).json() == order


async def test_cancelling_again_changes_nothing(
    scene: Scene, clock: FixedClock
) -> None:
    path = f"/v1/orders/{await an_order(scene)}/cancel"
    first = await scene.post(path, {})
    clock.advance(timedelta(minutes=1))
    again = await scene.post(path, {})
    assert (again.status_code, again.json()) == (200, first.json())
    async with scene.engine.connect() as db:
        (fact,) = await trail(db, "order.cancelled")
    assert fact.actor == "carrier:china-mobile"


async def test_a_completed_order_cannot_be_cancelled(scene: Scene) -> None:
    order_id = await an_order(scene)
    await scene.report("weibo", unbound(order_id))
    await scene.report("zhihu", refused(order_id))
    answer = await scene.post(f"/v1/orders/{order_id}/cancel", {})
    assert answer.status_code == 409
    assert answer.json()["code"] == "order-already-completed"
    order = (await scene.get(f"/v1/orders/{order_id}")).json()
    assert order["status"] == "completed"


async def test_only_own_orders_can_be_undone(scene: Scene) -> None:
    order_id = await an_order(scene)
    query = (await scene.post("/v1/queries", query_body())).json()
    disguised = "ord_" + query["id"].removeprefix("qry_")
    stranger = await scene.add_carrier("other")
    for verb, body in (("cancel", {}), ("restore", WHY)):
        for found in (
            await scene.post(f"/v1/orders/{order_id}/{verb}", body, stranger),
            await scene.post(f"/v1/orders/{query['id']}/{verb}", body),
            await scene.post(f"/v1/orders/{disguised}/{verb}", body),
            await scene.post(f"/v1/orders/ord_{'0' * 26}/{verb}", body),
        ):
            assert (found.status_code, found.json()["code"]) == (404, "not-found")
    order = (await scene.get(f"/v1/orders/{order_id}")).json()
    assert order["status"] == "in_progress"


async def test_hidden_orders_are_not_there(scene: Scene) -> None:
    order_id = await an_order(scene)
    async with scene.engine.begin() as db:
        await db.execute(update(orders).values(hidden=True))
    for verb, body in (("cancel", {}), ("restore", WHY)):
        answer = await scene.post(f"/v1/orders/{order_id}/{verb}", body)
        assert answer.status_code == 404


async def test_unknown_fields_are_refused(scene: Scene) -> None:
    order_id = await an_order(scene)
    answer = await scene.post(f"/v1/orders/{order_id}/cancel", {"why": "so"})
    assert answer.status_code == 422
    answer = await scene.post(f"/v1/orders/{order_id}/restore", {})
    assert answer.json()["errors"][0]["pointer"] == "/reason"


async def test_a_result_that_comes_after_is_late(scene: Scene) -> None:
    order_id = await an_order(scene)
    await scene.post(f"/v1/orders/{order_id}/cancel", {})
    await scene.report("weibo", unbound(order_id))
    order = (await scene.get(f"/v1/orders/{order_id}")).json()
    assert order["status"] == "cancelled"
    assert statuses(order) == {"weibo": "unbound", "zhihu": "cancelled"}
    assert order["items"][0]["late"]


async def test_every_sensitive_part_of_a_cancelled_order_is_finished(
    scene: Scene,
) -> None:
    await scene.add_platform("dating", sensitive=True)
    order_id = await an_order(scene)
    order = (await scene.post(f"/v1/orders/{order_id}/cancel", {})).json()
    assert order["sensitive"] == {"total": 1, "finished": 1}


# Restore


async def restore(
    scene: Scene,
    order_id: str,
    platforms: list[str] | None = None,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    body = WHY if platforms is None else {**WHY, "platforms": platforms}
    return await scene.post(f"/v1/orders/{order_id}/restore", body, headers)


async def test_what_was_detached_is_asked_to_be_attached_again(
    scene: Scene,
) -> None:
    order_id = await an_order(scene, reference="R-1")
    await scene.report("weibo", unbound(order_id))
    await scene.report("zhihu", refused(order_id))
    answer = await restore(scene, order_id)
    assert answer.status_code == 202
    made = answer.json()
    assert answer.headers["location"] == f"/v1/orders/{made['id']}"
    assert (made["kind"], made["status"]) == ("restore", "in_progress")
    assert statuses(made) == {"weibo": "queued"}
    assert made["deadline"] == "2026-11-27T15:59:59Z"
    assert (await scene.get(f"/v1/orders/{made['id']}")).json() == made
    await scene.report("weibo", {"id": made["id"], "outcome": "restored"})
    done = (await scene.get(f"/v1/orders/{made['id']}")).json()
    assert (done["status"], statuses(done)) == ("completed", {"weibo": "restored"})
    original = (await scene.get(f"/v1/orders/{order_id}")).json()
    assert statuses(original) == {"weibo": "unbound", "zhihu": "refused"}


@pytest.mark.parametrize("outcome", ["restored", "not_bound", "refused"])
async def test_a_restore_ends_in_one_of_three_ways(scene: Scene, outcome: str) -> None:
    order_id = await an_order(scene)
    await scene.report("weibo", unbound(order_id))
    made = (await restore(scene, order_id)).json()
    line = {"id": made["id"], "outcome": outcome}
    if outcome == "refused":
        line["reason"] = "legal_hold"
    answer = await scene.report("weibo", line)
    assert answer.json()["results"][0]["status"] == "recorded"
    done = (await scene.get(f"/v1/orders/{made['id']}")).json()
    assert (done["status"], statuses(done)) == ("completed", {"weibo": outcome})


@pytest.mark.parametrize(("seconds", "status"), [(-1, 202), (0, 409), (1, 409)])
async def test_the_window_to_restore_ends_to_the_second(
    scene: Scene, clock: FixedClock, seconds: int, status: int
) -> None:
    order_id = await an_order(scene)
    until = NOON + timedelta(days=2)
    line = unbound(order_id, restorable_until=until.isoformat())
    await scene.report("weibo", line)
    clock.set(until + timedelta(seconds=seconds))
    answer = await restore(scene, order_id)
    assert answer.status_code == status
    named = await restore(scene, order_id, ["weibo"])
    assert named.status_code == (202 if status == 202 else 422)


@pytest.mark.parametrize(
    ("line", "restorable"),
    [
        ({"outcome": "unbound", "removed": 1}, True),
        (
            {
                "outcome": "partly_unbound",
                "removed": 1,
                "kept": 1,
                "reason": "legal_hold",
            },
            True,
        ),
        ({"outcome": "not_bound"}, False),
        ({"outcome": "refused", "reason": "legal_hold"}, False),
        ({"outcome": "in_progress"}, False),
        ({"outcome": "acknowledged"}, False),
    ],
)
async def test_only_what_was_detached_is_restored(
    scene: Scene, line: dict[str, Any], *, restorable: bool
) -> None:
    order_id = await an_order(scene)
    told = dict(line)
    if restorable:
        told |= {
            "last_bound_at": "2024-05-01T00:00:00Z",
            "restorable_until": RESTORABLE,
        }
    reported = await scene.report("weibo", {"id": order_id, **told})
    assert reported.json()["results"][0]["status"] == "recorded"
    assert (await restore(scene, order_id)).status_code == (202 if restorable else 409)
    named = await restore(scene, order_id, ["weibo"])
    assert named.status_code == (202 if restorable else 422)


async def test_nothing_is_left_to_restore_without_a_promise(scene: Scene) -> None:
    order_id = await an_order(scene)
    line = unbound(order_id)
    del line["restorable_until"]
    await scene.report("weibo", line)
    answer = await restore(scene, order_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing-to-restore")
    async with scene.engine.connect() as db:
        found = await db.execute(select(func.count()).select_from(orders))
        assert found.scalar_one() == 1


async def test_a_cancelled_order_can_be_restored_where_it_was_done(
    scene: Scene,
) -> None:
    order_id = await an_order(scene)
    await scene.report("weibo", unbound(order_id))
    await scene.post(f"/v1/orders/{order_id}/cancel", {})
    assert statuses((await restore(scene, order_id)).json()) == {"weibo": "queued"}


async def test_a_restore_order_can_be_cancelled_and_not_restored(
    scene: Scene,
) -> None:
    order_id = await an_order(scene)
    await scene.report("weibo", unbound(order_id))
    made = (await restore(scene, order_id)).json()
    answer = await restore(scene, made["id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing-to-restore")
    answer = await scene.post(f"/v1/orders/{made['id']}/cancel", {})
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")


async def test_what_cannot_be_restored_is_refused_in_the_same_words(
    scene: Scene,
) -> None:
    await scene.add_platform("dating", sensitive=True)
    order_id = await an_order(scene)
    await scene.report("weibo", refused(order_id))
    await scene.report("zhihu", unbound(order_id))
    await scene.report("dating", unbound(order_id))
    named = ["zhihu", "weibo", "dating", "nobody"]
    answer = await restore(scene, order_id, named)
    assert (answer.status_code, answer.json()["code"]) == (422, "not-restorable")
    errors = {one["pointer"]: one["detail"] for one in answer.json()["errors"]}
    assert errors == {
        f"/platforms/{place}": f"nothing of this order can be attached again at {slug}"
        for place, slug in enumerate(named)
        if slug != "zhihu"
    }
    made = await restore(scene, order_id, ["zhihu"])
    assert statuses(made.json()) == {"zhihu": "queued"}
    assert made.json()["sensitive"] == {"total": 0, "finished": 0}


@pytest.mark.parametrize("platforms", [[], ["weibo", "weibo"]])
async def test_platforms_are_named_once(scene: Scene, platforms: list[str]) -> None:
    order_id = await an_order(scene)
    await scene.report("weibo", unbound(order_id))
    answer = await restore(scene, order_id, platforms)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation-failed")
    assert answer.json()["errors"][0]["pointer"] == "/platforms"


@pytest.mark.parametrize("outcome", ["unbound", "not_bound", "refused", None])
async def test_a_restore_tells_nothing_of_what_sensitive_platforms_answered(
    scene: Scene, outcome: str | None
) -> None:
    await scene.add_platform("dating", sensitive=True)
    order_id = await an_order(scene)
    await scene.report("weibo", unbound(order_id))
    await scene.report("dating", {"id": order_id, "outcome": "acknowledged"})
    line = {
        "unbound": unbound(order_id),
        "not_bound": {"id": order_id, "outcome": "not_bound"},
        "refused": refused(order_id),
        None: {"id": order_id, "outcome": "acknowledged"},
    }[outcome]
    await scene.report("dating", line)
    made = (await restore(scene, order_id)).json()
    assert statuses(made) == {"weibo": "queued"}
    assert made["sensitive"] == {"total": 1, "finished": 0}


async def test_sensitive_platforms_that_were_never_asked_are_not_told(
    scene: Scene,
) -> None:
    await scene.add_platform("dating", sensitive=True)
    order_id = await an_order(scene)
    await scene.report("weibo", unbound(order_id))
    made = (await restore(scene, order_id)).json()
    assert made["sensitive"] == {"total": 0, "finished": 0}


async def test_platforms_that_get_no_items_now_are_left_out(scene: Scene) -> None:
    order_id = await an_order(scene)
    await scene.report("weibo", unbound(order_id))
    await scene.report("zhihu", unbound(order_id))
    async with scene.engine.begin() as db:
        await suspend(db, NOON, "zhihu", "test")
    assert statuses((await restore(scene, order_id)).json()) == {"weibo": "queued"}
    named = await restore(scene, order_id, ["zhihu"])
    assert (named.status_code, named.json()["code"]) == (422, "platform-unavailable")


async def test_a_number_that_is_somebody_elses_is_not_attached_again(
    scene: Scene,
) -> None:
    order_id = await an_order(scene)
    await scene.report("weibo", unbound(order_id))
    later = {
        "number_index": BLIND_INDEX.index(PhoneNumber(NUMBER)),
        "carrier_id": scene.carrier.id,
        "since": (NOON - timedelta(days=1)).date(),
        "began": Began.ACTIVATED,
        "confirmed_at": NOON,
        "recorded_at": NOON,
    }
    async with scene.engine.begin() as db:
        await db.execute(insert(holdings), [later])
    answer = await restore(scene, order_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "ownership-superseded")
    async with scene.engine.begin() as db:
        await db.execute(update(holdings).values(retracted_at=NOON))
    assert (await restore(scene, order_id)).status_code == 202


async def test_the_same_request_again_gets_the_first_answer(scene: Scene) -> None:
    order_id = await an_order(scene)
    await scene.report("weibo", unbound(order_id))
    key = {"Idempotency-Key": "once"}
    first = await restore(scene, order_id, headers=key)
    again = await restore(scene, order_id, headers=key)
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    other = await restore(scene, order_id, ["weibo"], key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


async def test_a_caller_may_wait_for_the_end(scene: Scene) -> None:
    order_id = await an_order(scene)
    await scene.report("weibo", unbound(order_id))
    answer = await restore(scene, order_id, headers={"Prefer": "wait=0"})
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "wait=0"


async def test_the_reason_is_kept_in_the_trail_only(scene: Scene) -> None:
    order_id = await an_order(scene)
    await scene.report("weibo", unbound(order_id))
    body = {"reason": f"holder of {NUMBER} complained"}
    answer = await scene.post(f"/v1/orders/{order_id}/restore", body)
    assert "complained" not in answer.text
    async with scene.engine.connect() as db:
        (fact,) = await trail(db, "order.restore_asked")
    assert fact.actor == "carrier:china-mobile"
    assert fact.facts == {
        "restore": answer.json()["id"],
        "reason": "holder of +**** complained",
        "platforms": 1,
    }


async def test_a_restore_without_a_reason_in_words_is_refused(scene: Scene) -> None:
    order_id = await an_order(scene)
    await scene.report("weibo", unbound(order_id))
    for reason in ("", "  ", "x" * 201, None):
        answer = await scene.post(f"/v1/orders/{order_id}/restore", {"reason": reason})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/reason"
