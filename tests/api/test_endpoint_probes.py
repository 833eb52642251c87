"""Verifying and testing endpoints: real receivers, real signatures, the real time."""

import asyncio
import hashlib
from typing import Any

import pytest
from httpx import AsyncClient, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.api.registry import Headers, Parties
from tests.support.app import a_runtime, bearer, in_process
from tests.support.builders import a_key, a_platform, an_endpoint
from tests.support.ports import a_free_port
from tests.support.receiver import Answer, Door, Receiver
from tests.support.trail import trail
from tests.support.waiting import eventually
from unbind_broker.api.admission import Overloaded
from unbind_broker.api.endpoint_probes import judge_challenge
from unbind_broker.api.probe_places import ProbePlaces
from unbind_broker.api.rates import RateLimited
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.ids import EndpointId
from unbind_broker.deliveries.attempts import Timings
from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind
from unbind_broker.deliveries.tables import attempts
from unbind_broker.endpoints.states import PausedBy
from unbind_broker.sending.exchanges import Exchange

URL = "/v1/endpoint"


@pytest.fixture
def clock() -> SystemClock:
    return SystemClock()


@pytest.fixture
async def door(api: AsyncClient, parties: Parties, receiver: Receiver) -> Door:
    """The endpoint of ``weibo``: registered, its secret installed, unverified."""
    door = receiver.door("weibo")
    made = await api.put(URL, headers=parties.weibo, json={"url": door.url})
    door.secrets.append(made.json()["secret"])
    return door


async def verify(api: AsyncClient, headers: Headers) -> Response:
    return await api.post(f"{URL}/verify", headers=headers)


async def test_endpoint_that_answers_its_challenge_is_active(
    api: AsyncClient, parties: Parties, door: Door
) -> None:
    verified = await verify(api, parties.weibo)
    assert (verified.status_code, verified.json()["status"]) == (200, "active")
    assert verified.json()["verified_at"] is not None
    challenge = door.challenges[0]
    assert challenge.headers["user-agent"].startswith("unbind-broker/")
    assert challenge.headers["content-type"] == "application/json"
    page = (await api.get("/v1/platforms", headers=parties.mobile)).json()
    assert page["data"][0]["accepting"] is True


async def test_verifying_again_sends_another_challenge(
    api: AsyncClient, parties: Parties, door: Door
) -> None:
    for _ in range(2):
        assert (await verify(api, parties.weibo)).status_code == 200
    first, second = door.challenges
    assert first.payload["data"] != second.payload["data"]
    assert first.webhook_id != second.webhook_id


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (Answer(status=404), "the endpoint answered 404 Not Found; expected 200 OK"),
        (Answer(status=204), "the endpoint answered 204 No Content; expected 200 OK"),
        (
            Answer(status=302, headers={"Location": "/p/other"}),
            "the endpoint answered 302 Found; expected 200 OK",
        ),
        (
            Answer(body=b"fine"),
            "answered 200 but the body was no JSON object with the challenge",
        ),
        (
            Answer(body=b'{"challenge": "mine"}'),
            "answered 200 but with another challenge than the one that was sent",
        ),
        (Answer(reset=True), "no answer: connection closed without an answer"),
    ],
)
async def test_owner_is_told_what_went_wrong(
    api: AsyncClient, parties: Parties, door: Door, answer: Answer, detail: str
) -> None:
    door.answers_challenges, door.usual = False, answer
    failed = await verify(api, parties.weibo)
    assert (failed.status_code, failed.json()["code"]) == (422, "verification-failed")
    assert failed.json()["detail"] == detail
    found = await api.get(URL, headers=parties.weibo)
    assert found.json()["status"] == "unverified"


def test_owner_is_told_how_long_the_broker_waited() -> None:
    silence = Exchange(
        Outcome(OutcomeKind.TIMED_OUT),
        b"",
        "no answer",
        Timings(10_000),
        disclosed=True,
    )
    assert judge_challenge(silence, "c") == "no answer: timed out after 10 s"


