"""Whoever touches the signatures of others is found out as well."""

from base64 import b64decode

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.audit import a_sealed_trail, check, kinds, tamper
from tests.support.clock import NOON
from tests.support.sealing import BROKER_KEY
from unbind_broker.audit import store
from unbind_broker.audit.cosigning import cosign
from unbind_broker.audit.faults import FaultKind
from unbind_broker.base.broker_key import BrokerKey
from unbind_broker.base.sealing import SecretKey
from unbind_broker.base.signing_keys import PublicKey

AUDITOR = BrokerKey(SecretKey(b"the key of an auditor, 32 bytes."))
KEY = PublicKey(AUDITOR.public)
STRANGERS = PublicKey(BROKER_KEY.public).text


@pytest.fixture
async def witnessed(engine: AsyncEngine) -> AsyncEngine:
    await a_sealed_trail(engine, 2, 2)
    async with engine.begin() as db:
        for number in (1, 2):
            seal = await store.load_seal(db, number)
            assert seal is not None
            signature = AUDITOR.sign(seal.statement)
            await cosign(db, NOON, seal, KEY, signature, "auditor:7")
    return engine


async def test_what_others_signed_stands(witnessed: AsyncEngine) -> None:
    assert await kinds(witnessed) == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("signature", b64decode("AAAA")),
        ("signed_by", "auditor:8"),
        ("public_key", STRANGERS),
        ("public_key", "no key"),
    ],
)
async def test_a_changed_cosignature_is_named(
    witnessed: AsyncEngine, column: str, value: object
) -> None:
    statement = f"UPDATE audit_cosignatures SET {column} = :v WHERE seal_number = 2"  # noqa: S608 - written above
    await tamper(witnessed, statement, v=value)
    faults, _ = await check(witnessed)
    assert (faults[0].kind, faults[0].seal) == (FaultKind.COSIGNATURE_ALTERED, 2)


async def test_one_that_is_gone_is_named_with_what_tells_of_it(
    witnessed: AsyncEngine,
) -> None:
    await tamper(witnessed, "DELETE FROM audit_cosignatures WHERE seal_number = 1")
    ((kind, seal, event),) = await kinds(witnessed)
    assert (kind, seal) == (FaultKind.COSIGNATURE_MISSING, 1)
    assert event is not None


async def test_one_that_is_told_to_be_of_another_seal_is_named(
    witnessed: AsyncEngine,
) -> None:
    await tamper(witnessed, "DELETE FROM audit_cosignatures WHERE seal_number = 1")
    moved = "UPDATE audit_cosignatures SET seal_number = 1 WHERE seal_number = 2"
    await tamper(witnessed, moved)
    assert {kind for kind, *_ in await kinds(witnessed)} == {
        FaultKind.COSIGNATURE_ALTERED,
        FaultKind.COSIGNATURE_MISSING,
    }
