# ruff: noqa: S608 - the statements are written in this file
"""Whatever somebody with the database's password does is found and named."""

import json
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.audit import (
    a_sealed_trail,
    all_seals,
    check,
    kinds,
    many_events,
    seal_everything,
    some_events,
    tamper,
)
from tests.support.sealing import BROKER_KEY
from unbind_broker.audit import store
from unbind_broker.audit.comparing import MOST_NAMED
from unbind_broker.audit.faults import FaultKind
from unbind_broker.audit.kept_seals import KeptSealsWrong, read_kept, show_seal
from unbind_broker.audit.sealing import hash_events
from unbind_broker.audit.seals import START, Seal, pack_leaves
from unbind_broker.audit.verifying import Anchors
from unbind_broker.base.broker_key import BrokerKey
from unbind_broker.base.database import BYTES, sql
from unbind_broker.base.sealing import SecretKey
from unbind_broker.base.signing_keys import PublicKey

OWN = {BROKER_KEY.key_id: BROKER_KEY.public}
STRANGER = BrokerKey(SecretKey(b"the key of a stranger, 32 bytes."))

PUBLIC = PublicKey(STRANGER.public).text

CHANGED = FaultKind.EVENT_CHANGED
MISSING = FaultKind.EVENT_MISSING
ADDED = FaultKind.EVENT_ADDED
REORDERED = FaultKind.EVENT_REORDERED
ALTERED = FaultKind.SEAL_ALTERED


async def test_untouched_trail_has_no_faults(engine: AsyncEngine) -> None:
    await a_sealed_trail(engine, 3, 1, 5)
    await some_events(engine, 2)
    faults, summary = await check(engine)
    assert faults == []
    assert (summary.seals, summary.events, summary.unsealed) == (3, 9, 2)
    assert summary.last is not None
    assert summary.last.number == 3


async def test_many_seals_are_walked_in_pages(engine: AsyncEngine) -> None:
    await many_events(engine, 122)
    await seal_everything(engine, most=2)
    faults, summary = await check(engine)
    assert (faults, summary.seals, summary.events) == ([], 61, 122)


async def test_empty_trail_has_no_faults(engine: AsyncEngine) -> None:
    await some_events(engine, 2)
    faults, summary = await check(engine)
    assert (faults, summary.last, summary.unsealed) == ([], None, 2)


@pytest.mark.parametrize(
    "change",
    [
        "facts = jsonb_set(facts, '{count}', '7')",
        "facts = facts || '{\"more\": 1}'",
        "facts = facts - '移动'",
        "actor = 'carrier:china-unicom'",
        "action = 'order.cancelled'",
        "at = at + interval '1 microsecond'",
        "order_id = gen_random_uuid()",
        "number_index = '\\x01'",
        "at = 'infinity'",
    ],
)
async def test_changed_event_is_named_with_what_stands(
    engine: AsyncEngine, change: str
) -> None:
    _, (_, victim, _), _ = await a_sealed_trail(engine, 2, 3, 2)
    await tamper(engine, f"UPDATE audit_events SET {change} WHERE id = :id", id=victim)
    [fault], _ = await check(engine)
    assert (fault.kind, fault.seal, fault.event) == (CHANGED, 2, victim)
    assert str(victim) in fault.detail
    assert '"actor"' in fault.detail


async def test_deleted_event_is_named(engine: AsyncEngine) -> None:
    (first, *_), _ = await a_sealed_trail(engine, 3, 2)
    await tamper(engine, "DELETE FROM audit_events WHERE id = :id", id=first)
    assert await kinds(engine) == [(MISSING, 1, first)]


async def test_last_event_of_the_last_seal_is_missed(engine: AsyncEngine) -> None:
    _, (*_, last) = await a_sealed_trail(engine, 3, 2)
    await tamper(engine, "DELETE FROM audit_events WHERE id = :id", id=last)
    assert await kinds(engine) == [(MISSING, 2, last)]


async def test_everything_deleted_is_missed(engine: AsyncEngine) -> None:
    first, second = await a_sealed_trail(engine, 3, 2)
    await tamper(engine, "DELETE FROM audit_events")
    assert await kinds(engine) == [
        *((MISSING, 1, event) for event in first),
        *((MISSING, 2, event) for event in second),
    ]