async def test_endpoint_without_the_secret_is_not_verified(
    api: AsyncClient, parties: Parties, door: Door
) -> None:
    door.secrets.clear()
    failed = await verify(api, parties.weibo)
    assert "401 Unauthorized" in failed.json()["detail"]
    assert door.rejected == 1


@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("http://127.0.0.1:{closed}/", "no answer: connection refused"),
        ("http://unbind.invalid/", "no answer: name does not resolve"),
    ],
)
async def test_endpoint_that_nobody_reaches_is_told_apart(
    api: AsyncClient, parties: Parties, url: str, detail: str
) -> None:
    url = url.format(closed=a_free_port())
    await api.put(URL, headers=parties.weibo, json={"url": url})
    failed = await verify(api, parties.weibo)
    assert (failed.status_code, failed.json()["detail"]) == (422, detail)


async def test_address_inside_is_refused_when_the_connection_is_made(
    engine: AsyncEngine,
    clock: SystemClock,
    parties: Parties,
    door: Door,
) -> None:
    runtime = a_runtime(engine, clock, allow_private_endpoints=False)
    async with in_process(runtime) as guarded:
        failed = await verify(guarded, parties.weibo)
    assert failed.status_code == 422
    assert failed.json()["detail"].startswith("no answer: ")
    assert (door.challenges, door.rejected) == ([], 0)


async def test_new_url_is_put_to_use_and_the_old_one_works_until_then(
    api: AsyncClient, parties: Parties, door: Door, receiver: Receiver
) -> None:
    await verify(api, parties.weibo)
    new = receiver.door("weibo-2")
    await api.put(URL, headers=parties.weibo, json={"url": new.url})
    assert (await verify(api, parties.weibo)).status_code == 422
    found = (await api.get(URL, headers=parties.weibo)).json()
    assert (found["status"], found["url"]) == ("active", door.url)
    assert found["pending_url"] == new.url
    new.secrets.extend(door.secrets)
    verified = (await verify(api, parties.weibo)).json()
    assert (verified["url"], verified["pending_url"]) == (new.url, None)


@pytest.mark.parametrize(
    ("endpoint", "status"),
    [
        ({"disabled": "answered 410 Gone"}, "active"),
        ({"paused_by": PausedBy.OWNER}, "paused"),
        ({}, "active"),
    ],
)
async def test_verifying_brings_back_the_disabled_and_leaves_the_paused(
    api: AsyncClient,
    engine: AsyncEngine,
    receiver: Receiver,
    endpoint: dict[str, Any],
    status: str,
) -> None:
    door = receiver.door("jd")
    async with engine.begin() as db:
        platform = await a_platform(db, "jd")
        made = await an_endpoint(db, platform, door.url, **endpoint)
        jd = bearer(await a_key(db, platform))
    door.secrets.append(made.secret)
    verified = await verify(api, jd)
    assert (verified.status_code, verified.json()["status"]) == (200, status)
    assert verified.json()["disabled_reason"] is None


async def test_url_changed_during_verification_is_not_put_to_use(
    api: AsyncClient, parties: Parties, door: Door, receiver: Receiver
) -> None:
    door.answers_challenges = False
    door.usual = Answer(hang=True)
    verifying = asyncio.ensure_future(verify(api, parties.weibo))
    await eventually(lambda: door.deliveries)
    other = receiver.door("weibo-2")
    await api.put(URL, headers=parties.weibo, json={"url": other.url})
    challenge = door.deliveries[0].payload["data"]
    door.release(Answer(body=str(challenge).replace("'", '"').encode()))
    refused = await verifying
    assert (refused.status_code, refused.json()["code"]) == (409, "endpoint-changed")


async def test_both_secrets_verify_while_one_is_rotated(
    api: AsyncClient, parties: Parties, door: Door
) -> None:
    old = list(door.secrets)
    rotated = await api.post(f"{URL}/rotate-secret", headers=parties.weibo)
    assert (await verify(api, parties.weibo)).status_code == 200
    door.secrets[:] = [rotated.json()["secret"]]
    assert (await verify(api, parties.weibo)).status_code == 200
    again = await api.post(
        f"{URL}/rotate-secret", headers=parties.weibo, json={"grace_seconds": 0}
    )
    door.secrets[:] = old
    assert (await verify(api, parties.weibo)).status_code == 422
    door.secrets[:] = [again.json()["secret"]]
    assert (await verify(api, parties.weibo)).status_code == 200


