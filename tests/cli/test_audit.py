"""``audit verify`` and ``audit seals``, as an administrator sees them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.cli.conftest import Command
from tests.support.audit import a_sealed_trail, seal_everything, some_events, tamper
from tests.support.database import open_patient_engine
from tests.support.sealing import BROKER_KEY
from unbind_broker.base.broker_key import BrokerKey, public_jwk
from unbind_broker.base.sealing import SecretKey

pytestmark = pytest.mark.usefixtures("on_server")

STRANGER = BrokerKey(SecretKey(b"the key of a stranger, 32 bytes."))
Do = Callable[[Callable[[AsyncEngine], Awaitable[object]]], None]


@pytest.fixture
def do(database_url: str) -> Do:
    """Do something in the database; commands run on loops of their own."""

    async def work(what: Callable[[AsyncEngine], Awaitable[object]]) -> None:
        engine = open_patient_engine(database_url, pool=2, application="tests")
        try:
            await what(engine)
        finally:
            await engine.dispose()

    return lambda what: asyncio.run(work(what))


def statement(text: str) -> Callable[[AsyncEngine], Awaitable[object]]:
    return lambda engine: tamper(engine, text)


@pytest.fixture
def sealed(do: Do) -> None:
    async def make(engine: AsyncEngine) -> None:
        await a_sealed_trail(engine, 2, 3)
        await some_events(engine, 4)

    do(make)


@pytest.mark.usefixtures("sealed")
def test_whole_trail_is_told_in_one_line(command: Command) -> None:
    ended = command("audit", "verify")
    assert ended.code == 0
    assert ended.out == (
        "no faults; 5 events in sealed ranges; 2 seals; "
        "last seal: seal 2 of 2026-11-20T04:00:00.000000Z; 4 not sealed yet; "
        f"signed by {BROKER_KEY.key_id}\n"
    )
    told = json.loads(command("audit", "verify", "--json").out)
    assert told == {
        "faults": 0,
        "events": 5,
        "seals": 2,
        "unsealed": 4,
        "last_seal": {"number": 2, "sealed_at": "2026-11-20T04:00:00.000000Z"},
        "signed_by": {BROKER_KEY.key_id: 2},
        "kept_seals": None,
    }


def test_empty_trail_is_whole(command: Command) -> None:
    ended = command("audit", "verify")
    assert ended.code == 0
    assert "no faults; 0 events" in ended.out
    assert "last seal: none" in ended.out
    assert "signed by nobody" in ended.out


@pytest.mark.usefixtures("sealed")
def test_each_fault_is_a_line_and_the_exit_code_tells(command: Command, do: Do) -> None:
    do(statement("UPDATE audit_seals SET previous = root WHERE number = 2"))
    do(statement("UPDATE audit_events SET actor = 'x' WHERE facts->>'count' = '1'"))
    ended = command("audit", "verify")
    assert ended.code == 1
    *faults, summary = ended.out.splitlines()
    assert [fault.partition(": ")[0] for fault in faults] == [
        "event_changed",
        "seal_altered",
        "event_changed",
    ]
    assert "seal 1 evt_" in faults[0]
    assert summary.startswith("3 faults; 5 events")
    told = command("audit", "verify", "--json")
    assert told.code == 1
    first, *_, last = [json.loads(line) for line in told.out.splitlines()]
    assert (first["fault"], first["seal"]) == ("event_changed", 1)
    assert first["event"].startswith("evt_")
    assert last["faults"] == 3


@pytest.mark.usefixtures("sealed")
def test_seals_kept_elsewhere_show_what_was_cut_off(
    command: Command, do: Do, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.ndjson"
    ended = command("audit", "seals", "--output", str(kept))
    assert (ended.code, ended.out) == (0, f"2 seals in {kept}\n")
    assert command("audit", "seals").out == kept.read_text()
    compared = command("audit", "verify", "--seals", str(kept))
    assert compared.code == 0
    assert compared.out.endswith("; 2 kept seals compared\n")

    do(statement("DELETE FROM audit_seals WHERE number = 2"))

    assert command("audit", "verify").code == 0
    ended = command("audit", "verify", "--seals", str(kept))
    assert ended.code == 1
    assert ended.out.startswith(
        "history_truncated: seal 2: seal 2 is gone, but kept elsewhere\n"
    )


@pytest.mark.usefixtures("sealed")
def test_trail_sealed_anew_by_another_key_needs_an_anchor_to_be_noticed(
    command: Command, do: Do, tmp_path: Path
) -> None:
    kept, keys = tmp_path / "kept.ndjson", tmp_path / "jwks.json"
    command("audit", "seals", "--output", str(kept))
    keys.write_text(json.dumps({"keys": [public_jwk(BROKER_KEY.public)]}))
    assert command("audit", "verify", "--jwks", str(keys)).code == 0
    do(statement("DELETE FROM audit_seals"))
    do(statement("UPDATE audit_events SET actor = 'x'"))
    do(lambda engine: seal_everything(engine, key=STRANGER, most=3))

    by_keys = command("audit", "verify", "--jwks", str(keys))
    by_seals = command("audit", "verify", "--seals", str(kept))

    assert by_keys.code == by_seals.code == 1
    assert by_keys.out.startswith(
        f"key_unknown: seal 1: seal 1 is signed by {STRANGER.key_id}, an unknown key"
    )
    assert "history_rewritten: seal 1: seals 1 to 2 are not" in by_seals.out
    assert STRANGER.key_id in command("audit", "verify").out


def test_file_without_seals_proves_nothing(command: Command, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("\n")
    ended = command("audit", "verify", "--seals", str(empty))
    assert (ended.code, ended.out) == (1, "")
    assert "the file has none" in ended.err


def test_unusable_file_is_named_in_one_line(command: Command, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text('{"no": "seal"}')
    for option in ("--seals", "--jwks"):
        ended = command("audit", "verify", option, str(wrong))
        assert ended.code == 1
        assert ended.err.count("\n") == 1
        missing = command("audit", "verify", option, str(tmp_path / "absent"))
        assert missing.err.startswith("unbind-broker: No such file or directory")
