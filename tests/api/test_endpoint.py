"""What owners and administrators do with endpoints; nothing is posted here."""

from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.api.registry import Headers, Parties
from tests.support.app import a_runtime, bearer, in_process
from tests.support.builders import a_key, a_platform, an_endpoint
from tests.support.clock import FixedClock
from unbind_broker.endpoints.states import Delivery, PausedBy

URL = "/v1/endpoint"
HOOK = "https://hooks.weibo.com/unbind"
NEW_HOOK = "https://new.weibo.com/unbind"
PUBLIC_KEY = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="


async def put(api: AsyncClient, headers: Headers, **body: object) -> Any:
    return (await api.put(URL, headers=headers, json=body)).json()


async def jd_with(engine: AsyncEngine, **endpoint: Any) -> Headers:
    """The platform ``jd`` with an endpoint like this."""
    async with engine.begin() as db:
        platform = await a_platform(db, "jd")
        await an_endpoint(db, platform, **endpoint)
        return bearer(await a_key(db, platform))


async def test_first_registration_answers_the_secret_this_once(
    api: AsyncClient, parties: Parties
) -> None:
    made = await api.put(URL, headers=parties.weibo, json={"url": HOOK})
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    endpoint = made.json()
    secret = endpoint.pop("secret")
    assert secret.startswith("whsec_")
    assert endpoint == {
        "status": "unverified",
        "delivery": "push",
        "url": HOOK,
        "pending_url": None,
        "max_batch": 50,
        "max_concurrency": 4,
        "max_rate": None,
        "result_public_key": None,
        "event_types": None,
        "paused_by": None,
        "disabled_reason": None,
        "health": None,
        "verified_at": None,
        "previous_secret_until": None,
        "created_at": "2026-11-20T04:00:00Z",
        "changed_at": "2026-11-20T04:00:00Z",
    }
    found = await api.get(URL, headers=parties.weibo)
    assert (found.status_code, found.json()) == (200, endpoint)


async def test_later_registrations_replace_everything_without_the_secret(
    api: AsyncClient, parties: Parties
) -> None:
    chosen = {
        "max_batch": 500,
        "max_concurrency": 64,
        "max_rate": 10000,
        "result_public_key": PUBLIC_KEY,
        "event_types": ["unbind.requested"],
    }
    first = await put(api, parties.weibo, url=HOOK, **chosen)
    assert {name: first[name] for name in chosen} == chosen
    again = await api.put(URL, headers=parties.weibo, json={"url": HOOK})
    assert again.status_code == 200
    assert "secret" not in again.json()
    defaults = [again.json()[name] for name in chosen]
    assert defaults == [50, 4, None, None, None]


async def test_new_url_of_a_verified_endpoint_is_pending(
    api: AsyncClient, engine: AsyncEngine
) -> None:
    jd = await jd_with(engine, url=HOOK)
    moved = await put(api, jd, url=NEW_HOOK)
    assert (moved["status"], moved["url"]) == ("active", HOOK)
    assert moved["pending_url"] == NEW_HOOK


async def test_pull_is_active_at_once(api: AsyncClient, parties: Parties) -> None:
    made = await api.put(URL, headers=parties.weibo, json={"delivery": "pull"})
    assert made.status_code == 201
    assert (made.json()["status"], made.json()["url"]) == ("active", None)
    assert "secret" not in made.json()


async def test_push_turns_to_pull_and_back(api: AsyncClient, parties: Parties) -> None:
    await put(api, parties.weibo, delivery="pull")
    push = await api.put(URL, headers=parties.weibo, json={"url": HOOK})
    assert push.status_code == 200
    assert push.json()["secret"].startswith("whsec_")
    assert (push.json()["delivery"], push.json()["pending_url"]) == ("pull", HOOK)
    pull = await put(api, parties.weibo, delivery="pull")
    assert (pull["delivery"], pull["pending_url"]) == ("pull", None)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/url"),
        ({"url": None}, "/url"),
        ({"url": HOOK, "delivery": "pull"}, "/url"),
        ({"url": HOOK, "delivery": "carrier-pigeon"}, "/delivery"),
        ({"url": HOOK, "max_batch": 0}, "/max_batch"),
        ({"url": HOOK, "max_batch": 501}, "/max_batch"),
        ({"url": HOOK, "max_batch": "50"}, "/max_batch"),
        ({"url": HOOK, "max_batch": 1.5}, "/max_batch"),
        ({"url": HOOK, "max_batch": True}, "/max_batch"),
        ({"url": HOOK, "max_concurrency": 65}, "/max_concurrency"),
        ({"url": HOOK, "max_rate": 0}, "/max_rate"),
        ({"url": HOOK, "max_rate": 10000.5}, "/max_rate"),
        ({"url": HOOK, "result_public_key": "whpk_AAAA"}, "/result_public_key"),
        ({"url": HOOK, "result_public_key": ""}, "/result_public_key"),
        ({"url": HOOK, "event_types": []}, "/event_types"),
        ({"url": HOOK, "event_types": ["unbind.please"]}, "/event_types/0"),
        ({"url": HOOK, "event_types": ["order.completed"]}, "/event_types/0"),
        ({"url": HOOK, "secret": "whsec_mine"}, "/secret"),
        ({"url": HOOK, "status": "active"}, "/status"),
    ],
)
async def test_wrong_choice_is_pointed_at(
    api: AsyncClient, parties: Parties, body: dict[str, object], pointer: str
) -> None:
    refused = await api.put(URL, headers=parties.weibo, json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "validation-failed")
    assert refused.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("rate", ["NaN", "Infinity"])