async def test_test_webhook_is_sent_and_its_outcome_answered(
    api: AsyncClient, parties: Parties, door: Door
) -> None:
    door.then(Answer(status=202, body="好的, call 13800001234".encode()))
    outcome = (await api.post(f"{URL}/test", headers=parties.weibo)).json()
    sent = door.deliveries[0]
    assert sent.payload == {
        "type": "endpoint.test",
        "timestamp": sent.payload["timestamp"],
        "data": {},
    }
    assert (outcome["status_code"], outcome["error"]) == (202, None)
    assert outcome["webhook_id"] == sent.webhook_id
    assert outcome["milliseconds"] >= 0
    assert outcome["answer_head"].startswith("好的, call ")
    assert "13800001234" not in outcome["answer_head"]


async def test_failed_test_changes_nothing(
    api: AsyncClient, parties: Parties, door: Door
) -> None:
    await verify(api, parties.weibo)
    door.then(Answer(status=410), Answer(reset=True))
    gone = await api.post(f"{URL}/test", headers=parties.weibo)
    assert (gone.status_code, gone.json()["status_code"]) == (200, 410)
    cut = await api.post(f"{URL}/test", headers=parties.weibo)
    assert (cut.status_code, cut.json()["status_code"]) == (200, None)
    assert cut.json()["error"] == "connection closed without an answer"
    found = await api.get(URL, headers=parties.weibo)
    assert found.json()["status"] == "active"


async def test_every_exchange_is_kept_and_in_the_trail(
    api: AsyncClient, parties: Parties, door: Door, engine: AsyncEngine
) -> None:
    await api.post(f"{URL}/test", headers=parties.weibo)
    await verify(api, parties.weibo)
    door.answers_challenges = False
    await verify(api, parties.weibo)
    async with engine.connect() as db:
        kept = (await db.execute(select(attempts).order_by(attempts.c.id))).all()
        written = await trail(db, "endpoint.")
    sent = [*door.deliveries[:1], *door.challenges, *door.deliveries[1:]]
    assert [one.event for one in kept] == [delivery.type for delivery in sent]
    assert {one.outcome for one in kept} == {OutcomeKind.ACCEPTED}
    assert [one.webhook_id for one in kept] == [one.webhook_id for one in sent]
    digests = [hashlib.sha256(one.body).digest() for one in sent]
    assert [one.body_sha256 for one in kept] == digests
    assert [one.action for one in written] == [
        "endpoint.registered",
        "endpoint.tested",
        "endpoint.verified",
        "endpoint.verification_failed",
    ]
    assert {one.actor for one in written} == {"platform:weibo"}


async def test_no_connection_is_held_while_the_endpoint_thinks(
    api: AsyncClient, parties: Parties, door: Door, engine: AsyncEngine
) -> None:
    door.answers_challenges, door.usual = False, Answer(hang=True)
    verifying = asyncio.ensure_future(verify(api, parties.weibo))
    await eventually(lambda: door.deliveries)
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined] # a queue pool
    door.release(Answer(status=500))
    assert (await verifying).status_code == 422


async def test_endpoint_is_probed_once_at_a_time(
    api: AsyncClient, parties: Parties, door: Door
) -> None:
    door.usual = Answer(hang=True)
    testing = asyncio.ensure_future(api.post(f"{URL}/test", headers=parties.weibo))
    await eventually(lambda: door.deliveries)
    refused = await verify(api, parties.weibo)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate-limited")
    door.release()
    assert (await testing).json()["status_code"] == 200
    assert (await verify(api, parties.weibo)).status_code == 200


def test_probes_of_one_process_are_bounded() -> None:
    places = ProbePlaces(limit=1)
    with places.take(EndpointId(1)):
        with pytest.raises(Overloaded), places.take(EndpointId(2)):
            pass
        with pytest.raises(RateLimited), places.take(EndpointId(1)):
            pass
    with places.take(EndpointId(2)):
        assert places.limit == 1
