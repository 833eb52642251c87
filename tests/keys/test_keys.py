import re
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, select, text

from tests.support.builders import a_carrier, a_key, a_platform
from tests.support.clock import NOON
from tests.support.trail import trail
from unbind_broker.base.database import Db
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.ids import KeyId
from unbind_broker.keys import service
from unbind_broker.keys.service import Holder
from unbind_broker.keys.tables import Role, api_keys

SOON = NOON + timedelta(hours=1)
UNKNOWN = KeyId(2_000_000)


async def test_key_of_a_carrier_is_found(db: Db) -> None:
    carrier = await a_carrier(db)
    issued = await a_key(db, carrier, "production")
    caller = await service.find_caller(db, NOON, issued.key)
    assert caller is not None
    assert (caller.role, caller.carrier_id, caller.name) == (
        Role.CARRIER,
        carrier.id,
        "production",
    )
    assert caller.actor == "carrier:china-mobile"
    assert not caller.suspended


async def test_actor_of_each_role(db: Db) -> None:
    platform_key = await a_key(db, await a_platform(db))
    admin_key, auditor_key = await a_key(db, Role.ADMIN), await a_key(db, Role.AUDITOR)
    actors = []
    for issued in (platform_key, admin_key, auditor_key):
        caller = await service.find_caller(db, NOON, issued.key)
        assert caller is not None
        actors.append(caller.actor)
    assert actors == [
        "platform:weibo",
        f"admin:{admin_key.id}",
        f"auditor:{auditor_key.id}",
    ]


@pytest.mark.parametrize("role", [Role.ADMIN, Role.AUDITOR])
async def test_text_names_the_role_and_is_random(db: Db, role: Role) -> None:
    first, second = await a_key(db, role), await a_key(db, role)
    assert re.fullmatch(rf"ub_{role}_[A-Za-z0-9_-]{{43}}", first.key)
    assert first.key != second.key


async def test_only_a_digest_and_a_hint_are_kept(db: Db) -> None:
    issued = await a_key(db, Role.ADMIN)
    row = (await db.execute(select(api_keys))).one()
    assert issued.key not in repr(row)
    assert row.hint == issued.key[-4:]
    assert issued.key not in repr(issued)


async def test_suspended_holders_are_told_apart(db: Db) -> None:
    carrier = await a_key(db, await a_carrier(db, suspended=True))
    platform = await a_key(db, await a_platform(db, suspended=True))
    for issued in (carrier, platform):
        caller = await service.find_caller(db, NOON, issued.key)
        assert caller is not None
        assert caller.suspended


@pytest.mark.parametrize(
    "key",
    [
        "",
        "ub_admin_",
        "ub_admin_" + "a" * 43,
        "ub_king_" + "a" * 43,
        "ub_admin_" + "a" * 42 + "é",
        "ub_admin_" + "a" * 42 + "\n",
        "ub_admin_" + "a" * 5000,
        "\x00",
    ],
)
async def test_unknown_or_malformed_key_is_nobodys(db: Db, key: str) -> None:
    assert await service.find_caller(db, NOON, key) is None


async def test_other_case_is_another_key(db: Db) -> None:
    issued = await a_key(db, Role.ADMIN)
    assert await service.find_caller(db, NOON, issued.key.swapcase()) is None


@pytest.mark.parametrize(("now", "lives"), [(NOON, True), (SOON, False)])
async def test_key_dies_at_its_expiry(db: Db, now: datetime, lives: bool) -> None:  # noqa: FBT001 - a table
    issued = await a_key(db, Role.ADMIN, expires_at=SOON)
    assert (await service.find_caller(db, now, issued.key) is not None) is lives


async def test_caller_is_found_by_one_statement_over_an_index(db: Db) -> None:
    issued = await a_key(db, await a_carrier(db))
    sent: list[str] = []

    def keep(*about: object) -> None:
        sent.append(str(about[2]))

    event.listen(db.sync_connection, "before_cursor_execute", keep)
    assert await service.find_caller(db, NOON, issued.key) is not None
    event.remove(db.sync_connection, "before_cursor_execute", keep)
    assert len(sent) == 1
    await db.execute(text("SET LOCAL enable_seqscan = off"))
    digests = "ARRAY['\\x00'::bytea]"
    explain = f"EXPLAIN {sent[0]}".replace("$1", digests).replace("$2", "now()")
    plan = "\n".join(row[0] for row in await db.exec_driver_sql(explain))
    assert "Index Scan using api_keys_digest_key" in plan
    assert "Seq Scan" not in plan


async def test_revoked_key_dies_and_its_sister_lives(db: Db) -> None:
    carrier = await a_carrier(db)
    old, new = await a_key(db, carrier), await a_key(db, carrier)
    revoked = await service.revoke(db, SOON, old.id, "admin:1")
    assert revoked is not None
    assert revoked.revoked_at == SOON
    assert await service.find_caller(db, SOON, old.key) is None
    assert await service.find_caller(db, SOON, new.key) is not None


async def test_revoking_twice_keeps_the_first_time(db: Db) -> None:
    issued = await a_key(db, Role.ADMIN)
    await service.revoke(db, NOON, issued.id, "admin:1")
    again = await service.revoke(db, SOON, issued.id, "admin:1")
    assert again is not None
    assert again.revoked_at == NOON
    assert len(await trail(db, "key.revoked")) == 1


async def test_unknown_key_cannot_be_revoked(db: Db) -> None:
    assert await service.revoke(db, NOON, UNKNOWN, "admin:1") is None


@pytest.mark.parametrize(
    ("name", "expires_at", "pointer"),
    [
        ("", None, "/name"),
        ("a\nb", None, "/name"),
        ("a", NOON, "/expires_at"),
        ("a", NOON - timedelta(days=1), "/expires_at"),
    ],
)
async def test_wrong_terms_are_refused(
    db: Db, name: str, expires_at: datetime | None, pointer: str
) -> None:
    with pytest.raises(InvalidFields) as caught:
        await service.issue(db, NOON, Holder(Role.ADMIN), name, expires_at, "admin:1")
    assert [wrong.pointer for wrong in caught.value.errors] == [pointer]


async def test_issuing_is_written_down_without_the_key(db: Db) -> None:
    issued = await a_key(db, await a_carrier(db), "production")
    written = (await trail(db, "key.issued"))[0]
    assert written.facts == {
        "key": issued.id,
        "role": "carrier",
        "holder": "china-mobile",
        "name": "production",
    }


async def test_pages_follow_the_order_of_issue(db: Db) -> None:
    issued = [await a_key(db, Role.ADMIN, f"key {n}") for n in range(3)]
    first = await service.list_page(db, None, 2)
    second = await service.list_page(db, first[-1].id, 2)
    assert [key.id for key in first + second] == [key.id for key in issued]


@pytest.mark.parametrize("role", list(Role))
def test_holder_must_fit_the_role(role: Role) -> None:
    with pytest.raises(ValueError, match="needs its holder, and no other"):
        Holder(
            role,
            carrier_id=None if role is Role.CARRIER else 1,  # type: ignore[arg-type] # any number does
        )
