"""Numbers of clearances as they are kept: sealed."""

from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.sealing import Sealer

_CONTEXT = b"clearance number"


def seal_number(sealer: Sealer, number: PhoneNumber) -> bytes:
    """Seal a number, to be kept with its clearance."""
    return sealer.seal(number.e164.encode("ascii"), context=_CONTEXT)


def open_number(sealer: Sealer, sealed: bytes) -> PhoneNumber:
    """Open a number of a clearance; raises ``SealBroken``."""
    return PhoneNumber(sealer.open(sealed, context=_CONTEXT).decode("ascii"))
