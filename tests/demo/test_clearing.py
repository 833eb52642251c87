"""Simulated platforms work on clearances: they read, find, report and complete."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.demo.test_simulated_platforms import PROMPT, a_scene
from tests.support import order_api
from tests.support.app import a_runtime, on_a_port
from tests.support.clearings import a_published, number, shown
from tests.support.clock import NOON, FixedClock
from tests.support.findings import results
from tests.support.waiting import eventually
from unbind_broker.demo.clearing import Clearer, ClearingPlatform, Wave, find, look
from unbind_broker.demo.http_server import Answer, HttpServer, Request
from unbind_broker.demo.traits import Dice, Traits
from unbind_broker.rehearsals.fixed_outcomes import When

CLEARANCE = "clr_1"
BORDER = "2026-08-20T16:00:00Z"
PUBLISHED = Wave(
    CLEARANCE,
    wave=1,
    manifest=f"/v1/clearances/{CLEARANCE}/manifest?wave=1",
    deadline=NOON + timedelta(days=5),
)
SLUGS = ("weibo", "zhihu", "douyin", "taobao", "didi")
WEIBO = ClearingPlatform("weibo", PROMPT, "key-of-weibo")


def entry(place: int, *, withdrawn: bool = False) -> dict[str, Any]:
    return {
        "number": number(place),
        "bound_from": None,
        "bound_before": BORDER,
        "withdrawn": withdrawn,
    }


def found(
    traits: Traits = PROMPT, places: int = 1000, slugs: tuple[str, ...] = SLUGS
) -> list[dict[str, Any]]:
    """What platforms find about so many numbers."""
    platforms = [ClearingPlatform(slug, traits, "") for slug in slugs]
    told = (
        find(platform, Dice(), entry(place))
        for platform in platforms
        for place in range(places)
    )
    return [one for one in told if one is not None]


def test_few_numbers_that_rest_have_bindings_left() -> None:
    assert 50 < len(found()) < 150
    assert {one["outcome"] for one in found()} == {"unbound"}
    assert all(one["last_bound_at"] < BORDER for one in found())
    assert found() == found()


def test_what_is_kept_has_a_reason() -> None:
    told = found(Traits(refuse_rate=0.3, partly_rate=0.5))
    outcomes = {one["outcome"]: one for one in told}
    assert outcomes.keys() == {"unbound", "partly_unbound", "refused"}
    assert all("reason" in one for one in told if one["outcome"] != "unbound")
    assert all("last_bound_at" in one for one in told if one["outcome"] != "refused")


def test_a_number_that_is_withdrawn_is_left_alone() -> None:
    def told(place: int, *, withdrawn: bool) -> list[Any]:
        entered = entry(place, withdrawn=withdrawn)
        looked = look(WEIBO, Dice(), entered, When.NOW)
        return [line for _, line in looked if line is not None]

    bound = [one for one in range(5000) if told(one, withdrawn=False)]
    assert bound
    assert not any(told(one, withdrawn=True) for one in bound)


@dataclass
class Door:
    """A broker's manifest in pages, and where findings are reported."""

    pages: list[list[dict[str, Any]]]
    status: int = 200
    read: list[str] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)

    async def handle(self, request: Request) -> Answer:
        assert request.headers["authorization"] == "Bearer key-of-weibo"
        if request.method == "POST":
            self.reports.append(json.loads(request.body))
            return Answer(body=b'{"results": []}')
        self.read.append(request.path)
        if self.status != 200:
            return Answer(self.status)
        _, _, cursor = request.path.partition("&cursor=")
        place = int(cursor or 0)
        following = None if place == len(self.pages) - 1 else str(place + 1)
        page = {"data": self.pages[place], "next_cursor": following}
        return Answer(body=json.dumps(page).encode())


@asynccontextmanager
async def clearing(door: Door) -> AsyncIterator[Clearer]:
    server = HttpServer(door.handle)
    await server.start("127.0.0.1", 0)
    clearer = Clearer(f"http://127.0.0.1:{server.port}", FixedClock(), Dice())
    try:
        yield clearer
    finally:
        await clearer.close()
        await server.close()


async def test_a_manifest_is_read_to_its_end_and_completed_then() -> None:
    numbers = [entry(place) for place in range(300)]
    door = Door([numbers[:200], numbers[200:290], numbers[290:]])
    async with clearing(door) as clearer:
        clearer.begin(WEIBO, PUBLISHED)
        clearer.begin(WEIBO, PUBLISHED)
        await eventually(lambda: clearer.counts["waves"])
    path = f"{PUBLISHED.manifest}&limit=1000"
    assert door.read == [path, f"{path}&cursor=1", f"{path}&cursor=2"]
    assert [one["complete"] for one in door.reports[:-1]] == [False] * (
        len(door.reports) - 1
    )
    assert door.reports[-1]["complete"] is True
    told = [line for one in door.reports for line in one["findings"]]
    assert told == found(places=300, slugs=("weibo",))
    assert {one["clearance"] for one in door.reports} == {CLEARANCE}
    assert clearer.counts["numbers"] == 300


