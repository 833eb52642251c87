"""A sealing key is changed while everything stays readable and findable."""

from sqlalchemy import select, text

from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.order_builders import (
    NUMBER,
    a_reachable_platform,
    an_order,
    asked,
)
from tests.support.sealing import BLIND_INDEX, SEALER
from unbind_broker.base.database import Db
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.sealing import Sealer, SecretKey, key_id_of
from unbind_broker.endpoints.resealing import count_by_key as count_secrets
from unbind_broker.endpoints.resealing import reseal_secrets
from unbind_broker.endpoints.secrets import EndpointSecrets
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.orders.resealing import count_by_key, reseal_orders
from unbind_broker.orders.sealed_numbers import (
    open_attestation,
    open_number,
    seal_attestation,
)
from unbind_broker.orders.tables import orders

NEW_KEY = SecretKey(b"a newer sealing key of 32 bytes.")
OLD_KEY = SecretKey(b"a sealing key of thirty-two byte")
BOTH = Sealer([NEW_KEY, OLD_KEY])
NEW = Sealer([NEW_KEY])


async def some_orders(db: Db, count: int) -> list[PhoneNumber]:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    numbers = [PhoneNumber(f"+86138000010{place:02}") for place in range(count)]
    for number in numbers:
        await an_order(db, carrier, asked(number=number))
    return numbers


async def test_numbers_are_sealed_anew_step_by_step(db: Db) -> None:
    numbers = await some_orders(db, 5)
    done, position = 0, None
    for _ in range(4):
        step = await reseal_orders(db, BOTH, position, 2)
        done, position = done + step.orders, step.position
        if position is None:
            break
    assert (done, position) == (5, None)
    rows = await db.execute(select(orders.c.number_sealed).order_by(orders.c.id))
    assert [open_number(NEW, one) for one in rows.scalars()] == numbers
    assert (await reseal_orders(db, BOTH, None, 10)).orders == 0


async def test_a_number_is_found_as_before(db: Db) -> None:
    await some_orders(db, 1)
    index = BLIND_INDEX.index(PhoneNumber("+8613800001000"))
    await reseal_orders(db, BOTH, None, 10)
    found = await db.execute(select(orders.c.id).where(orders.c.number_index == index))
    assert len(found.all()) == 1


async def test_attestations_are_sealed_anew_too(db: Db) -> None:
    await some_orders(db, 1)
    sealed = seal_attestation(SEALER, "a.b.c")
    await db.execute(orders.update().values(attestation_sealed=sealed))
    assert (await reseal_orders(db, BOTH, None, 10)).orders == 1
    again = await db.scalar(select(orders.c.attestation_sealed))
    assert again is not None
    assert open_attestation(NEW, again) == "a.b.c"


async def test_what_no_key_opens_is_left_and_counted(db: Db) -> None:
    await some_orders(db, 2)
    step = await reseal_orders(db, NEW, None, 10)
    assert (step.orders, step.unreadable) == (0, 2)
    first = await db.scalar(select(orders.c.number_sealed).order_by(orders.c.id))
    assert first is not None
    assert open_number(SEALER, first) == PhoneNumber("+8613800001000")


async def test_a_destroyed_number_needs_no_key(db: Db) -> None:
    await some_orders(db, 1)
    await db.execute(
        text("UPDATE orders SET number_sealed = NULL, destroyed_at = now()")
    )
    step = await reseal_orders(db, BOTH, None, 10)
    assert (step.orders, step.unreadable) == (0, 0)


async def test_orders_are_counted_by_the_key_that_sealed_them(db: Db) -> None:
    await some_orders(db, 3)
    assert await count_by_key(db) == {SEALER.key_id: 3}
    await reseal_orders(db, BOTH, None, 10)
    assert await count_by_key(db) == {NEW.key_id: 3}


async def test_secrets_of_endpoints_are_sealed_anew(db: Db) -> None:
    made = await an_endpoint(db, await a_platform(db))
    assert await count_secrets(db) == {SEALER.key_id: 1}
    assert await reseal_secrets(db, EndpointSecrets(BOTH)) == 1
    assert await reseal_secrets(db, EndpointSecrets(BOTH)) == 0
    sealed = await db.scalar(select(endpoints.c.secret_sealed))
    assert sealed is not None
    assert key_id_of(sealed) == NEW.key_id
    assert EndpointSecrets(NEW).open(sealed).text == made.secret


async def test_a_secret_that_no_key_opens_is_left(db: Db) -> None:
    await an_endpoint(db, await a_platform(db))
    assert await reseal_secrets(db, EndpointSecrets(NEW)) == 0
    assert await count_secrets(db) == {SEALER.key_id: 1}


def test_the_number_of_the_tests_is_made_up() -> None:
    assert NUMBER.e164.startswith("+8613800")