INSERT = """
    INSERT INTO audit_events (id, xid, at, actor, action, facts)
    SELECT :new, xid, at, 'admin:1', 'made.up', '{}' FROM audit_events WHERE id = :old
"""


async def test_event_inserted_with_an_old_transaction_is_named(
    engine: AsyncEngine,
) -> None:
    (_, second, _), _ = await a_sealed_trail(engine, 3, 2)
    made_up = UUID(int=second.int - 1)
    await tamper(engine, INSERT, new=made_up, old=second)
    assert await kinds(engine) == [(ADDED, 1, made_up)]


async def test_event_inserted_before_everything_is_named(engine: AsyncEngine) -> None:
    (first, *_), _ = await a_sealed_trail(engine, 3, 2)
    made_up = UUID(int=1)
    await tamper(engine, INSERT, new=made_up, old=first)
    assert await kinds(engine) == [(ADDED, 1, made_up)]


async def test_what_a_new_cluster_records_behind_the_seals_is_named(
    engine: AsyncEngine,
) -> None:
    await a_sealed_trail(engine, 3)
    [fresh] = await some_events(engine, 1)
    await tamper(engine, "UPDATE audit_events SET xid = 3 WHERE id = :id", id=fresh)
    assert await kinds(engine) == [(ADDED, 1, fresh)]


async def test_flood_of_added_events_is_named_in_part_and_counted(
    engine: AsyncEngine,
) -> None:
    await a_sealed_trail(engine, 2)
    await tamper(
        engine,
        "INSERT INTO audit_events (id, xid, at, actor, action, facts)"
        " SELECT gen_random_uuid(), 3, now(), 'a', 'b', '{}'"
        " FROM generate_series(1, :count) n",
        count=MOST_NAMED + 7000,
    )
    faults, summary = await check(engine)
    assert len(faults) == MOST_NAMED + 1
    assert faults[-1].detail == "7000 more stand there"
    assert summary.events == MOST_NAMED + 7002


async def test_swapped_transactions_are_named(engine: AsyncEngine) -> None:
    _, (a, _, c), _ = await a_sealed_trail(engine, 2, 3, 2)
    await swap(engine, a, c)
    assert set(await kinds(engine)) == {(REORDERED, 2, a), (REORDERED, 2, c)}


async def test_swapped_transactions_of_neighbours_are_named(
    engine: AsyncEngine,
) -> None:
    [(a, b)] = await a_sealed_trail(engine, 2)
    await swap(engine, a, b)
    assert set(await kinds(engine)) == {(REORDERED, 1, a), (REORDERED, 1, b)}


async def test_swapped_transactions_of_two_seals_are_named(engine: AsyncEngine) -> None:
    (a, _), (_, d) = await a_sealed_trail(engine, 2, 2)
    await swap(engine, a, d)
    assert await kinds(engine) == [
        (ADDED, 1, d),
        (REORDERED, 1, a),
        (REORDERED, 2, d),
    ]


async def swap(engine: AsyncEngine, a: UUID, b: UUID) -> None:
    await tamper(
        engine,
        "UPDATE audit_events e SET xid = o.xid FROM audit_events o"
        " WHERE (e.id = :a AND o.id = :b) OR (e.id = :b AND o.id = :a)",
        a=a,
        b=b,
    )


async def test_event_moved_out_of_the_sealed_ranges_is_named(
    engine: AsyncEngine,
) -> None:
    [(a, _)] = await a_sealed_trail(engine, 2)
    later = "UPDATE audit_events SET xid = xid + 100000 WHERE id = :id"
    await tamper(engine, later, id=a)
    assert await kinds(engine) == [(REORDERED, 1, a)]


