"""Reports of platforms that registered a key: their signature must hold."""

from datetime import datetime

from fastapi import Request

from unbind_broker.base.database import Db
from unbind_broker.base.ids import PlatformId
from unbind_broker.callbacks import evidence
from unbind_broker.callbacks.evidence import SignedReport


async def read_signed(
    db: Db, now: datetime, platform: PlatformId, request: Request
) -> SignedReport | None:
    """Check the signature of a report; None: this platform signs none.

    Raises ``SignatureInvalid``.
    """
    public_key = await evidence.public_key_of(db, platform)
    if public_key is None:
        return None
    body = await request.body()  # it was read before the transaction began
    return evidence.verify(platform, public_key, _all_headers(request), body, now)


def _all_headers(request: Request) -> dict[str, str]:
    """Join headers that came several times, so that none is overlooked."""
    return {
        name: ", ".join(request.headers.getlist(name))
        for name in set(request.headers.keys())
    }
