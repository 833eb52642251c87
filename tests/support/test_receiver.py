import asyncio
import json
from datetime import UTC, datetime
from http import HTTPStatus

import httpx
import pytest

from tests.support.receiver import Answer, Receiver
from tests.support.waiting import eventually
from unbind_broker.base.signing import sign_v1, signature_headers
from unbind_broker.base.signing_keys import Secret

SECRET = Secret(b"an endpoint's secret: 32 bytes..")
STRANGER = Secret(b"a secret that nobody installed..")
PAYLOAD: dict[str, object] = {
    "type": "unbind.requested",
    "data": {"items": [{"id": "ord_1"}, {"id": "ord_2"}]},
}


async def post(
    url: str, payload: dict[str, object] = PAYLOAD, secret: Secret = SECRET
) -> httpx.Response:
    body, now = json.dumps(payload).encode(), datetime.now(UTC)
    headers = signature_headers("msg_1", now, sign_v1([secret], "msg_1", now, body))
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(url, content=body, headers=headers)


async def test_keeps_what_an_installed_secret_signed(
    receiver: Receiver,
) -> None:
    door = receiver.door("weibo", SECRET.text)
    answer = await post(door.url)
    assert answer.status_code == HTTPStatus.OK
    assert door.item_ids == ["ord_1", "ord_2"]
    assert receiver.deliveries == door.deliveries


async def test_refuses_what_is_signed_with_another_secret(receiver: Receiver) -> None:
    door = receiver.door("weibo", SECRET.text)
    answer = await post(door.url, secret=STRANGER)
    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert (door.rejected, door.deliveries) == (1, [])


async def test_answers_challenges_by_itself(receiver: Receiver) -> None:
    door = receiver.door("weibo", SECRET.text)
    door.usual = Answer(status=503)
    challenge: dict[str, object] = {
        "type": "endpoint.verification",
        "data": {"challenge": "c"},
    }
    answer = await post(door.url, challenge)
    assert answer.json() == {"challenge": "c"}
    assert door.deliveries == []


async def test_answers_as_scripted_and_then_as_usual(receiver: Receiver) -> None:
    door = receiver.door("weibo", SECRET.text)
    door.usual = Answer(results=lambda item: {"id": item["id"]})
    door.then(Answer(status=503, headers={"Retry-After": "3"}))
    first, second = await post(door.url), await post(door.url)
    assert (first.status_code, first.headers["retry-after"]) == (503, "3")
    assert second.json() == {"results": [{"id": "ord_1"}, {"id": "ord_2"}]}
    assert door.times_sent["ord_1"] == 2


async def test_drops_the_connection_when_told(receiver: Receiver) -> None:
    door = receiver.door("weibo", SECRET.text)
    door.then(Answer(reset=True))
    with pytest.raises(httpx.TransportError):
        await post(door.url)


async def test_counts_what_is_under_way_at_once(receiver: Receiver) -> None:
    door = receiver.door("weibo", SECRET.text)
    door.usual = Answer(hang=True)
    hanging = [asyncio.ensure_future(post(door.url)) for _ in range(3)]
    await eventually(lambda: len(door.deliveries) == 3)
    for one in hanging:
        one.cancel()
    assert door.peak_in_flight == 3


async def test_there_is_nothing_at_other_paths(receiver: Receiver) -> None:
    answer = await post(f"{receiver.base_url}/p/nobody")
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert receiver.strangers == ["/p/nobody"]
