"""Carriers read what came of each number, and administrators override it."""

import csv
import io
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import CursorResult, TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import on_a_port
from tests.support.clearings import (
    USUAL_WAVES,
    a_draft,
    a_published,
    id_of,
    number,
    shown,
)
from tests.support.clock import FixedClock
from tests.support.findings import (
    an_admin,
    has_found,
    is_done,
    read_all,
    refused,
    results,
    set_category,
    unbound,
)
from tests.support.order_api import Scene, a_scene
from tests.support.sealing import BLIND_INDEX, SEALER
from tests.support.trail import trail
from unbind_broker.api.context import MOST_FEEDS
from unbind_broker.app.factory import create_app
from unbind_broker.base.database import Db
from unbind_broker.base.ids import Prefix, parse_id
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.clearances.release import Gate, NumberState
from unbind_broker.clearances.results import read_on
from unbind_broker.clearances.sealed_numbers import seal_number
from unbind_broker.deadlines.waving import publish_due
from unbind_broker.notices.clearing import end_done
from unbind_broker.runtime.opening import Runtime

FREEZE_ENDS = "2026-11-17T16:00:00Z"  # 90 days from the beginning of 2026-08-20


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    """``icbc`` is a bank: it holds numbers back until it is done with them."""
    async with a_scene(engine, clock, "icbc", "weibo", clearance_first_wave=3) as made:
        await set_category(made, "icbc", "bank")
        yield made


async def end_overdue(scene: Scene) -> int:
    async with scene.engine.begin() as db:
        return await end_done(db, scene.clock.now(), 10)


def brief(row: dict[str, Any]) -> tuple[str, bool, str | None]:
    return row["state"], row["release"], row["hold_until"]


async def test_a_clean_number_is_released_when_its_freeze_ends(scene: Scene) -> None:
    path = await a_published(scene, [1, 2])
    await is_done(scene, "icbc", path)
    await is_done(scene, "weibo", path, unbound(2))
    first, second = await results(scene, path)
    assert first == {
        "place": 1,
        "number": number(1),
        "disconnected_on": "2026-08-20",
        "state": "clean",
        "release": True,
        "hold_until": FREEZE_ENDS,
        "overridden": False,
        "blocked_by": [],
        "missing": [],
    }
    assert brief(second) == ("clean", True, FREEZE_ENDS)


async def test_a_critical_platform_holds_back_for_good_others_until_the_deadline(
    scene: Scene,
) -> None:
    path = await a_published(scene, [1, 2, 3])
    await is_done(scene, "icbc", path, refused(1))
    await read_all(scene, "weibo", path)
    await has_found(scene, "weibo", path, refused(2, "other", detail="a gang"))
    deadline = (await shown(scene, path))["deadline"]
    rows = await results(scene, path)
    assert [brief(row) for row in rows] == [
        ("blocked", False, None),
        ("blocked", False, deadline),
        ("partial", False, deadline),
    ]
    assert rows[0]["blocked_by"] == [
        {
            "platform": "icbc",
            "category": "bank",
            "outcome": "refused",
            "reason": "legal_hold",
            "detail": None,
            "critical": True,
        }
    ]
    assert rows[1]["blocked_by"][0]["detail"] == "a gang"
    assert [row["missing"] for row in rows] == [["weibo"]] * 3
    scene.clock.advance(timedelta(days=10))
    assert await end_overdue(scene) == 1
    rows = await results(scene, path)
    assert [row["release"] for row in rows] == [False, True, True]
    view = await shown(scene, path)
    assert view["status"] == "completed"
    overdue = {one["platform"]: one["overdue"] for one in view["platforms"]}
    assert overdue == {"icbc": False, "weibo": True}
    assert view["summary"] == {
        "total": 3,
        "clean": 0,
        "blocked": 2,
        "partial": 1,
        "withdrawn": 0,
    }