async def test_a_wave_that_cannot_be_read_is_left_until_it_is_told_again() -> None:
    door = Door([[]], status=409)
    async with clearing(door) as clearer:
        clearer.begin(WEIBO, PUBLISHED)
        await eventually(lambda: clearer.counts["waves given up"])
        door.status, door.read = 200, []
        clearer.begin(WEIBO, PUBLISHED)
        await eventually(lambda: clearer.counts["waves"])
    assert len(door.reports) == 1


async def test_who_is_late_by_more_than_an_hour_never_reports() -> None:
    door = Door([[entry(0)]])
    late = ClearingPlatform("weibo", Traits(late_rate=1.0), "key-of-weibo")
    async with clearing(door) as clearer:
        clearer.begin(late, PUBLISHED)
        clearer.begin(ClearingPlatform("zhihu", PROMPT, "key-of-weibo"), PUBLISHED)
        await eventually(lambda: clearer.counts["waves"])
        await eventually(lambda: clearer.counts["waves never finished"])
    assert len(door.reports) == 1


async def test_who_is_late_is_in_time_with_test_numbers() -> None:
    door = Door([[entry(1000), entry(5000)]])
    late = ClearingPlatform("weibo", Traits(late_rate=1.0), "key-of-weibo")
    async with clearing(door) as clearer:
        clearer.begin(late, PUBLISHED)
        await eventually(lambda: clearer.counts["waves"])
    told = [(len(one["findings"]), one["complete"]) for one in door.reports]
    assert told == [(1, True)]


async def test_slow_and_contradicting_findings_follow_before_it_is_completed() -> None:
    before, slow, contradicting = 1000, 4200, 4400
    door = Door([[entry(before), entry(slow), entry(contradicting)]])
    async with clearing(door) as clearer:
        clearer.begin(WEIBO, PUBLISHED)
        await eventually(lambda: clearer.counts["waves"])
    told = [[one["outcome"] for one in report["findings"]] for report in door.reports]
    assert told == [["unbound", "unbound"], ["unbound", "refused"]]
    assert [one["complete"] for one in door.reports] == [False, True]


async def test_late_finding_of_a_far_deadline_leaves_the_wave_open() -> None:
    before, late = 1000, 4300
    door = Door([[entry(before), entry(late)]])
    async with clearing(door) as clearer:
        clearer.begin(WEIBO, PUBLISHED)
        await eventually(lambda: clearer.counts["waves never finished"])
    assert [one["complete"] for one in door.reports] == [False]


async def test_more_late_findings_than_a_report_holds_come_in_several() -> None:
    several = [entry(4300 + place % 100) for place in range(1500)]
    door = Door([several[:1000], several[1000:]])
    async with clearing(door) as clearer:
        clearer.begin(WEIBO, replace(PUBLISHED, deadline=NOON - timedelta(seconds=2)))
        await eventually(lambda: clearer.counts["waves"])
    told = [(len(one["findings"]), one["complete"]) for one in door.reports]
    assert told == [(1000, False), (500, True)]


async def test_late_finding_completes_the_wave_after_its_deadline() -> None:
    late, soon = 4300, replace(PUBLISHED, deadline=NOON)
    door = Door([[entry(late)]])
    async with clearing(door) as clearer:
        clearer.begin(WEIBO, soon)
        await eventually(lambda: clearer.counts["waves"])
    assert [one["complete"] for one in door.reports] == [True]


async def test_the_webhook_is_answered_at_once_and_worked_on() -> None:
    async with a_scene() as scene:
        answer = await scene.send(
            {
                "type": "clearance.published",
                "timestamp": "2026-11-20T04:00:00Z",
                "data": {
                    "id": CLEARANCE,
                    "wave": 1,
                    "numbers": 1,
                    "carrier": "china-mobile",
                    "interval": "per_number",
                    "published_at": "2026-11-20T04:00:00Z",
                    "deadline": "2026-11-26T15:59:59Z",
                    "manifest": PUBLISHED.manifest,
                },
            }
        )
        assert answer.status_code == 204
        await eventually(lambda: scene.clearer.counts["waves given up"])


async def test_a_broker_takes_what_is_found(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    how_many = 150
    async with (
        order_api.a_scene(engine, clock, "weibo") as scene,
        on_a_port(a_runtime(engine, clock)) as http,
    ):
        path = await a_published(scene, range(how_many))
        wave = Wave(
            path.rpartition("/")[2], 1, f"{path}/manifest?wave=1", PUBLISHED.deadline
        )
        key = scene.platform_headers["weibo"]["Authorization"].removeprefix("Bearer ")
        clearer = Clearer(str(http.base_url), clock, Dice())
        traits = Traits(report_delay=timedelta(0), refuse_rate=0.5)
        clearer.begin(ClearingPlatform("weibo", traits, key), wave)
        await eventually(lambda: clearer.counts["waves"])
        await clearer.close()
        told = found(traits, how_many, ("weibo",))
        assert clearer.counts["findings recorded"] == len(told) > 0
        kept = {one["number"] for one in told if one["outcome"] == "refused"}
        assert kept
        lines = await results(scene, path)
        assert {one["number"] for one in lines if one["state"] == "blocked"} == kept
        assert (await shown(scene, path))["status"] == "completed"
