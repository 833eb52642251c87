"""Hold what a receiver got against its signatures, by the official library."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from standardwebhooks import Webhook

from tests.support.sealing import SEALER
from unbind_broker.endpoints.secrets import EndpointSecrets
from unbind_broker.endpoints.tables import endpoints


async def verified_items(
    engine: AsyncEngine, requests: Iterable[bytes]
) -> Counter[tuple[str, str]]:
    """Count the items of signed requests by path and id.

    Raises ``WebhookVerificationError`` for one that its endpoint did not sign.
    """
    return items_signed_by(await _signers(engine), requests)


def items_signed_by(
    signers: Mapping[str, Webhook], requests: Iterable[bytes]
) -> Counter[tuple[str, str]]:
    """Count them likewise where it is known who signs at which path."""
    seen: Counter[tuple[str, str]] = Counter()
    for request in requests:
        head, _, body = request.partition(b"\r\n\r\n")
        first, *lines = head.decode("ascii").split("\r\n")
        path = first.split(" ")[1]
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        signers[path].verify(body, headers)
        seen.update((path, one["id"]) for one in json.loads(body)["data"]["items"])
    return seen


async def _signers(engine: AsyncEngine) -> dict[str, Webhook]:
    async with engine.connect() as db:
        rows = await db.execute(select(endpoints.c.url, endpoints.c.secret_sealed))
        found = rows.all()
    secrets = EndpointSecrets(SEALER)
    return {
        "/" + str(url).split("/", 3)[3]: Webhook(secrets.open(sealed).text)
        for url, sealed in found
        if url and sealed
    }