async def test_whoever_found_a_number_in_use_holds_it_back_whatever_its_category(
    scene: Scene,
) -> None:
    path = await a_published(scene, [1, 2])
    await is_done(scene, "icbc", path)
    in_use, kept = refused(1, "active_after_cutoff"), refused(2, "legal_hold")
    await is_done(scene, "weibo", path, in_use, kept)
    first, second = await results(scene, path)
    assert brief(first) == ("blocked", False, None)
    assert first["blocked_by"][0]["critical"]
    assert brief(second) == ("blocked", True, FREEZE_ENDS)


async def test_a_critical_platform_that_comes_late_lets_go_after_the_end(
    scene: Scene,
) -> None:
    path = await a_published(scene, [1])
    await is_done(scene, "weibo", path)
    scene.clock.advance(timedelta(days=10))
    await end_overdue(scene)
    (row,) = await results(scene, path)
    assert brief(row) == ("partial", False, None)
    await is_done(scene, "icbc", path)
    (row,) = await results(scene, path)
    assert brief(row) == ("clean", True, FREEZE_ENDS)


async def test_nobody_is_asked_yet_about_a_wave_that_waits(scene: Scene) -> None:
    path = await a_published(scene, range(1, 5))
    for slug in ("icbc", "weibo"):
        await is_done(scene, slug, path)
    assert (await shown(scene, path))["status"] == "in_progress"
    *_, last = await results(scene, path)
    assert (*brief(last), last["missing"]) == ("partial", False, None, [])


async def test_a_withdrawn_number_is_never_released(scene: Scene) -> None:
    path = await a_published(scene, [1, 2])
    scene.clock.advance(timedelta(minutes=1))
    await scene.post(f"{path}/withdraw", {"numbers": [number(1)]})
    for slug in ("icbc", "weibo"):
        await is_done(scene, slug, path)
    first, second = await results(scene, path)
    assert (brief(first), brief(second)[0]) == (("withdrawn", False, None), "clean")
    assert (await shown(scene, path))["summary"] == {
        "total": 2,
        "clean": 1,
        "blocked": 0,
        "partial": 0,
        "withdrawn": 1,
    }


class Interrupted:
    """A connection on which something happens right after one of its statements."""

    def __init__(
        self, db: Db, after: int, happens: Callable[[], Awaitable[Any]]
    ) -> None:
        self._db, self._left, self._happens = db, after, happens

    async def execute(
        self, statement: TextClause, values: dict[str, Any]
    ) -> CursorResult[Any]:
        found = await self._db.execute(statement, values)
        self._left -= 1
        if self._left == 0:
            await self._happens()
        return found


@pytest.mark.parametrize("after", [1, 2, 3, 4])
async def test_whoever_reports_amid_a_page_is_missing_or_stands_in_the_way(
    scene: Scene, after: int
) -> None:
    path = await a_published(scene, [1])
    clearance = id_of(path)
    await is_done(scene, "weibo", path)
    gate = Gate({"bank"}, timedelta(days=90), ZoneInfo("Asia/Shanghai"))
    async with scene.engine.connect() as db:
        amid = Interrupted(db, after, lambda: is_done(scene, "icbc", path, refused(1)))
        now = scene.clock.now()
        (result,) = await read_on(cast("Db", amid), now, clearance, gate, 0, 10)
        assert result.released.state is not NumberState.CLEAN
        (result,) = await read_on(db, now, clearance, gate, 0, 10)
        assert result.released.state is NumberState.BLOCKED


async def test_results_come_as_csv_and_go_on_where_they_broke_off(
    scene: Scene,
) -> None:
    path = await a_published(scene, [1, 2, 3])
    await is_done(scene, "icbc", path, refused(2))
    answer = await scene.get(f"{path}/results", format="csv", after=1)
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["place"] for row in rows] == ["2", "3"]
    assert rows[0]["blocked_by"] == "icbc:legal_hold"
    assert (rows[1]["release"], rows[1]["missing"]) == ("false", "weibo")
    headers = {**scene.carrier_headers, "Accept": "text/csv"}
    asked = await scene.http.get(f"{path}/results", headers=headers)
    assert asked.text.startswith("place,number,disconnected_on,state")