async def test_change_of_the_transaction_alone_is_named(engine: AsyncEngine) -> None:
    [(*_, last)] = await a_sealed_trail(engine, 3)
    await tamper(
        engine, "UPDATE audit_events SET xid = xid - 1 WHERE id = :id", id=last
    )
    [(_, number, event)] = await kinds(engine)
    assert (number, event) == (1, last)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("root = sha256('x')", "its leaves do not lead to its root"),
        ("root = sha256('x')", "its signature does not hold"),
        ("signature = sha256('x') || sha256('y')", "its signature does not hold"),
        ("signature = ''", "its signature does not hold"),
        ("previous = sha256('x')", "the seal before it is not the one that it names"),
        ("sealed_at = sealed_at - interval '1 day'", "its signature does not hold"),
        ("events = events + 1", "its signature does not hold"),
        ("last_xid = last_xid + 1", "its signature does not hold"),
        ("leaves = sha256('x')", "its leaves do not lead to its root"),
        ("leaves = leaves || '\\x00'", "its leaves do not lead to its root"),
        (
            "leaves = substr(leaves, 49) || substr(leaves, 1, 48)",
            "its leaves do not lead to its root",
        ),
    ],
)
async def test_altered_seal_is_named(
    engine: AsyncEngine, change: str, said: str
) -> None:
    await a_sealed_trail(engine, 2, 3, 2)
    await tamper(engine, f"UPDATE audit_seals SET {change} WHERE number = 2")
    faults, _ = await check(engine)
    altered = [one for one in faults if one.kind is ALTERED and one.seal == 2]
    assert said in "; ".join(one.detail for one in altered)
    assert {one.kind for one in faults} == {ALTERED}


async def test_altered_leaves_accuse_no_event(engine: AsyncEngine) -> None:
    _, (event, *_) = await a_sealed_trail(engine, 2, 3)
    await tamper(
        engine,
        "UPDATE audit_seals SET leaves = overlay(leaves placing '\\x00' from 20)"
        " WHERE number = 2",
    )
    assert await kinds(engine) == [(ALTERED, 2, None)]
    await tamper(engine, "UPDATE audit_events SET actor = 'x' WHERE id = :id", id=event)
    assert (CHANGED, 2, event) in await kinds(engine)


async def test_changed_event_is_found_though_its_leaf_was_changed_too(
    engine: AsyncEngine,
) -> None:
    [(victim,)] = await a_sealed_trail(engine, 1)
    await tamper(engine, "UPDATE audit_events SET actor = 'x'")
    async with engine.begin() as db:
        stands = await store.load_event(db, victim)
        assert stands is not None
        forged = pack_leaves(hash_events([stands]))
        values = {"leaves": forged}
        await db.execute(
            sql("UPDATE audit_seals SET leaves = :leaves", leaves=BYTES), values
        )
    assert await kinds(engine) == [(ALTERED, 1, None)]


async def test_renumbered_seal_is_named(engine: AsyncEngine) -> None:
    await a_sealed_trail(engine, 2, 3)
    await tamper(engine, "UPDATE audit_seals SET number = 0 WHERE number = 1")
    found = await kinds(engine)
    assert (ALTERED, 0, None) in found


async def test_gap_in_the_seals_is_named_and_accuses_no_event(
    engine: AsyncEngine,
) -> None:
    await a_sealed_trail(engine, 2, 3, 1, 2)
    await tamper(engine, "DELETE FROM audit_seals WHERE number IN (2, 3)")
    [fault], summary = await check(engine)
    assert (fault.kind, fault.seal) == (FaultKind.SEAL_MISSING, 2)
    assert fault.detail.startswith("seals 2 to 3 are gone")
    assert summary.seals == 2


async def test_first_seal_is_missed(engine: AsyncEngine) -> None:
    await a_sealed_trail(engine, 2, 3)
    await tamper(engine, "DELETE FROM audit_seals WHERE number = 1")
    assert await kinds(engine) == [(FaultKind.SEAL_MISSING, 1, None)]


async def test_dropped_last_seal_is_missed_by_whoever_kept_it(
    engine: AsyncEngine,
) -> None:
    await a_sealed_trail(engine, 2, 3, 2)
    anchors = kept(await all_seals(engine))
    assert await kinds(engine, anchors) == []
    await tamper(engine, "DELETE FROM audit_seals WHERE number >= 2")
    faults, summary = await check(engine, anchors)
    [fault] = faults
    assert (fault.kind, fault.seal) == (FaultKind.HISTORY_TRUNCATED, 2)
    assert fault.detail == "seals 2 to 3 are gone, but kept elsewhere"
    assert summary.unsealed == 5
    await tamper(engine, "DELETE FROM audit_seals")
    assert await kinds(engine, anchors) == [(FaultKind.HISTORY_TRUNCATED, 1, None)]


