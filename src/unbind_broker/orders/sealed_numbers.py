"""The number of an order and its attestation, as they are kept: sealed."""

from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.sealing import Sealer

_CONTEXT = b"number"
_ATTESTATION_CONTEXT = b"attestation"


def seal_number(sealer: Sealer, number: PhoneNumber) -> bytes:
    """Seal a number, to be kept with its order."""
    return sealer.seal(number.e164.encode("ascii"), context=_CONTEXT)


def open_number(sealer: Sealer, sealed: bytes) -> PhoneNumber:
    """Open an order's number; raises ``SealBroken``."""
    return PhoneNumber(sealer.open(sealed, context=_CONTEXT).decode("ascii"))


def seal_attestation(sealer: Sealer, token: str) -> bytes:
    """Seal a carrier's attestation, which names the number."""
    return sealer.seal(token.encode("ascii"), context=_ATTESTATION_CONTEXT)


def open_attestation(sealer: Sealer, sealed: bytes) -> str:
    """Open an order's attestation; raises ``SealBroken``."""
    return sealer.open(sealed, context=_ATTESTATION_CONTEXT).decode("ascii")
