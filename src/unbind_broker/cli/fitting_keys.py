"""Refuse to work with keys that do not open what the database holds."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from unbind_broker.base.database import Db
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.sealing import SealBroken
from unbind_broker.carriers.tables import carriers
from unbind_broker.endpoints.secrets import EndpointSecrets
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.orders.sealed_numbers import open_number
from unbind_broker.orders.tables import orders
from unbind_broker.runtime.opening import Runtime
from unbind_broker.schema.migrate import require_current
from unbind_broker.schema.transaction_count import require_count


class KeysDoNotFit(BrokerError):
    """Other keys sealed what the database holds."""

    code = "keys-do-not-fit"
    title = "The keys are not those of this database"


async def require_fit(runtime: Runtime) -> None:
    """Refuse to work on an older schema, or with keys that do not open what it holds.

    So too where a dump was loaded into a cluster whose transactions do not count on.
    Raises ``SchemaOutdated``, ``TransactionsBehind`` or ``KeysDoNotFit``.
    """
    await require_current(runtime.engine)
    await require_count(runtime.engine)
    await require_fitting_keys(runtime)


async def require_fitting_keys(runtime: Runtime) -> None:
    """Try the keys on the first endpoint, and on the first and the last number kept.

    With others, nothing could be sent, and what comes in would be sealed by keys that
    nobody expects. One that opens is enough: keys are retired in time, and a database
    that lived under wrong ones for a while must be of use again. Raises
    ``KeysDoNotFit``.
    """
    async with runtime.engine.connect() as db:
        secret = await _first_secret(db)
        numbers = await _first_and_last(db)
    opened = [(row, _number(runtime, row.number_sealed)) for row in numbers]
    found = [(row, number) for row, number in opened if number is not None]
    something = secret is not None or numbers
    if something and not found and not _opens(runtime, secret):
        raise KeysDoNotFit(_ADVICE.format("sealing"))
    if found and not any(_is_filed(runtime, *one) for one in found):
        raise KeysDoNotFit(_ADVICE.format("index"))


_ADVICE = (
    "the {} keys are not those of this database: restore keys.json in the data folder, "
    "or UNBIND_SECRET_KEYS and UNBIND_INDEX_KEY, from a backup"
)


async def _first_secret(db: Db) -> bytes | None:
    sealed = endpoints.c.secret_sealed
    one = select(sealed).where(sealed.is_not(None)).order_by(endpoints.c.id).limit(1)
    found: bytes | None = (await db.execute(one)).scalar_one_or_none()
    return found


async def _first_and_last(db: Db) -> Sequence[Any]:
    kept = orders.c.number_sealed.is_not(None)
    one = (
        select(
            orders.c.number_sealed,
            orders.c.number_index,
            orders.c.carrier_id,
            carriers.c.sandbox_of,
        )
        .join(carriers, carriers.c.id == orders.c.carrier_id)
        .where(kept)
        .limit(1)
    )
    first = (await db.execute(one.order_by(orders.c.id))).all()
    last = (await db.execute(one.order_by(orders.c.id.desc()))).all()
    return [*first, *last]


def _number(runtime: Runtime, sealed: bytes) -> PhoneNumber | None:
    try:
        return open_number(runtime.sealer, sealed)
    except SealBroken:
        return None


def _is_filed(runtime: Runtime, row: Any, number: PhoneNumber) -> bool:
    """Tell whether the index key files a number where it was found."""
    index = runtime.blind_index
    if row.sandbox_of is not None:
        index = index.rehearsed_by(row.carrier_id)
    return bool(row.number_index == index.index(number))


def _opens(runtime: Runtime, secret: bytes | None) -> bool:
    if secret is None:
        return False
    try:
        EndpointSecrets(runtime.sealer).open(secret)
    except SealBroken:
        return False
    return True
