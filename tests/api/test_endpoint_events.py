"""How endpoints fare, as their owners and administrators read it."""

from datetime import timedelta

from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.api.registry import Parties
from tests.support.app import bearer
from tests.support.builders import a_carrier, a_key, a_platform, an_endpoint
from tests.support.clock import NOON
from unbind_broker.endpoints import health_store, service
from unbind_broker.endpoints.health import Condition, Health, HealthEventKind

OWN, ALL = "/v1/endpoint/events", "/v1/admin/endpoint-events"
OPEN = Health(
    Condition.OPEN,
    since=NOON,
    open_until=NOON + timedelta(seconds=30),
    opened=1,
    failing_since=NOON,
    failures=10,
    last_error="answered 503",
)


async def two_parties(engine: AsyncEngine) -> dict[str, dict[str, str]]:
    """A platform whose circuit is open, and a carrier whose endpoint was disabled."""
    async with engine.begin() as db:
        platform = await a_platform(db, "jd")
        jd = (await an_endpoint(db, platform)).endpoint
        carrier = await a_carrier(db, "china-unicom")
        unicom = (await an_endpoint(db, carrier)).endpoint
        for place, kind in enumerate((HealthEventKind.DEGRADED, HealthEventKind.OPEN)):
            at = NOON + timedelta(seconds=place)
            await health_store.note(db, jd.id, kind, at, "answered 503")
        at, gone = NOON + timedelta(seconds=9), "answered 410 Gone"
        await health_store.note(db, unicom.id, HealthEventKind.DISABLED, at, gone)
        await health_store.save(db, {jd.id: OPEN})
        return {
            "jd": bearer(await a_key(db, platform)),
            "unicom": bearer(await a_key(db, carrier)),
        }


async def test_owner_sees_how_its_endpoint_fares(
    api: AsyncClient, engine: AsyncEngine
) -> None:
    keys = await two_parties(engine)
    endpoint = (await api.get("/v1/endpoint", headers=keys["jd"])).json()
    assert endpoint["health"] == {
        "condition": "open",
        "since": "2026-11-20T04:00:00Z",
        "open_until": "2026-11-20T04:00:30Z",
        "last_success_at": None,
        "failing_since": "2026-11-20T04:00:00Z",
        "failures": 10,
        "last_error": "answered 503",
    }
    found = (await api.get(OWN, headers=keys["jd"])).json()
    assert [one["kind"] for one in found["data"]] == ["open", "degraded"]
    assert found["data"][0]["id"].startswith("evt_")
    assert found["data"][0]["at"] == "2026-11-20T04:00:01Z"
    assert found["next_cursor"] is None
    theirs = (await api.get(OWN, headers=keys["unicom"])).json()
    assert [one["detail"] for one in theirs["data"]] == ["answered 410 Gone"]


async def test_administrators_see_all_in_pages(
    api: AsyncClient, engine: AsyncEngine, parties: Parties
) -> None:
    await two_parties(engine)
    first = await api.get(f"{ALL}?limit=2", headers=parties.admin)
    rows = [
        (one["kind"], one["platform"], one["carrier"]) for one in first.json()["data"]
    ]
    assert rows == [("disabled", None, "china-unicom"), ("open", "jd", None)]
    cursor = first.json()["next_cursor"]
    rest = await api.get(f"{ALL}?limit=2&cursor={cursor}", headers=parties.admin)
    assert [one["kind"] for one in rest.json()["data"]] == ["degraded"]
    assert rest.json()["next_cursor"] is None


async def test_only_owners_and_administrators_read(
    api: AsyncClient, engine: AsyncEngine, parties: Parties
) -> None:
    keys = await two_parties(engine)
    assert (await api.get(OWN, headers=parties.admin)).status_code == 403
    assert (await api.get(ALL, headers=keys["jd"])).status_code == 403
    assert (await api.get(OWN, headers=parties.weibo)).status_code == 404
    assert (await api.get(f"{OWN}?cursor=x", headers=keys["jd"])).status_code == 422


async def test_putting_to_use_anew_forgets_what_was_known(
    api: AsyncClient, engine: AsyncEngine
) -> None:
    keys = await two_parties(engine)
    paused = await api.post("/v1/endpoint/pause", headers=keys["jd"])
    assert paused.json()["health"]["condition"] == "open"
    resumed = await api.post("/v1/endpoint/resume", headers=keys["jd"])
    assert resumed.json()["health"] is None
    endpoint = (await api.get("/v1/endpoint", headers=keys["jd"])).json()
    assert endpoint["health"] is None


async def test_an_endpoint_that_fetches_shows_no_health(
    api: AsyncClient, engine: AsyncEngine
) -> None:
    keys = await two_parties(engine)
    choice = {"delivery": "pull"}
    put = await api.put("/v1/endpoint", json=choice, headers=keys["jd"])
    assert (put.status_code, put.json()["health"]) == (200, None)
    endpoint = (await api.get("/v1/endpoint", headers=keys["jd"])).json()
    assert endpoint["health"] is None


async def test_verifying_a_disabled_endpoint_is_told_as_recovery(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as db:
        made = await an_endpoint(db, await a_platform(db, "jd"), disabled="gone")
        endpoint = made.endpoint
        await service.mark_verified(
            db, NOON, endpoint.owner, str(endpoint.url), "platform:1"
        )
        told = await health_store.list_events(db, endpoint.id, None, 9)
    assert {one.kind for one in told} == {
        HealthEventKind.DISABLED,
        HealthEventKind.RECOVERED,
    }


async def test_old_events_are_forgotten(engine: AsyncEngine) -> None:
    await two_parties(engine)
    async with engine.begin() as db:
        assert await health_store.prune_events(db, NOON + timedelta(seconds=1), 9) == 1
        left = await health_store.list_events(db, None, None, 9)
    assert [one.kind for one in left] == [
        HealthEventKind.DISABLED,
        HealthEventKind.OPEN,
    ]