async def test_a_draft_has_no_results_and_another_carriers_are_nobodys(
    scene: Scene,
) -> None:
    answer = await scene.get(f"{await a_draft(scene)}/results")
    assert answer.status_code == 409
    assert answer.json()["code"] == "clearance-not-published"
    path = await a_published(scene, [1])
    headers = await scene.add_carrier("china-unicom")
    other = await scene.http.get(f"{path}/results", headers=headers)
    platform = scene.platform_headers["weibo"]
    wrong = await scene.http.get(f"{path}/results", headers=platform)
    assert (other.status_code, wrong.status_code) == (404, 403)


async def test_an_override_releases_is_shown_and_is_audited(scene: Scene) -> None:
    admin = await an_admin(scene)
    path = await a_published(scene, [1, 2, 3])
    scene.clock.advance(timedelta(minutes=1))
    await scene.post(f"{path}/withdraw", {"numbers": [number(3)]})
    await is_done(scene, "icbc", path, refused(1), refused(2))
    url = path.replace("/v1/", "/v1/admin/")
    body = {"numbers": [number(1), number(3), number(9)], "why": "a letter"}
    told = await scene.http.post(f"{url}/release", json=body, headers=admin)
    assert told.json() == {
        "released": 1,
        "released_before": 0,
        "withdrawn": 1,
        "unknown": 1,
    }
    again = {"places": [1], "why": "a letter"}
    told = await scene.http.post(f"{url}/release", json=again, headers=admin)
    assert told.json()["released_before"] == 1
    rows = await results(scene, path)
    assert [row["release"] for row in rows] == [True, False, False]
    assert [row["overridden"] for row in rows] == [True, False, False]
    assert rows[0]["hold_until"] == FREEZE_ENDS
    async with scene.engine.connect() as db:
        (event,) = await trail(db, "clearance.overridden")
    assert (event.facts["place"], event.facts["why"]) == (1, "a letter")


async def test_an_override_names_numbers_or_places(scene: Scene) -> None:
    admin = await an_admin(scene)
    path = await a_published(scene, [1])
    url = f"{path.replace('/v1/', '/v1/admin/')}/release"
    wrong: list[dict[str, Any]] = [
        {},
        {"numbers": [number(1)], "places": [1]},
        {"numbers": ["x"]},
    ]
    for body in wrong:
        sent = {**body, "why": "a letter"}
        answer = await scene.http.post(url, json=sent, headers=admin)
        assert answer.status_code == 422
    draft = (await a_draft(scene)).replace("/v1/", "/v1/admin/")
    sent = {"places": [1], "why": "a letter"}
    answer = await scene.http.post(f"{draft}/release", json=sent, headers=admin)
    assert answer.status_code == 404
    answer = await scene.post(url, sent)
    assert answer.json()["code"] == "wrong-role"


async def test_a_stopped_clearance_goes_on_with_the_whole_time_once_more(
    scene: Scene,
) -> None:
    admin = await an_admin(scene)
    path = await a_published(scene, [1, 2])
    url = path.replace("/v1/", "/v1/admin/")
    async with scene.engine.begin() as db:
        await db.execute(text("DELETE FROM deliveries"))
        await db.execute(text("UPDATE clearances SET status = 3, stopped_at = now()"))
    (listed,) = (
        await scene.http.get(
            "/v1/admin/clearances", params={"status": "stopped"}, headers=admin
        )
    ).json()["data"]
    assert (listed["id"], listed["platforms"]) == (path.rsplit("/", 1)[-1], 2)
    assert [row["release"] for row in await results(scene, path)] == [False, False]
    before = (await shown(scene, path))["deadline"]
    scene.clock.advance(timedelta(days=3))
    sent = {"why": "the dates are right"}
    first = await scene.http.post(f"{url}/resume", json=sent, headers=admin)
    again = await scene.http.post(f"{url}/resume", json=sent, headers=admin)
    assert [first.json(), again.json()] == [{"resumed": True}, {"resumed": False}]
    view = await shown(scene, path)
    assert (view["status"], view["deadline"] > before) == ("in_progress", True)
    async with scene.engine.connect() as db:
        told = (await db.execute(text("SELECT event, occasion FROM deliveries"))).all()
        (event,) = await trail(db, "clearance.resumed")
    assert [row.event for row in told] == [6, 6]
    assert all(row.occasion is not None for row in told)
    assert event.facts["told"] == 2


