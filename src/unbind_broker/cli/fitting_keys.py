"""Refuse to work with keys that do not open what the database holds."""

from sqlalchemy import select

from unbind_broker.base.errors import BrokerError
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.sealing import SealBroken
from unbind_broker.endpoints.secrets import EndpointSecrets
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.orders.tables import orders
from unbind_broker.orders.views import NUMBER_CONTEXT
from unbind_broker.runtime.opening import Runtime


class KeysDoNotFit(BrokerError):
    """Other keys sealed what the database holds."""

    code = "keys-do-not-fit"
    title = "The keys are not those of this database"


async def require_fitting_keys(runtime: Runtime) -> None:
    """Try the keys on the newest order and the oldest endpoint.

    With others, nothing could be sent, and what comes in would be sealed by keys that
    nobody expects. Raises ``KeysDoNotFit``.
    """
    async with runtime.engine.connect() as db:
        newest = (
            await db.execute(
                select(orders.c.number_sealed, orders.c.number_index)
                .order_by(orders.c.id.desc())
                .limit(1)
            )
        ).one_or_none()
        oldest = (
            await db.execute(
                select(endpoints.c.secret_sealed)
                .where(endpoints.c.secret_sealed.is_not(None))
                .order_by(endpoints.c.id)
                .limit(1)
            )
        ).scalar_one_or_none()
    try:
        if oldest is not None:
            EndpointSecrets(runtime.sealer).open(oldest)
        if newest is not None:
            opened = runtime.sealer.open(newest.number_sealed, context=NUMBER_CONTEXT)
            _require_index(runtime, opened.decode(), newest.number_index)
    except SealBroken as broken:
        raise KeysDoNotFit(_ADVICE.format("sealing", broken.detail)) from None


_ADVICE = (
    "the {} keys are not those of this database ({}): restore keys.json in the data "
    "folder, or UNBIND_SECRET_KEYS and UNBIND_INDEX_KEY, from a backup"
)


def _require_index(runtime: Runtime, number: str, index: bytes) -> None:
    if runtime.blind_index.index(PhoneNumber(number)) != index:
        raise KeysDoNotFit(_ADVICE.format("index", "numbers would not be found"))
