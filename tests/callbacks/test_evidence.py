from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.support.builders import a_platform
from tests.support.clock import NOON
from tests.support.order_builders import a_reachable_platform
from unbind_broker.base.database import Db
from unbind_broker.base.ids import PlatformId
from unbind_broker.base.signing import (
    SignatureInvalid,
    check_v1a,
    sign_v1a,
    signature_headers,
)
from unbind_broker.base.signing_keys import PrivateKey, PublicKey
from unbind_broker.callbacks.evidence import (
    SignedReport,
    WebhookIdReused,
    earlier_answer,
    keep,
    public_key_of,
    verify,
)
from unbind_broker.callbacks.tables import evidence

KEY = PrivateKey(b"a platform's seed of thirty-two ")
OTHER = PrivateKey(b"another platform's seed of 32 by")
BODY = b'{"results": []}'


def headers(key: PrivateKey = KEY, webhook_id: str = "rep_1") -> dict[str, str]:
    signature = sign_v1a(key, webhook_id, NOON, BODY)
    return signature_headers(webhook_id, NOON, signature)


def signed(platform: PlatformId, body: bytes = BODY) -> SignedReport:
    given = signature_headers("rep_1", NOON, sign_v1a(KEY, "rep_1", NOON, body))
    return verify(platform, KEY.public.text, given, body, NOON)


async def test_a_platforms_key_is_the_one_it_registered(db: Db) -> None:
    keyed = await a_reachable_platform(db, result_public_key=KEY.public.text)
    plain = await a_reachable_platform(db, "douyin")
    nothing = await a_platform(db, "jd")
    assert await public_key_of(db, keyed.id) == KEY.public.text
    assert await public_key_of(db, plain.id) is None
    assert await public_key_of(db, nothing.id) is None


def test_a_signed_report_is_recognised() -> None:
    shouted = {name.upper(): value for name, value in headers().items()}
    report = verify(PlatformId(1), KEY.public.text, shouted, BODY, NOON)
    assert (report.webhook_id, report.body) == ("rep_1", BODY)


@pytest.mark.parametrize(
    ("given", "body", "later"),
    [
        ({}, BODY, timedelta()),
        (headers(OTHER), BODY, timedelta()),
        (headers(), BODY + b" ", timedelta()),
        (headers(), BODY, timedelta(minutes=5, seconds=1)),
        (headers(), BODY, -timedelta(minutes=5, seconds=1)),
    ],
)
def test_other_reports_are_not(
    given: dict[str, str], body: bytes, later: timedelta
) -> None:
    with pytest.raises(SignatureInvalid):
        verify(PlatformId(1), KEY.public.text, given, body, NOON + later)


async def test_a_report_that_comes_again_gets_its_first_answer(db: Db) -> None:
    platform = await a_reachable_platform(db)
    report = signed(platform.id)
    assert await earlier_answer(db, report) is None
    await keep(db, NOON, report, b"first")
    assert await earlier_answer(db, report) == b"first"


async def test_a_webhook_id_belongs_to_one_body(db: Db) -> None:
    platform = await a_reachable_platform(db)
    other = await a_reachable_platform(db, "douyin")
    await keep(db, NOON, signed(platform.id), b"first")
    with pytest.raises(WebhookIdReused):
        await earlier_answer(db, signed(platform.id, b'{"results": [1]}'))
    assert await earlier_answer(db, signed(other.id)) is None


async def test_kept_evidence_verifies_years_later(db: Db) -> None:
    platform = await a_reachable_platform(db)
    await keep(db, NOON, signed(platform.id), b"first")
    row = (await db.execute(select(evidence))).one()
    kept = {
        "webhook-id": row.webhook_id,
        "webhook-timestamp": row.webhook_timestamp,
        "webhook-signature": row.webhook_signature,
    }
    message = check_v1a(PublicKey.parse(row.public_key), kept, row.body)
    assert message.webhook_id == row.webhook_id
