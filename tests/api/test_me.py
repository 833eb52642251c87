from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.api.registry import Parties
from tests.support.app import a_runtime, bearer, in_process
from tests.support.builders import a_key, a_platform, an_endpoint
from tests.support.clock import FixedClock


async def test_carrier_sees_itself(api: AsyncClient, parties: Parties) -> None:
    me = (await api.get("/v1/me", headers=parties.mobile)).json()
    key = me["key"]
    assert me == {
        "role": "carrier",
        "sandbox": False,
        "carrier": {
            "slug": "china-mobile",
            "name_zh": "china-mobile 运营商",
            "name_en": "china-mobile carrier",
            "status": "active",
        },
        "platform": None,
        "key": {
            "id": key["id"],
            "name": "mobile",
            "hint": parties.mobile["Authorization"][-4:],
            "created_at": "2026-11-20T04:00:00Z",
            "expires_at": None,
        },
        "rate_limit": {"per_second": 100.0, "burst": 500},
        "endpoint": None,
    }


async def test_platform_sees_its_endpoint(
    api: AsyncClient, engine: AsyncEngine
) -> None:
    async with engine.begin() as db:
        platform = await a_platform(db, "jd")
        await an_endpoint(db, platform, verified=False)
        key = await a_key(db, platform)
    me = (await api.get("/v1/me", headers=bearer(key))).json()
    assert (me["role"], me["carrier"]) == ("platform", None)
    assert me["platform"]["slug"] == "jd"
    assert me["endpoint"]["status"] == "unverified"
    assert me["endpoint"]["url"] == "https://hooks.jd.com/unbind"
    assert "secret" not in me["endpoint"]


async def test_administrators_and_auditors_are_no_party(
    api: AsyncClient, parties: Parties
) -> None:
    for role, headers in (("admin", parties.admin), ("auditor", parties.auditor)):
        me = (await api.get("/v1/me", headers=headers)).json()
        assert me["role"] == role
        assert (me["carrier"], me["platform"], me["endpoint"]) == (None, None, None)


async def test_suspended_party_is_told_so(api: AsyncClient, parties: Parties) -> None:
    await api.post("/v1/admin/platforms/weibo/suspend", headers=parties.admin)
    me = await api.get("/v1/me", headers=parties.weibo)
    assert (me.status_code, me.json()["platform"]["status"]) == (200, "suspended")


async def test_rate_is_that_of_the_settings(
    engine: AsyncEngine, clock: FixedClock, parties: Parties
) -> None:
    runtime = a_runtime(engine, clock, carrier_rate="2/s", carrier_burst=3)
    async with in_process(runtime) as api:
        answers = [await api.get("/v1/me", headers=parties.mobile) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0].json()["rate_limit"] == {"per_second": 2.0, "burst": 3}
    assert int(answers[3].headers["retry-after"]) >= 1


async def test_stranger_is_told_how_to_call(api: AsyncClient) -> None:
    answer = await api.get("/v1/me")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
