"""Auditors read who did what to whom, and check offline that it was sealed."""

import json
from base64 import b64decode
from datetime import timedelta

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.api.registry import Headers, Parties
from tests.support.audit import seal_everything, some_events, tamper
from tests.support.clock import NOON, FixedClock
from tests.support.order_builders import NUMBER, a_query, a_reachable_platform, an_order
from tests.support.sealing import BLIND_INDEX, BROKER_KEY
from tests.support.trail import trail
from unbind_broker.audit.hashing import leaf_hash, path_leads_to
from unbind_broker.audit.seals import signature_holds
from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.ids import Prefix, format_id, new_uuid7, without_ids
from unbind_broker.base.signing_keys import PublicKey
from unbind_broker.carriers.service import find as find_carrier

EVENTS = "/v1/audit/events"


async def read(
    api: httpx.AsyncClient, headers: Headers, path: str = EVENTS, **query: str | int
) -> httpx.Response:
    return await api.get(path, params=query, headers=headers)


async def test_only_auditors_and_administrators_read_the_trail(
    api: httpx.AsyncClient, parties: Parties
) -> None:
    for headers in (parties.auditor, parties.admin):
        assert (await read(api, headers)).status_code == 200
    for headers in (parties.mobile, parties.weibo):
        answer = await read(api, headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong-role")
    assert (await api.get(EVENTS)).status_code == 401


async def test_events_come_newest_first_with_what_is_sealed(
    api: httpx.AsyncClient, parties: Parties, engine: AsyncEngine
) -> None:
    await some_events(engine, 2)
    await seal_everything(engine)
    at = NOON + timedelta(seconds=1, microseconds=120)
    order_id, index = new_uuid7(NOON), BLIND_INDEX.index(NUMBER)
    async with engine.begin() as db:
        fact = Fact("broker", "made.up", order_id, index, {"ids": [1, "移动", None]})
        await record(db, at, fact)

    answer = (await read(api, parties.auditor)).json()

    newest, older, *_ = answer["data"]
    assert newest.pop("id").startswith("evt_")
    assert newest == {
        "at": "2026-11-20T04:00:01.000120Z",
        "actor": "broker",
        "action": "made.up",
        "order": format_id(Prefix.ORDER, order_id),
        "subject": index.hex(),
        "facts": {"ids": [1, "移动", None]},
        "seal": None,
    }
    assert (older["action"], older["seal"]) == ("order.accepted", 1)
    assert answer["next_cursor"] is None


async def test_pages_follow_one_another_though_events_arrive(
    api: httpx.AsyncClient, parties: Parties, engine: AsyncEngine
) -> None:
    await some_events(engine, 5)
    seen: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        page = (
            await read(api, parties.auditor, action="order.accepted", limit=2, **cursor)
        ).json()
        seen += [event["facts"]["count"] for event in page["data"]]
        if page["next_cursor"] is None:
            break
        await some_events(engine, 1)
        cursor = {"cursor": page["next_cursor"]}
    assert seen == [4, 3, 2, 1, 0]


async def test_filters_narrow_the_list(
    api: httpx.AsyncClient, parties: Parties, engine: AsyncEngine
) -> None:
    async with engine.begin() as db:
        for place, (actor, action) in enumerate(
            [("carrier:a", "x.y"), ("carrier:a", "x.z"), ("admin:3", "x.y")]
        ):
            fact = Fact(actor, action, facts={"place": place})
            await record(db, NOON + timedelta(minutes=place), fact)

    async def places(**query: str) -> list[int]:
        answer = await read(api, parties.auditor, **query)
        found = [event["facts"].get("place") for event in answer.json()["data"]]
        return [place for place in found if place is not None]

    assert await places() == [2, 1, 0]
    assert await places(actor="carrier:a") == [1, 0]
    assert await places(action="x.y") == [2, 0]
    assert await places(actor="carrier:a", action="x.y") == [0]
    assert await places(after="2026-11-20T04:00:00Z") == [2, 1]
    assert await places(before="2026-11-20T04:02:00Z") == [1, 0]
    between = {"after": "2026-11-20T04:00:30Z", "before": "2026-11-20T04:01:30Z"}
    assert await places(**between) == [1]
    assert await places(after="9999-12-31T23:59:59Z") == []
    assert await places(before="0001-01-01T00:00:00Z") == []
    assert await places(before="9999-12-31T23:59:59Z") == [2, 1, 0]
    assert await places(after="0001-01-01T00:00:00Z") == [2, 1, 0]


async def test_events_of_a_query_or_an_order_are_found_by_its_id(
    api: httpx.AsyncClient, parties: Parties, engine: AsyncEngine
) -> None:
    async with engine.begin() as db:
        carrier = await find_carrier(db, "china-mobile")
        assert carrier is not None
        await a_reachable_platform(db, "zhihu")
        query, order = await a_query(db, carrier), await an_order(db, carrier)
    for prefix, order_id in ((Prefix.QUERY, query), (Prefix.ORDER, order)):
        named = format_id(prefix, order_id)
        found = (await read(api, parties.auditor, order=named)).json()["data"]
        assert "order.accepted" in {event["action"] for event in found}
        assert {event["order"] for event in found} == {named}


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"order": "evt_01kb2x5c7zf3v8h1m4n6p9q2rs"}, "/query/order"),
        ({"actor": "+8613800001234"}, "/query/actor"),
        ({"action": "drop table"}, "/query/action"),
        ({"after": "yesterday"}, "/query/after"),
        ({"cursor": "%00"}, "/query/cursor"),
        ({"limit": "0"}, "/query/limit"),
    ],
)
async def test_wrong_filter_is_refused(
    api: httpx.AsyncClient, parties: Parties, query: dict[str, str], pointer: str
) -> None:
    answer = await read(api, parties.auditor, **query)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_events_of_a_number_are_found_without_naming_it(
    api: httpx.AsyncClient, parties: Parties, engine: AsyncEngine
) -> None:
    index = BLIND_INDEX.index(NUMBER)
    async with engine.begin() as db:
        await record(db, NOON, Fact("carrier:a", "x.y", number_index=index))
        await record(db, NOON, Fact("carrier:b", "x.y", number_index=index))
        await record(db, NOON, Fact("carrier:a", "x.y", number_index=b"another"))

    async def search(**body: str) -> list[str]:
        answer = await api.post(
            f"{EVENTS}/search",
            json={"number": "138 0000 1234", **body},
            headers=parties.auditor,
        )
        assert answer.status_code == 200
        shown = without_ids(answer.text.replace(index.hex(), ""))
        assert "1234" not in shown
        return [event["actor"] for event in answer.json()["data"]]

    assert await search(action="x.y") == ["carrier:b", "carrier:a"]
    assert await search(actor="carrier:b") == ["carrier:b"]
    assert await search(action="audit.read") == ["auditor:2", "auditor:2"]
    async with engine.connect() as db:
        told = [one.facts for one in await trail(db, "audit.read")]
    assert told[0] == {"what": "events", "filters": {"action": "x.y"}, "shown": 2}
    assert "13800001234" not in json.dumps(told)