async def many_numbers(db: Db, path: str, numbers: int) -> None:
    """Put more numbers into a clearance that was published than its wave had."""
    clearance = parse_id(path.rsplit("/", 1)[-1], Prefix.CLEARANCE)
    rows = []
    for place in range(2, numbers + 1):
        one = PhoneNumber(f"+86138{place:08}")
        index, sealed = BLIND_INDEX.index(one), seal_number(SEALER, one)
        rows.append({"id": clearance, "place": place, "index": index, "sealed": sealed})
    await db.execute(
        text(
            "INSERT INTO clearance_numbers VALUES"
            " (:id, :place, :index, :sealed, '2026-08-20')"
        ),
        rows,
    )


async def test_uploads_leave_room_for_reading_results(
    scene: Scene, runtime: Runtime
) -> None:
    path = await a_published(scene, [1])
    app = create_app(runtime)
    app.state.context.feeds.inside = MOST_FEEDS
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://b") as http:
        answer = await http.get(f"{path}/results", headers=scene.carrier_headers)
        upload = await http.put(
            f"{path}/parts/1",
            content=b"",
            headers={**scene.carrier_headers, "Content-Type": "text/csv"},
        )
    assert (answer.status_code, upload.status_code) == (200, 503)
    assert answer.json()["place"] == 1


async def test_results_are_written_in_constant_memory(
    scene: Scene, runtime: Runtime
) -> None:
    path = await a_published(scene, [1])
    async with scene.engine.begin() as db:
        await many_numbers(db, path, 10_000)

    async def written(http: httpx.AsyncClient, after: int) -> tuple[int, int]:
        """Give the size of a stream, and the most memory that it took."""
        tracemalloc.start()
        size, headers = 0, scene.carrier_headers
        url, query = f"{path}/results", {"after": after}
        async with http.stream("GET", url, params=query, headers=headers) as answer:
            async for piece in answer.aiter_raw():
                size += len(piece)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return size, most

    async with on_a_port(runtime) as http:
        await written(http, 9_900)
        few, little = await written(http, 8_000)
        many, much = await written(http, 0)
    assert many > 4 * few
    assert much < 1.5 * little


async def test_nothing_tells_the_carrier_what_a_sensitive_platform_found(
    scene: Scene,
) -> None:
    await scene.add_platform("tantan", sensitive=True)
    path = await a_published(scene, range(1, 5))
    await read_all(scene, "tantan", path)

    async def seen() -> list[str]:
        paths = (path, f"{path}/results", "/v1/clearances", "/v1/events")
        return [(await scene.get(one)).text for one in paths]

    before = await seen()
    assert (await shown(scene, path))["sensitive"] == {"total": 1, "finished": 1}
    in_use = [refused(n, "active_after_cutoff") for n in (1, 2, 3)]
    await has_found(scene, "tantan", path, *in_use, complete=True)
    assert await seen() == before
    scene.clock.advance(timedelta(hours=1))
    async with scene.engine.begin() as db:
        waved = await publish_due(db, scene.clock.now(), USUAL_WAVES, 10)
    assert (waved.published, waved.stopped) == (1, [])
    for slug in ("icbc", "weibo"):
        await is_done(scene, slug, path)
    assert (await shown(scene, path))["status"] == "in_progress"
    await read_all(scene, "tantan", path)
    assert await end_overdue(scene) == 1
    rows = await results(scene, path)
    assert [row["state"] for row in rows] == ["clean"] * 4
