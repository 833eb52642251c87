"""Where endpoints report, the kit answers as the broker would."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.support.waiting import PATIENCE
from unbind_broker.app.server import reserve, url_of
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.magic_numbers import BEFORE, NOTHING
from unbind_broker.base.signing import sign_v1a, signature_headers
from unbind_broker.base.signing_keys import PrivateKey
from unbind_broker.conformance.manifests import PAGE, Listed, Manifest
from unbind_broker.conformance.plan import Plan, new_secret
from unbind_broker.conformance.running import open_stage
from unbind_broker.conformance.stage import Stage
from unbind_broker.orders.states import OrderKind

OWN_KEY = PrivateKey(bytes(range(32)))
KEY = {"authorization": "Bearer ub_platform_known"}
BEARER = f"authorization: {KEY['authorization']}"
DAY = date(2025, 2, 28)


class Caller:
    def __init__(self, stage: Stage, http: httpx.AsyncClient) -> None:
        self.stage = stage
        self.http = http

    @property
    def noticed(self) -> list[str]:
        return [one.code for one in self.stage.desk.noticed]

    async def report(self, *lines: object) -> list[dict[str, Any]]:
        answer = await self.http.post("/v1/results", json={"results": lines})
        assert answer.status_code == 200
        answered: list[dict[str, Any]] = answer.json()["results"]
        return answered

    def publish(self) -> Manifest:
        listed = [Listed(NOTHING.number(place), DAY) for place in range(PAGE + 1)]
        manifest, _ = self.stage.manifests.publish(listed)
        return manifest

    @staticmethod
    def path_of(manifest: Manifest) -> str:
        return manifest.path(manifest.waves[0])


async def _opened(**declared: Any) -> AsyncIterator[Caller]:
    plan = Plan(
        url="http://127.0.0.1:9/hooks",
        secret=new_secret(),
        key="ub_platform_known",
        wait=timedelta(seconds=0.05),
        **declared,
    )
    with reserve("127.0.0.1", 0) as listener:
        async with (
            open_stage(plan, listener, SystemClock().now) as stage,
            httpx.AsyncClient(
                base_url=url_of(listener), headers=KEY, timeout=PATIENCE
            ) as http,
        ):
            yield Caller(stage, http)


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    async for one in _opened():
        yield one


@pytest.fixture
async def signing() -> AsyncIterator[Caller]:
    async for one in _opened(result_public_key=OWN_KEY.public):
        yield one


async def test_lines_are_answered_as_the_broker_answers_them(caller: Caller) -> None:
    asked = caller.stage.new(OrderKind.UNBIND, BEFORE.number(0))
    unbound = {
        "id": asked.id,
        "outcome": "unbound",
        "last_bound_at": "2023-06-02T16:00:00Z",
    }
    statuses = [
        (await caller.report(line))[0]
        for line in (
            {"id": asked.id, "outcome": "unbound"},
            {**unbound, "last_bound_at": "2025-06-02T16:00:00Z"},
            {"id": asked.id, "outcome": "not_bound"},
            {"id": "ord_01kb2x5c7zf3v8h1m4n6p9q2rs", "outcome": "not_bound"},
            {"id": "nonsense", "outcome": "not_bound"},
            {"id": asked.id, "outcome": "gone"},
            17,
        )
    ]
    assert [one["status"] for one in statuses] == [
        "rejected",
        "recorded",
        "conflict",
        "unknown",
        "unknown",
        "rejected",
        "rejected",
    ]
    assert [one.get("code") for one in statuses[:2]] == [
        "bound-at-missing",
        "outside-interval",
    ]
    assert caller.noticed == [
        "bound-at-missing",
        "outside",
        "conflict",
        "unknown",
        "unknown",
        "line-invalid",
        "line-invalid",
    ]


async def test_request_that_was_to_be_refused_is_unknown(caller: Caller) -> None:
    asked = caller.stage.new(OrderKind.UNBIND, BEFORE.number(0))
    asked.must_not = True
    (answer,) = await caller.report({"id": asked.id, "outcome": "not_bound"})
    assert answer["status"] == "unknown"
    assert len(asked.heard) == 1


@pytest.mark.parametrize(
    "body",
    [b"nonsense", b"[]", b'{"results": 1}', b'{"results": []}', b'{"findings": []}'],
)
async def test_report_of_another_form_is_refused(caller: Caller, body: bytes) -> None:
    answer = await caller.http.post("/v1/results", content=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert caller.noticed == ["form"]


async def test_report_that_is_too_long_is_refused(caller: Caller) -> None:
    lines = [{"id": "x", "outcome": "not_bound"}] * 1001
    answer = await caller.http.post("/v1/results", json={"results": lines})
    assert answer.status_code == 422
    huge = json.dumps({"results": ["x" * 1024 * 1024]})
    assert (await caller.http.post("/v1/results", content=huge)).status_code == 413
    assert caller.noticed == ["form", "form"]


async def test_report_that_is_too_long_is_not_read_to_its_end(caller: Caller) -> None:
    url = caller.http.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = f"POST /v1/results HTTP/1.1\r\nhost: x\r\n{BEARER}\r\n"
    writer.write(f"{head}content-length: {10**9}\r\n\r\n".encode())
    writer.write(b"[" * 2 * 1024 * 1024)
    answered = await asyncio.wait_for(reader.readline(), 60)
    writer.close()
    assert answered.split()[1] == b"413"
    assert caller.noticed == ["form"]


async def test_what_an_endpoint_names_is_not_obeyed_by_a_terminal(
    caller: Caller,
) -> None:
    await caller.report({"id": "ord_\x1b[2J\n\x07", "outcome": "\x1b[31m"})
    (noticed,) = caller.stage.desk.noticed
    assert all(words.isprintable() for words in noticed.words)
    assert "(ord_\\u001b[2J\\u000a\\u0007)" in noticed.words.en


@pytest.mark.parametrize("given", ["", "Bearer other", "ub_platform_known"])
async def test_call_without_the_key_is_refused(caller: Caller, given: str) -> None:
    answer = await caller.http.post("/v1/results", headers={"authorization": given})
    assert answer.status_code == 401
    assert caller.noticed == ["key"]


async def test_report_can_be_put_off(caller: Caller) -> None:
    caller.stage.desk.to_refuse = 1
    first = await caller.http.post("/v1/results", json={"results": [1]})
    second = await caller.http.post("/v1/results", json={"results": [1]})
    assert (first.status_code, second.status_code) == (503, 200)
    assert first.headers["retry-after"] == "1"


async def test_manifest_is_read_in_pages(caller: Caller) -> None:
    path = caller.path_of(caller.publish())
    first = (await caller.http.get(path)).json()
    rest = (await caller.http.get(f"{path}&cursor={first['next_cursor']}")).json()
    assert len(first["data"]) == PAGE
    assert first["data"][0] == {
        "number": NOTHING.number(0).e164,
        "bound_from": None,
        "bound_before": "2025-02-28T16:00:00Z",
        "withdrawn": False,
    }
    assert (len(rest["data"]), rest["next_cursor"]) == (1, None)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422),
        ("limit=²", 422),
        ("limit=99999999999", 422),
        ("wave=2", 404),
        ("wave=0", 422),
        ("cursor=x", 400),
        ("cursor=p4", 400),
    ],
)
async def test_wrong_page_is_refused(caller: Caller, query: str, status: int) -> None:
    path = caller.path_of(caller.publish()).partition("?")[0]
    assert (await caller.http.get(f"{path}?{query}")).status_code == status


async def test_other_clearance_is_not_found(caller: Caller) -> None:
    path = "/v1/clearances/clr_01kb2x5c7zf3v8h1m4n6p9q2rs/manifest"
    assert (await caller.http.get(path)).status_code == 404


async def test_findings_are_answered_as_the_broker_answers_them(caller: Caller) -> None:
    manifest = caller.publish()
    path = caller.path_of(manifest).replace("manifest?wave=1", "findings")
    told = {"number": NOTHING.number(0).e164, "last_bound_at": "2023-06-02T16:00:00Z"}
    lines = [
        {**told, "outcome": "unbound"},
        {**told, "outcome": "unbound"},
        {"number": told["number"], "outcome": "refused", "reason": "legal_hold"},
        {"number": NOTHING.number(1).e164, "outcome": "unbound"},
        {"number": NOTHING.number(99).e164, "outcome": "not_bound"},
        {"number": "x", "outcome": "not_bound"},
    ]
    answer = await caller.http.post(path, json={"findings": lines})
    assert [one["status"] for one in answer.json()["results"]] == [
        "recorded",
        "duplicate",
        "conflict",
        "rejected",
        "unknown",
        "rejected",
    ]
    assert "5000" in answer.json()["results"][0]["number"]
    assert NOTHING.number(0).e164 not in answer.text
    early = await caller.http.post(path, json={"findings": [], "complete": True})
    assert early.status_code == 409
    assert (await caller.http.post(path, json={"findings": []})).status_code == 422


async def test_signed_report_gets_its_first_answer_again(signing: Caller) -> None:
    asked = signing.stage.new(OrderKind.UNBIND, NOTHING.number(0))
    body = json.dumps({"results": [{"id": asked.id, "outcome": "not_bound"}]}).encode()

    async def send(webhook_id: str, sent: bytes) -> httpx.Response:
        now = datetime.now(UTC)
        signature = sign_v1a(OWN_KEY, webhook_id, now, sent)
        headers = signature_headers(webhook_id, now, signature)
        return await signing.http.post("/v1/results", content=sent, headers=headers)

    first, again = await send("rep_1", body), await send("rep_1", body)
    assert first.json() == again.json()
    assert first.json()["results"][0]["status"] == "recorded"
    assert (await send("rep_1", body + b" ")).status_code == 422
    assert (await signing.http.post("/v1/results", content=body)).status_code == 401
    assert signing.noticed == ["form", "unsigned"]
