"""Platforms report what they found about a clearance's numbers."""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import bearer
from tests.support.builders import a_key
from tests.support.clearings import (
    PATIENT_WAVES,
    a_draft,
    a_published,
    count,
    number,
    shown,
)
from tests.support.clock import FixedClock
from tests.support.findings import (
    find,
    has_found,
    is_done,
    page,
    read_all,
    refused,
    unbound,
)
from tests.support.order_api import Scene, a_scene
from tests.support.sealing import SEALER
from tests.support.trail import trail
from unbind_broker.base.signing import check_v1a, sign_v1a, signature_headers
from unbind_broker.base.signing_keys import PrivateKey
from unbind_broker.callbacks.evidence import open_body
from unbind_broker.deadlines.waving import publish_due
from unbind_broker.keys.tables import Role
from unbind_broker.platforms.service import suspend

KEY = PrivateKey(b"a platform's seed of thirty-two ")


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo", clearance_first_wave=3) as made:
        yield made


def statuses(told: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(one["status"], one.get("code")) for one in told["results"]]


async def test_findings_are_recorded_once_and_answered_masked(scene: Scene) -> None:
    path = await a_published(scene, [1, 2, 3])
    first = await has_found(scene, "weibo", path, unbound(1), refused(2))
    assert statuses(first) == [("recorded", None)] * 2
    assert [one["number"] for one in first["results"]] == [
        "+86138****0001",
        "+86138****0002",
    ]
    again = await has_found(scene, "weibo", path, unbound(1), refused(2))
    assert statuses(again) == [("duplicate", None)] * 2
    assert await count(scene.engine, "clearance_findings") == 2
    (progress,) = (await shown(scene, path))["platforms"]
    assert progress["findings"] == 2


async def test_another_finding_is_a_conflict_unless_it_amends(scene: Scene) -> None:
    path = await a_published(scene, [1, 2, 3])
    await has_found(scene, "weibo", path, refused(1))
    other = await has_found(scene, "weibo", path, unbound(1))
    assert statuses(other) == [("conflict", None)]
    amended = await has_found(scene, "weibo", path, unbound(1, amend=True))
    assert statuses(amended) == [("recorded", None)]
    assert (await shown(scene, path))["summary"]["blocked"] == 0
    async with scene.engine.connect() as db:
        actions = [one.action for one in await trail(db, "finding")]
    assert actions.count("finding.conflict") == 1
    assert actions.count("finding.amended") == 1


async def test_not_bound_takes_a_finding_back_and_is_nothing_by_itself(
    scene: Scene,
) -> None:
    path = await a_published(scene, [1, 2, 3])
    nothing = {"number": number(1), "outcome": "not_bound"}
    assert statuses(await has_found(scene, "weibo", path, nothing)) == [
        ("duplicate", None)
    ]
    lines = [unbound(1), nothing, {**nothing, "amend": True}]
    told = await has_found(scene, "weibo", path, *lines)
    assert [one["status"] for one in told["results"]] == [
        "recorded",
        "conflict",
        "recorded",
    ]
    assert await count(scene.engine, "clearance_findings") == 0
    (progress,) = (await shown(scene, path))["platforms"]
    assert progress["findings"] == 0


WRONG: list[tuple[Any, str]] = [
    (7, "line-invalid"),
    ({"outcome": "unbound"}, "line-invalid"),
    ({"number": "nobody", "outcome": "unbound"}, "line-invalid"),
    ({**unbound(1), "colour": 1}, "line-invalid"),
    ({**unbound(1), "outcome": "closed"}, "line-invalid"),
    ({**unbound(1), "last_bound_at": None}, "bound-at-missing"),
    ({**refused(1), "reason": None}, "reason-missing"),
    ({**unbound(1), "reason": "legal_hold"}, "reason-contradicts"),
    (refused(1, "other"), "detail-missing"),
]


async def test_wrong_lines_are_rejected_and_spoil_none(scene: Scene) -> None:
    path = await a_published(scene, [1, 2, 3])
    lines = [line for line, _ in WRONG]
    told = await has_found(scene, "weibo", path, *lines, unbound(1))
    rejected = [("rejected", code) for _, code in WRONG]
    assert statuses(told) == [*rejected, ("recorded", None)]


async def test_a_number_that_was_not_published_to_one_is_unknown(
    scene: Scene,
) -> None:
    path = await a_published(scene, range(1, 6))
    told = await has_found(scene, "weibo", path, unbound(4), unbound(77))
    assert statuses(told) == [("unknown", None)] * 2
    await scene.add_platform("douyin")
    assert (await find(scene, "douyin", path, unbound(1))).status_code == 404
    draft = await a_draft(scene)
    assert (await find(scene, "weibo", draft, unbound(1))).status_code == 404