async def test_everything_sealed_anew_by_another_key_is_noticed(
    engine: AsyncEngine,
) -> None:
    await a_sealed_trail(engine, 2, 3, 2)
    anchors = kept(await all_seals(engine))
    await tamper(engine, "DELETE FROM audit_seals")
    await tamper(engine, "UPDATE audit_events SET actor = 'carrier:nobody'")
    await seal_everything(engine, key=STRANGER, most=2)

    assert await kinds(engine) == [], "the stranger's key stands in the database"
    unknown = FaultKind.KEY_UNKNOWN
    assert await kinds(engine, Anchors(OWN)) == [
        (unknown, number, None) for number in (1, 2, 3, 4)
    ]
    found = await kinds(engine, anchors)
    assert (FaultKind.HISTORY_REWRITTEN, 1, None) in found
    assert (unknown, 4, None) in found


async def test_history_rewritten_by_the_key_itself_is_noticed_by_kept_seals(
    engine: AsyncEngine,
) -> None:
    first, *_ = await a_sealed_trail(engine, 2, 3, 2)
    anchors = kept(await all_seals(engine))
    await tamper(engine, "DELETE FROM audit_seals WHERE number > 1")
    await tamper(
        engine, "UPDATE audit_events SET actor = 'x' WHERE id > :id", id=first[1]
    )
    await seal_everything(engine, most=1)
    assert await kinds(engine, Anchors(OWN)) == []
    [fault], _ = await check(engine, anchors)
    assert (fault.kind, fault.seal) == (FaultKind.HISTORY_REWRITTEN, 2)
    assert fault.detail == "seals 2 to 3 are not as kept elsewhere"


async def test_kept_seals_need_not_be_all(engine: AsyncEngine) -> None:
    await a_sealed_trail(engine, 1, 1, 1, 1, 1)
    anchors = kept((await all_seals(engine))[1::2])
    assert await kinds(engine, anchors) == []
    await tamper(engine, "UPDATE audit_seals SET sealed_at = now() WHERE number = 2")
    assert (FaultKind.HISTORY_REWRITTEN, 2, None) in await kinds(engine, anchors)


def kept(seals: Sequence[Seal]) -> Anchors:
    """Anchors as a file of exported seals gives them."""
    found = read_kept(json.dumps(show_seal(one, OWN)) + "\n" for one in seals)
    return Anchors(found.keys, found.digests)


async def test_damaged_file_of_kept_seals_is_refused(engine: AsyncEngine) -> None:
    await a_sealed_trail(engine, 1, 1)
    one, two = [show_seal(one, OWN) for one in await all_seals(engine)]
    for wrong, said in [
        ({**one, "signature": two["signature"]}, "its signature does not hold"),
        ({**one, "statement": two["statement"]}, "its signature does not hold"),
        ({**one, "public_key": None}, "line 1 is no seal"),
        ({**one, "public_key": PUBLIC}, "the key is not the one that it names"),
        ({**one, "statement": "{}"}, "number is missing"),
        ({**one, "statement": '{"number": "1", "key_id": "x"}'}, "its number is none"),
        ({}, "statement is missing"),
        ([], "line 1 is no seal"),
    ]:
        with pytest.raises(KeptSealsWrong, match=said):
            read_kept([json.dumps(wrong)])
    made = Seal(1, START, 1, b"", b"", "", STRANGER.key_id, b"")
    other = replace(made, signature=STRANGER.sign(made.statement))
    shown = show_seal(other, {STRANGER.key_id: STRANGER.public})
    with pytest.raises(KeptSealsWrong, match="another seal 1 stands in the file"):
        read_kept([json.dumps(one), json.dumps(shown)])
    with pytest.raises(KeptSealsWrong, match="line 3 is no seal: it is not JSON"):
        read_kept([json.dumps(one), "\n", "{"])
