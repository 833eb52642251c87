"""Bring real deliveries to a receiver that platforms start from."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.examples.altering import alterations
from tests.examples.official import Message
from tests.examples.real_story import CLOCK, Party
from tests.examples.receivers import planned, running
from tests.support.receiver import Delivery
from tests.support.waiting import eventually
from unbind_broker.base.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER

SIGNED = ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER
NOBODY = "http://127.0.0.1:9"
"""The broker, which is away: what was taken must be kept."""


def message_of(delivery: Delivery, secret: str) -> Message:
    """Give what is signed of a delivery."""
    headers = {name: delivery.headers[name] for name in SIGNED}
    return Message(headers, delivery.body, secret)


async def expect_taken(
    command: Sequence[str], folder: Path, platforms: Sequence[Party]
) -> None:
    """Everything that came to the platforms is taken, and taken once more.

    What came to the last of them is refused if it is altered.
    """
    secrets = [secret for party in platforms for secret in party.door.secrets]
    async with _receiver(command, folder, secrets) as http:
        for party in platforms:
            for delivery in (*party.received, *party.received):
                answer = await _bring(http, message_of(delivery, secrets[0]))
                assert answer.status_code == 200, delivery.type
                if delivery in party.door.challenges:
                    challenge = delivery.payload["data"]["challenge"]
                    assert answer.json() == {"challenge": challenge}
        await _expect_refused(http, platforms[-1])


async def _expect_refused(http: httpx.AsyncClient, party: Party) -> None:
    delivery, other = party.door.deliveries[:2]
    message = message_of(delivery, party.door.secrets[-1])
    ways = alterations(
        message, message_of(other, message.secret), message.secret, CLOCK.now()
    )
    # Under another secret it is unaltered for whoever does not have that one.
    wrong = [one for one in ways if one.message != message]
    taken = [
        one.how for one in wrong if (await _bring(http, one.message)).status_code != 401
    ]
    assert taken == []


async def _bring(http: httpx.AsyncClient, message: Message) -> httpx.Response:
    headers = {"Content-Type": "application/json", **message.headers}
    return await http.post("/hooks", content=message.body, headers=headers)


@asynccontextmanager
async def _receiver(
    command: Sequence[str], folder: Path, secrets: Sequence[str]
) -> AsyncIterator[httpx.AsyncClient]:
    _, told = planned(folder, NOBODY)
    port = int(told["PORT"])

    async def listens() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    async with (
        running(command, folder, {**told, "UNBIND_SECRET": " ".join(secrets)}),
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30
        ) as http,
    ):
        await eventually(listens)
        yield http