async def test_a_withdrawn_number_is_rejected(scene: Scene) -> None:
    path = await a_published(scene, [1, 2, 3])
    scene.clock.advance(timedelta(minutes=1))
    await scene.post(f"{path}/withdraw", {"numbers": [number(1)]})
    told = await has_found(scene, "weibo", path, unbound(1))
    assert statuses(told) == [("rejected", "number-withdrawn")]


async def test_a_removal_outside_the_interval_counts_as_in_use(scene: Scene) -> None:
    path = await a_published(scene, [1, 2, 3])
    late = unbound(1, last_bound_at="2026-08-20T16:00:00Z")
    last = unbound(2, last_bound_at="2026-08-20T15:59:59Z")
    told = await has_found(scene, "weibo", path, late, last)
    assert statuses(told) == [("recorded", "outside-interval"), ("recorded", None)]
    again = await has_found(scene, "weibo", path, late)
    assert statuses(again) == [("duplicate", None)]
    async with scene.engine.connect() as db:
        (event,) = await trail(db, "violation.raised")
    assert event.facts["place"] == 1
    assert (await shown(scene, path))["summary"]["blocked"] == 1


async def test_complete_needs_the_manifest_to_be_read(scene: Scene) -> None:
    path = await a_published(scene, [1, 2, 3])
    await page(scene, "weibo", path, limit=2)
    answer = await find(scene, "weibo", path, unbound(1), complete=True)
    assert (answer.status_code, answer.json()["code"]) == (409, "manifest-unread")
    assert "to place 2" in answer.json()["detail"]
    assert await count(scene.engine, "clearance_findings") == 0
    await read_all(scene, "weibo", path)
    told = await has_found(scene, "weibo", path, unbound(1), complete=True)
    assert told["complete"] is True
    assert told["waves"] == [
        {
            "wave": 1,
            "numbers": 3,
            "first_place": 1,
            "last_place": 3,
            "read_to": 3,
            "complete": True,
        }
    ]


async def test_an_unread_wave_holds_up_none_that_was_read(scene: Scene) -> None:
    path = await a_published(scene, range(1, 6))
    await read_all(scene, "weibo", path)
    scene.clock.advance(timedelta(hours=1))
    async with scene.engine.begin() as db:
        await publish_due(db, scene.clock.now(), PATIENT_WAVES, 10)
    told = await has_found(scene, "weibo", path, complete=True)
    assert [one["complete"] for one in told["waves"]] == [True, False]
    assert told["complete"] is False
    again = await find(scene, "weibo", path, complete=True)
    assert again.json()["code"] == "manifest-unread"


async def test_the_last_platform_ends_the_clearance_and_its_carrier_is_told(
    scene: Scene,
) -> None:
    await scene.add_platform("douyin")
    path = await a_published(scene, [1, 2, 3])
    await is_done(scene, "weibo", path, unbound(1))
    assert (await shown(scene, path))["status"] == "in_progress"
    await is_done(scene, "douyin", path, refused(2))
    view = await shown(scene, path)
    assert (view["status"], view["completed_at"]) == (
        "completed",
        "2026-11-20T04:00:00Z",
    )
    summary = {"total": 3, "clean": 2, "blocked": 1, "partial": 0, "withdrawn": 0}
    assert view["summary"] == summary
    feed = (await scene.get("/v1/events")).json()["data"]
    (told,) = [one for one in feed if one["type"] == "clearance.completed"]
    assert told["data"] == {
        "clearance_id": view["id"],
        "reference": None,
        "status": "completed",
        "stop_reason": None,
        "summary": summary,
        "overdue": [],
        "results": f"{path}/results",
    }


async def test_two_last_platforms_at_once_end_it_once(scene: Scene) -> None:
    await scene.add_platform("douyin")
    path = await a_published(scene, [1, 2, 3])
    slugs = ("weibo", "douyin")
    for slug in slugs:
        await read_all(scene, slug, path)
    await asyncio.gather(
        *(has_found(scene, slug, path, complete=True) for slug in slugs)
    )
    assert (await shown(scene, path))["status"] == "completed"
    async with scene.engine.connect() as db:
        assert len(await trail(db, "clearance.completed")) == 1


async def test_two_reports_at_once_record_each_number_once(scene: Scene) -> None:
    path = await a_published(scene, [1, 2, 3])
    lines = [unbound(n) for n in (1, 2, 3)]
    both = await asyncio.gather(
        has_found(scene, "weibo", path, *lines),
        has_found(scene, "weibo", path, *reversed(lines)),
    )
    said = sorted(one["status"] for told in both for one in told["results"])
    assert said == ["duplicate"] * 3 + ["recorded"] * 3
    (progress,) = (await shown(scene, path))["platforms"]
    assert progress["findings"] == 3


