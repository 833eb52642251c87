"""How single calls are made, told by what a broker hears."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from tests.client.conftest import NUMBER, QUICK, a_question, an_unbinding
from tests.client.scripted import Said, ScriptedBroker, problem
from unbind_broker.client import Client, Options, Retrying, errors
from unbind_broker.client.calls import Calls
from unbind_broker.client.order_shapes import Consent, body_of
from unbind_broker.client.orders import Orders

KEY = "ub_carrier_test"
ORDER: dict[str, Any] = {
    "id": "ord_01kb2x5c7zf3v8h1m4n6p9q2rs",
    "kind": "unbind",
    "status": "thinking",
    "number": "+86138****1234",
    "owner_since": "2025-03-01",
    "cutoff": "2025-02-28T16:00:00Z",
    "scope": "previous_owner",
    "action": "detach",
    "carrier": "china-mobile",
    "reference": None,
    "created_at": "2026-11-21T08:00:00Z",
    "deadline": "2026-11-27T15:59:59Z",
    "summary": {"total": 1, "pondered": 1},
    "sensitive": {"total": 2, "finished": 1, "mood": "good"},
    "items": [
        {"platform": "weibo", "platform_name": "微博", "status": "pondered", "new": 1}
    ],
    "invented_later": {"a": [1]},
}


@pytest.mark.parametrize(
    "busy",
    [
        problem(429, "rate-limited", Retry_After="0"),
        problem(503, "overloaded", Retry_After="0"),
        problem(503, "database-unavailable"),
        problem(409, "idempotency-in-progress"),
        Said(502, "<html>"),
    ],
)
async def test_busy_broker_is_asked_again_with_the_same_key_and_bytes(
    scripted: ScriptedBroker, busy: Said
) -> None:
    scripted.will_say(busy, busy, Said(202, ORDER))
    async with Client(scripted.url, KEY, QUICK) as client:
        await client.orders.place(an_unbinding())

    assert len(scripted.heard) == 3
    assert len({call.body for call in scripted.heard}) == 1
    assert len({call.headers["idempotency-key"] for call in scripted.heard}) == 1


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (problem(400, "malformed-json"), errors.Invalid),
        (problem(401, "unauthenticated"), errors.Unauthenticated),
        (problem(403, "wrong-role"), errors.WrongRole),
        (problem(403, "suspended"), errors.Suspended),
        (problem(404, "not-found"), errors.NotFound),
        (problem(409, "ownership-superseded"), errors.OwnershipSuperseded),
        (problem(409, "unbinding-braked"), errors.UnbindingBraked),
        (problem(422, "no-platforms"), errors.PlatformsWrong),
        (problem(422, "idempotency-key-reused"), errors.IdempotencyKeyReused),
        (problem(422, "invented-later"), errors.Invalid),
        (problem(409, "invented-later"), errors.Refused),
        (problem(500, "internal-error"), errors.BrokerFault),
        (problem(429, "rate-limited", Retry_After="3600"), errors.RateLimited),
    ],
)
async def test_refusal_is_told_at_once_by_its_meaning(
    scripted: ScriptedBroker, said: Said, kind: type[errors.Refused]
) -> None:
    scripted.will_say(said)
    async with Client(scripted.url, KEY, QUICK) as client:
        with pytest.raises(errors.Refused) as refused:
            await client.orders.place(an_unbinding())

    assert type(refused.value) is kind
    assert (refused.value.status, refused.value.request_id) == (said.status, "r-1")
    assert len(scripted.heard) == 1


async def test_retry_after_is_waited_for(scripted: ScriptedBroker) -> None:
    waited = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    date = "Sat, 21 Nov 2026 08:00:00 GMT"
    later = "Sat, 21 Nov 2026 08:00:30 GMT"
    scripted.will_say(
        problem(429, "rate-limited", Retry_After="7"),
        problem(503, "overloaded", Retry_After=later, Date=date),
        problem(503, "overloaded", Retry_After="soon"),
        Said(200, ORDER),
    )
    async with httpx.AsyncClient(base_url=scripted.url) as http:
        calls = Calls(http, Retrying(), lambda: 0.0, sleep)
        await Orders(calls).get("ord_1")

    assert waited == [7.1, 30.2, 0.4]


async def test_unknown_fields_and_statuses_of_a_newer_broker_do_no_harm(
    scripted: ScriptedBroker,
) -> None:
    scripted.will_say(Said(200, ORDER))
    async with Client(scripted.url, KEY, QUICK) as client:
        order = await client.orders.get("ord_1")

    assert (order.status, order.items[0].status) == ("thinking", "pondered")
    assert not order.is_over
    assert order.created_at == datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.mark.parametrize("body", ["<html>", {"id": NUMBER}, [], None])
async def test_answer_of_somebody_else_is_not_repeated(
    scripted: ScriptedBroker, body: object
) -> None:
    scripted.will_say(Said(200, body))
    async with Client(scripted.url, KEY, QUICK) as client:
        with pytest.raises(errors.AnswerUnreadable) as unreadable:
            await client.orders.get("ord_1")
    assert NUMBER not in str(unreadable.value)


async def test_neither_number_nor_key_is_shown_anywhere(
    scripted: ScriptedBroker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    scripted.will_say(problem(429, "rate-limited"), problem(422, "validation-failed"))
    unbinding = an_unbinding()
    async with Client(scripted.url, KEY, QUICK) as client:
        shown = repr(client) + repr(unbinding) + repr(a_question()) + str(unbinding)
        with pytest.raises(errors.Invalid) as refused:
            await client.orders.place(unbinding)

    shown += repr(refused.value) + str(refused.value) + caplog.text
    assert "call_repeated" in caplog.text
    assert KEY not in shown
    assert "1380000" not in shown


@pytest.mark.parametrize("key", ["", "ub carrier", "ub_钥匙", "ub_\n"])
def test_key_that_cannot_be_sent_is_refused_unrepeated(key: str) -> None:
    with pytest.raises(ValueError, match="expected a key such as ub_carrier_…"):
        Client("https://broker.example", key)


@pytest.mark.parametrize(
    "url",
    ["broker.example", "ftp://broker.example", "https://a:b@c.example", "http://"],
)
def test_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        Client(url, KEY)


@pytest.mark.parametrize("name", ["../me", "ord_1/cancel", "ord_1?x=1", ""])
async def test_id_that_leads_elsewhere_is_refused(name: str) -> None:
    async with Client("http://127.0.0.1:9", KEY, QUICK) as client:
        with pytest.raises(ValueError, match="expected an id"):
            await client.orders.get(name)


def test_instants_are_sent_in_utc_and_never_without_a_zone() -> None:
    shanghai = timezone(timedelta(hours=8))
    asked = a_question()
    at = datetime(2026, 11, 21, 16, tzinfo=shanghai)
    consents = Consent("in_app", at), Consent("in_app", at.replace(tzinfo=None))

    there, nowhere = (
        type(asked)(number=NUMBER, owner_since=asked.owner_since, consent=consent)
        for consent in consents
    )

    assert body_of(there)["consent"]["at"] == "2026-11-21T08:00:00.000Z"
    with pytest.raises(ValueError, match="time zone"):
        body_of(nowhere)


async def test_tries_come_to_an_end(scripted: ScriptedBroker) -> None:
    scripted.will_say(problem(503, "overloaded", Retry_After="0"))
    options = Options(retrying=Retrying(tries=3, first=timedelta(0)))
    async with Client(scripted.url, KEY, options) as client:
        with pytest.raises(errors.Unavailable):
            await client.orders.place(an_unbinding())
    assert len(scripted.heard) == 3


@pytest.mark.real_time(0.2)
async def test_broker_that_never_answers_is_not_waited_for_without_end() -> None:
    heard = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    retrying = Retrying(tries=2, first=timedelta(0))
    options = Options(timeout=timedelta(milliseconds=400), retrying=retrying)
    async with server, Client(f"http://{host}:{port}", KEY, options) as client:
        with pytest.raises(errors.Unreachable, match="ReadTimeout") as missed:
            await client.orders.get("ord_1")

    assert not missed.value.unsent
    assert len(heard) == 2
