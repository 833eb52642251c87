"""A carrier rehearses: about made-up numbers only, so that it concerns nobody."""

from datetime import datetime
from typing import ClassVar

from unbind_broker.base.database import Db
from unbind_broker.base.errors import BrokerError, FieldError
from unbind_broker.base.ids import CarrierId
from unbind_broker.base.numbers import PhoneNumber, is_made_up
from unbind_broker.carriers.twins import find_or_make_twin
from unbind_broker.platforms.rehearsed import ensure_rehearsed

SANDBOX_NUMBER = "sandbox-number"
MADE_UP_ONLY = (
    "a sandbox key takes made-up numbers only: +86 138 0000 and any four digits"
)


class SandboxNumber(BrokerError):
    """A number that may be somebody's was given with a sandbox key."""

    code: ClassVar[str] = SANDBOX_NUMBER
    title: ClassVar[str] = "A sandbox key takes made-up numbers only"


def require_made_up(number: PhoneNumber) -> None:
    """Raise ``SandboxNumber`` for a number that may be somebody's."""
    if not is_made_up(number):
        wrong = FieldError("/number", MADE_UP_ONLY)
        raise SandboxNumber(f"/number: {MADE_UP_ONLY}", (wrong,))


async def open_sandbox(
    db: Db, now: datetime, carrier_id: CarrierId, actor: str
) -> CarrierId:
    """Give the twin that a carrier's sandbox keys speak for, and somebody to answer.

    Both are made by the first such key.
    """
    twin = await find_or_make_twin(db, now, carrier_id, actor)
    await ensure_rehearsed(db, now, actor)
    return twin