async def test_a_suspended_platform_may_still_report(scene: Scene) -> None:
    path = await a_published(scene, [1, 2, 3])
    async with scene.engine.begin() as db:
        await suspend(db, scene.clock.now(), "weibo", "test")
    told = await has_found(scene, "weibo", path, unbound(1))
    assert statuses(told) == [("recorded", None)]


async def test_an_empty_report_and_too_long_a_one_are_refused(scene: Scene) -> None:
    path = await a_published(scene, [1, 2, 3])
    for lines in ([], [unbound(1)] * 1001):
        answer = await find(scene, "weibo", path, *lines)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/findings"


async def test_a_signed_report_is_kept_sealed_and_answered_again(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        await scene.add_platform("weibo", result_public_key=KEY.public.text)
        path = await a_published(scene, [1, 2])
        other = await a_published(scene, [3])
        body = json.dumps({"findings": [unbound(1)]}).encode()
        now = clock.now()
        proof = signature_headers("rep_1", now, sign_v1a(KEY, "rep_1", now, body))
        headers = {
            **scene.platform_headers["weibo"],
            "Content-Type": "application/json",
            **proof,
        }
        url = f"{path}/findings"
        unsigned = await find(scene, "weibo", path, unbound(1))
        first = await scene.http.post(url, content=body, headers=headers)
        again = await scene.http.post(url, content=body, headers=headers)
        elsewhere = await scene.http.post(
            f"{other}/findings", content=body, headers=headers
        )
        async with engine.begin() as db:
            (event,) = await trail(db, "findings.reported")
            auditor = bearer(await a_key(db, Role.AUDITOR, "auditor"))
            kept = (await db.execute(text("SELECT * FROM evidence"))).one()
        by_id = f"/v1/audit/evidence/{event.facts['evidence']}"
        shown_report = (await scene.http.get(by_id, headers=auditor)).json()
        nothing = await scene.http.get("/v1/audit/evidence/x", headers=auditor)
    assert b64decode(shown_report["body"]) == body
    assert nothing.status_code == 404
    assert (unsigned.status_code, unsigned.json()["code"]) == (401, "signature-invalid")
    assert first.json()["results"][0]["status"] == "recorded"
    assert again.content == first.content
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (
        422,
        "webhook-id-reused",
    )
    assert number(1).encode() not in kept.body + kept.answer
    assert open_body(SEALER, kept.body) == body
    message = check_v1a(KEY.public, proof, open_body(SEALER, kept.body))
    assert message.webhook_id == kept.webhook_id == "rep_1"


async def signed(
    scene: Scene, path: str, webhook_id: str, report: dict[str, Any]
) -> httpx.Response:
    body, now = json.dumps(report).encode(), scene.clock.now()
    proof = signature_headers(webhook_id, now, sign_v1a(KEY, webhook_id, now, body))
    sent = {"Content-Type": "application/json", **proof}
    headers = {**scene.platform_headers["weibo"], **sent}
    url = f"{path}/findings"
    return await scene.http.post(url, content=body, headers=headers)


async def test_a_report_that_names_its_clearance_is_good_for_no_other(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        await scene.add_platform("weibo", result_public_key=KEY.public.text)
        meant, other = [await a_published(scene, [place]) for place in (1, 2)]
        for path in (meant, other):
            await read_all(scene, "weibo", path)
        named = {"clearance": meant.rsplit("/", 1)[-1], "complete": True}
        report = {"findings": [], **named}
        diverted = await signed(scene, other, "rep_1", report)
        assert diverted.status_code == 422
        assert diverted.json()["errors"][0]["pointer"] == "/clearance"
        assert (await shown(scene, other))["status"] == "in_progress"
        arrived = await signed(scene, meant, "rep_1", report)
        assert arrived.json()["complete"] is True
        assert (await signed(scene, other, "rep_1", report)).status_code == 422
        assert (await shown(scene, other))["status"] == "in_progress"


async def test_an_unsigned_report_may_name_its_clearance_too(scene: Scene) -> None:
    path, other = await a_published(scene, [1]), await a_published(scene, [2])
    for name, status in ((path, 200), (other, 422), ("clr_x", 422)):
        body = {"clearance": name.rsplit("/", 1)[-1], "findings": [unbound(1)]}
        answer = await scene.http.post(
            f"{path}/findings", json=body, headers=scene.platform_headers["weibo"]
        )
        assert answer.status_code == status, answer.text
