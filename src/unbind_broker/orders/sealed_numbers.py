"""The number of an order, as it is kept: sealed."""

from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.sealing import Sealer

_CONTEXT = b"number"


def seal_number(sealer: Sealer, number: PhoneNumber) -> bytes:
    """Seal a number, to be kept with its order."""
    return sealer.seal(number.e164.encode("ascii"), context=_CONTEXT)


def open_number(sealer: Sealer, sealed: bytes) -> PhoneNumber:
    """Open an order's number; raises ``SealBroken``."""
    return PhoneNumber(sealer.open(sealed, context=_CONTEXT).decode("ascii"))
