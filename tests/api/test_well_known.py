from datetime import timedelta

import httpx
from jwt import PyJWK
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clock import FixedClock
from tests.support.sealing import BROKER_KEY
from unbind_broker.audit.signing_keys import keep_public
from unbind_broker.audit.tables import signing_keys
from unbind_broker.base.broker_key import BrokerKey, public_jwk
from unbind_broker.base.sealing import SecretKey

EARLIER = BrokerKey(SecretKey(b"the signing key of another year."))


async def test_the_present_key_is_published_before_it_signs(
    api: httpx.AsyncClient,
) -> None:
    answer = await api.get("/.well-known/jwks.json")
    assert answer.status_code == 200
    assert answer.json() == {"keys": [public_jwk(BROKER_KEY.public)]}
    assert "public" in answer.headers["cache-control"]
    signature = BROKER_KEY.sign(b"a statement")
    PyJWK(answer.json()["keys"][0]).key.verify(signature, b"a statement")


async def test_keys_that_once_signed_stay(
    api: httpx.AsyncClient, engine: AsyncEngine, clock: FixedClock
) -> None:
    async with engine.begin() as db:
        await keep_public(db, clock.now() - timedelta(days=400), EARLIER)
        await keep_public(db, clock.now(), EARLIER)
        await keep_public(db, clock.now(), BROKER_KEY)
    keys = (await api.get("/.well-known/jwks.json")).json()["keys"]
    assert [jwk["kid"] for jwk in keys] == [BROKER_KEY.key_id, EARLIER.key_id]


async def test_a_key_under_anothers_id_is_nobodys(
    api: httpx.AsyncClient, engine: AsyncEngine, clock: FixedClock
) -> None:
    row = {
        "key_id": BROKER_KEY.key_id,
        "public_key": EARLIER.public,
        "first_used_at": clock.now(),
    }
    async with engine.begin() as db:
        await db.execute(insert(signing_keys), [row])
    keys = (await api.get("/.well-known/jwks.json")).json()["keys"]
    assert keys == [public_jwk(BROKER_KEY.public)]