async def test_rate_is_a_number(api: AsyncClient, parties: Parties, rate: str) -> None:
    headers = {**parties.weibo, "Content-Type": "application/json"}
    body = f'{{"url": "{HOOK}", "max_rate": {rate}}}'
    refused = await api.put(URL, headers=headers, content=body)
    assert refused.status_code in {400, 422}


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.weibo.com/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://user:word@hooks.weibo.com/",
        "https://hooks.weibo.com:22/",
        "https://hooks.weibo.com/#here",
        "ftp://hooks.weibo.com/",
        "hooks.weibo.com",
        "",
    ],
)
async def test_url_that_could_lead_inside_is_refused(
    engine: AsyncEngine, clock: FixedClock, parties: Parties, url: str
) -> None:
    runtime = a_runtime(engine, clock, allow_private_endpoints=False)
    async with in_process(runtime) as api:
        refused = await api.put(URL, headers=parties.weibo, json={"url": url})
    assert refused.status_code == 422
    assert refused.json()["code"] in {"endpoint-url-refused", "validation-failed"}


async def test_carrier_registers_with_its_own_events(
    api: AsyncClient, parties: Parties
) -> None:
    body = {"url": "https://cb.mobile.cn/", "event_types": ["order.completed"]}
    made = await api.put(URL, headers=parties.mobile, json=body)
    assert (made.status_code, made.json()["status"]) == (201, "unverified")


async def test_endpoint_that_is_not_registered_is_not_found(
    api: AsyncClient, parties: Parties
) -> None:
    missing = await api.get(URL, headers=parties.weibo)
    assert missing.json()["detail"] == "weibo has registered no endpoint"
    for verb in ("verify", "test", "rotate-secret", "pause", "resume"):
        missing = await api.post(f"{URL}/{verb}", headers=parties.weibo)
        assert (missing.status_code, missing.json()["code"]) == (404, "not-found")


async def test_administrators_and_auditors_have_no_endpoint(
    api: AsyncClient, parties: Parties
) -> None:
    for headers in (parties.admin, parties.auditor):
        refused = await api.get(URL, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "wrong-role")


async def test_suspended_platform_manages_nothing(
    api: AsyncClient, parties: Parties
) -> None:
    await api.post("/v1/admin/platforms/weibo/suspend", headers=parties.admin)
    refused = await api.put(URL, headers=parties.weibo, json={"url": HOOK})
    assert (refused.status_code, refused.json()["code"]) == (403, "suspended")


async def test_rotated_secret_is_told_once_with_the_end_of_the_old_one(
    api: AsyncClient, engine: AsyncEngine
) -> None:
    jd = await jd_with(engine)
    rotated = await api.post(f"{URL}/rotate-secret", headers=jd)
    assert rotated.status_code == 200
    assert rotated.headers["cache-control"] == "no-store"
    assert rotated.json()["secret"].startswith("whsec_")
    assert rotated.json()["previous_secret_until"] == "2026-11-21T04:00:00Z"
    assert "secret" not in (await api.get(URL, headers=jd)).json()


async def test_leaked_secret_is_rotated_without_grace(
    api: AsyncClient, engine: AsyncEngine
) -> None:
    jd = await jd_with(engine)
    body = {"grace_seconds": 0}
    rotated = await api.post(f"{URL}/rotate-secret", headers=jd, json=body)
    assert rotated.json()["previous_secret_until"] is None