async def test_reading_is_itself_recorded(
    api: httpx.AsyncClient, parties: Parties, engine: AsyncEngine
) -> None:
    await read(api, parties.admin, actor="carrier:a", after="2026-11-20T04:00:00Z")
    await read(api, parties.auditor, actor="carrier:13800001234")
    async with engine.connect() as db:
        first, second = await trail(db, "audit.read")
    assert first.actor == "admin:1"
    assert first.facts == {
        "what": "events",
        "filters": {"actor": "carrier:a", "after": "2026-11-20T04:00:00Z"},
        "shown": 0,
    }
    assert second.actor == "auditor:2"
    assert "13800001234" not in str(second.facts)


async def test_proof_is_checked_offline(
    api: httpx.AsyncClient, parties: Parties, engine: AsyncEngine
) -> None:
    ids = await some_events(engine, 7)
    await seal_everything(engine)
    named = format_id(Prefix.EVENT, ids[4])

    proof = (await read(api, parties.auditor, f"{EVENTS}/{named}/proof")).json()

    seal = proof["seal"]
    leaf = leaf_hash(proof["canonical"].encode())
    path = [bytes.fromhex(node) for node in proof["path"]]
    statement = json.loads(seal["statement"])
    root = bytes.fromhex(statement["root"])
    assert leaf.hex() == proof["leaf_hash"]
    assert path_leads_to(root, leaf, proof["index"], proof["tree_size"], path)
    assert statement["events"] == proof["tree_size"]
    assert json.loads(proof["canonical"])["id"] == str(ids[4])
    key = PublicKey.parse(seal["public_key"])
    assert key.raw == BROKER_KEY.public
    signature = b64decode(seal["signature"])
    assert signature_holds(key.raw, signature, seal["statement"].encode())
    assert {name: seal[name] for name in statement} == statement


async def test_proof_that_cannot_be_given_is_refused_with_the_reason(
    api: httpx.AsyncClient, parties: Parties, engine: AsyncEngine
) -> None:
    async def refusal(event_id: str) -> tuple[int, str]:
        path = f"{EVENTS}/{event_id}/proof"
        answer = await read(api, parties.auditor, path)
        return answer.status_code, answer.json()["code"]

    [sealed] = await some_events(engine, 1)
    await seal_everything(engine)
    [fresh] = await some_events(engine, 1)
    unknown = format_id(Prefix.EVENT, new_uuid7(NOON))
    not_sealed = (409, "event-not-sealed")
    assert await refusal(format_id(Prefix.EVENT, fresh)) == not_sealed
    assert await refusal(unknown) == (404, "not-found")
    assert await refusal("ord_01kb2x5c7zf3v8h1m4n6p9q2rs") == (404, "not-found")
    assert await refusal("evt_x") == (404, "not-found")
    await tamper(
        engine, "UPDATE audit_events SET actor = 'x' WHERE id = :id", id=sealed
    )
    broken = (409, "event-not-as-sealed")
    assert await refusal(format_id(Prefix.EVENT, sealed)) == broken


async def test_facts_that_no_program_wrote_are_shown_as_text(
    api: httpx.AsyncClient, parties: Parties, engine: AsyncEngine, clock: FixedClock
) -> None:
    [event] = await some_events(engine, 1, now=clock.now() + timedelta(hours=1))
    odd = "UPDATE audit_events SET facts = ('{\"n\":' || repeat('9', 5000) || '}')"
    await tamper(engine, f"{odd}::jsonb, at = 'infinity' WHERE id = :id", id=event)
    shown = (await read(api, parties.auditor)).json()["data"][0]
    assert shown["at"] == "infinity"
    assert shown["facts"].startswith('{"n": 999')
