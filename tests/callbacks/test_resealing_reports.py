"""Reports that name numbers are sealed, and sealed anew when keys rotate."""

from datetime import timedelta

from sqlalchemy import insert, select

from tests.support.clock import NOON
from unbind_broker.base.database import Db
from unbind_broker.base.ids import new_uuid7
from unbind_broker.base.sealing import Sealer, SecretKey
from unbind_broker.callbacks.evidence import SEALED_CONTEXT, open_body
from unbind_broker.callbacks.resealing import count_by_key, reseal_reports
from unbind_broker.callbacks.tables import evidence

OLD = SecretKey(b"the old key of thirty-two bytes!")
NEW = SecretKey(b"the new key of thirty-two bytes!")
PLAIN = b'{"results": []}'
NAMING = b'{"findings": []}'


async def kept(db: Db, webhook_id: str, body: bytes | None) -> None:
    row = {
        "id": new_uuid7(NOON),
        "platform_id": 1,
        "webhook_id": webhook_id,
        "received_at": NOON + timedelta(seconds=1),
        "webhook_timestamp": "1",
        "webhook_signature": "v1a,",
        "public_key": "whpk_",
        "body": body,
        "body_sha256": b"",
    }
    await db.execute(insert(evidence), [row])


async def test_only_what_an_old_key_sealed_is_sealed_anew(db: Db) -> None:
    both = Sealer([NEW, OLD])
    sealed = Sealer([OLD]).seal(NAMING, context=SEALED_CONTEXT)
    fresh = both.seal(NAMING, context=SEALED_CONTEXT)
    lost = Sealer([SecretKey(bytes(32))]).seal(NAMING, context=SEALED_CONTEXT)
    bodies = {"a": PLAIN, "b": sealed, "c": fresh, "d": None, "e": lost}
    for webhook_id, body in bodies.items():
        await kept(db, webhook_id, body)
    position, steps = None, []
    while True:
        step = await reseal_reports(db, both, position, 2)
        steps.append((step.reports, step.unreadable))
        position = step.position
        if position is None:
            break
    assert steps == [(1, 0), (0, 0), (0, 1)]
    rows = await db.execute(select(evidence.c.webhook_id, evidence.c.body))
    after = {row.webhook_id: row.body for row in rows}
    assert {name: after[name] for name in "acde"} == {
        name: bodies[name] for name in "acde"
    }
    only_new = Sealer([NEW])
    assert open_body(only_new, after["b"]) == NAMING
    assert open_body(only_new, after["a"]) == PLAIN
    assert (await count_by_key(db))[only_new.key_id] == 2
