"""Ask which bindings a number has, have them detached, watch it live, keep the receipt.

Reads the number from standard input, so that it stands in no process list.
`UNBIND_URL` and `UNBIND_KEY` say where the broker is and who you are.
"""

import asyncio
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from unbind_broker.client import (
    Client,
    Consent,
    Question,
    UnbindError,
    Unbinding,
    verify_receipt,
)


async def unbind(broker: Client, number: str, owner_since: date) -> str:
    """Tell the story of one number, and give the receipt."""
    consent = Consent("sms_otp", datetime.now(UTC))
    asked = Question(number=number, owner_since=owner_since, consent=consent)
    query = await broker.queries.place(asked, wait=10)
    print(f"{query.id} is {query.status}: {query.summary}")

    unbinding = Unbinding(consent=consent, query_id=query.id)
    order = await broker.orders.place(unbinding)
    async for event in broker.orders.follow(order.id):
        where = event.item.platform_name if event.item else order.id
        print(f"{event.type:20} {where}")

    jws = await broker.orders.receipt(order.id)
    receipt = verify_receipt(jws, await broker.jwks())
    print(f"receipt version {receipt.version} holds: {receipt.summary}")
    return jws


async def main() -> str:
    """Read who is meant, and tell in a line what went wrong."""
    try:
        number, since = sys.stdin.readline().split()
        owner_since = date.fromisoformat(since)
    except ValueError:
        sys.exit("expected on standard input: NUMBER 2025-03-01")
    async with Client(os.environ["UNBIND_URL"], os.environ["UNBIND_KEY"]) as broker:
        try:
            return await unbind(broker, number, owner_since)
        except UnbindError as trouble:
            sys.exit(str(trouble))


Path("receipt.jws").write_text(asyncio.run(main()), encoding="ascii")