@pytest.mark.parametrize("grace", [-1, 604_801, "1", None, 1.5])
async def test_wrong_grace_is_refused(
    api: AsyncClient, engine: AsyncEngine, grace: object
) -> None:
    jd = await jd_with(engine)
    body = {"grace_seconds": grace}
    refused = await api.post(f"{URL}/rotate-secret", headers=jd, json=body)
    assert refused.json()["errors"][0]["pointer"] == "/grace_seconds"


async def test_pull_has_nothing_to_verify_test_or_sign(
    api: AsyncClient, engine: AsyncEngine
) -> None:
    jd = await jd_with(engine, delivery=Delivery.PULL)
    for verb in ("verify", "test", "rotate-secret"):
        refused = await api.post(f"{URL}/{verb}", headers=jd)
        assert (refused.status_code, refused.json()["code"]) == (
            409,
            "endpoint-is-pull",
        )


async def test_owner_pauses_and_resumes(api: AsyncClient, engine: AsyncEngine) -> None:
    jd = await jd_with(engine)
    for _ in range(2):
        paused = await api.post(f"{URL}/pause", headers=jd)
        assert paused.status_code == 200
        assert (paused.json()["status"], paused.json()["paused_by"]) == (
            "paused",
            "owner",
        )
    for _ in range(2):
        resumed = await api.post(f"{URL}/resume", headers=jd)
        assert (resumed.json()["status"], resumed.json()["paused_by"]) == (
            "active",
            None,
        )


@pytest.mark.parametrize("verb", ["pause", "resume"])
@pytest.mark.parametrize(
    ("endpoint", "code"),
    [
        ({"verified": False}, "endpoint-not-verified"),
        ({"disabled": "answered 410 Gone"}, "endpoint-disabled"),
    ],
)
async def test_what_does_not_run_is_neither_paused_nor_resumed(
    api: AsyncClient,
    engine: AsyncEngine,
    parties: Parties,
    verb: str,
    endpoint: dict[str, object],
    code: str,
) -> None:
    jd = await jd_with(engine, **endpoint)
    admin = f"/v1/admin/endpoints/jd/{verb}"
    for answer in (
        await api.post(f"{URL}/{verb}", headers=jd),
        await api.post(admin, headers=parties.admin),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, code)


async def test_only_the_side_that_paused_resumes(
    api: AsyncClient, engine: AsyncEngine, parties: Parties
) -> None:
    jd = await jd_with(engine, paused_by=PausedBy.OWNER)
    admin = "/v1/admin/endpoints/jd"
    refused = await api.post(f"{admin}/resume", headers=parties.admin)
    assert (refused.status_code, refused.json()["code"]) == (
        409,
        "paused-by-other-side",
    )
    taken_over = await api.post(f"{admin}/pause", headers=parties.admin)
    assert taken_over.json()["paused_by"] == "admin"
    for verb in ("pause", "resume"):
        refused = await api.post(f"{URL}/{verb}", headers=jd)
        assert refused.json()["code"] == "paused-by-other-side"
    resumed = await api.post(f"{admin}/resume", headers=parties.admin)
    assert (resumed.status_code, resumed.json()["status"]) == (200, "active")


async def test_administrators_see_every_endpoint(
    api: AsyncClient, engine: AsyncEngine, parties: Parties
) -> None:
    await jd_with(engine)
    await put(api, parties.mobile, url="https://cb.mobile.cn/")
    first = await api.get("/v1/admin/endpoints?limit=1", headers=parties.admin)
    cursor = first.json()["next_cursor"]
    second = await api.get(
        f"/v1/admin/endpoints?cursor={cursor}", headers=parties.admin
    )
    seen = [
        (one["platform"], one["carrier"], one["status"])
        for one in first.json()["data"] + second.json()["data"]
    ]
    assert seen == [("jd", None, "active"), (None, "china-mobile", "unverified")]
    assert "secret" not in first.text.replace("previous_secret_until", "")
    one = await api.get("/v1/admin/endpoints/jd", headers=parties.admin)
    assert one.json() == first.json()["data"][0]


@pytest.mark.parametrize("slug", ["nobody", "weibo", "We"])
async def test_platform_without_endpoint_is_not_found(
    api: AsyncClient, parties: Parties, slug: str
) -> None:
    path = f"/v1/admin/endpoints/{slug}"
    calls = [
        await api.get(path, headers=parties.admin),
        await api.post(f"{path}/pause", headers=parties.admin),
        await api.post(f"{path}/resume", headers=parties.admin),
    ]
    assert [call.status_code for call in calls] == [404] * 3
