"""The cast of a story in which everybody says numbers where they should not."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.journeys.overheard import Overheard
from tests.journeys.processes import Process, Processes
from tests.journeys.speakers import Speaker
from tests.journeys.wrong_requests import written
from tests.support.attestations import claims, jwk_of, signed
from tests.support.receiver import Answer, Delivery, Door, Receiver
from unbind_broker.base.signing import sign_v1a, signature_headers
from unbind_broker.base.signing_keys import PrivateKey

REPORTING = PrivateKey(b"alipay's seed, of thirty-2 bytes")
ATTESTING = Ed25519PrivateKey.from_private_bytes(b"china-mobile's seed of 32 bytes!")
PLATFORMS: Mapping[str, Mapping[str, object]] = {
    "alipay": {},
    "momo": {"sensitive": True, "category": "dating"},
    "broken": {},
    "hanging": {},
    "silent": {},
    "fetching": {},
}
"""Besides ``weibo``, which is registered by command."""
FORMER = "2024-06-01T08:00:00Z"
PRESENT = "2026-01-15T08:00:00Z"
"""Instants at which the former and the present holder bound their accounts."""
_ages = count(3601, 61)


def number(last: int) -> str:
    return f"+861380000{last:04}"


def consent() -> dict[str, str]:
    """Give a consent whose instant no other event of the story shares."""
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=next(_ages))
    return {"method": "real_name", "at": at.isoformat().replace("+00:00", "Z")}


@dataclass
class World:
    """An install, whoever speaks with it, and everything that was heard."""

    commands: Processes
    data: Path
    receiver: Receiver
    overheard: Overheard = field(default_factory=Overheard)
    url: str = ""
    keys: dict[str, str] = field(default_factory=dict)
    consents: list[str] = field(default_factory=list)
    speakers: dict[str, Speaker] = field(default_factory=dict)

    async def up(self, **environment: str) -> Process:
        """Start the broker; everybody speaks with this one from now on."""
        process = await self.commands.start(
            *("up", "--port", "0", "--json", "--data-dir", self.data), **environment
        )
        self.url = (await process.told())["url"]
        await self.hang_up()
        callers = {"nobody": None, **self.keys}
        self.speakers = {
            name: Speaker(self.url, self.overheard, key)
            for name, key in callers.items()
        }
        return process

    async def hang_up(self) -> None:
        for speaker in self.speakers.values():
            await speaker.close()

    @property
    def home(self) -> Path:
        """Where outsiders keep their files."""
        return self.data.parent

    async def command(self, *arguments: str | Path) -> tuple[int, str]:
        """Run a command to its end, whatever that is."""
        return await self.offline(*arguments, "--data-dir", self.data)

    async def offline(self, *arguments: str | Path) -> tuple[int, str]:
        """Run a command that needs no install."""
        process = await self.commands.start(*arguments)
        printed = await process.rest()
        return await process.ended(), printed

    def admit(self, name: str, key: str) -> None:
        self.keys[name] = key
        self.speakers[name] = Speaker(self.url, self.overheard, key)

    def asking(self, last: int, **changes: object) -> dict[str, Any]:
        """Ask about a number, by a consent of its own."""
        given = consent()
        self.consents.append(given["at"])
        basis = {"number": number(last), "owner_since": "2025-03-01"}
        return {**basis, "consent": given, **changes}

    async def enrol(self, slug: str, **changes: object) -> Door:
        """Register an endpoint and prove that its secret is installed."""
        door, speaker = self.receiver.door(slug), self.speakers[slug]
        choice = {"url": door.url, **changes}
        made = await speaker.call("PUT", "/v1/endpoint", choice)
        door.secrets.append(made["secret"])
        await speaker.call("POST", "/v1/endpoint/verify")
        return door

    def attested(self, last: int, **changes: object) -> str:
        """Sign for a number as china-mobile does."""
        said = claims(datetime.now(UTC), **{"sub": number(last), **changes})
        return signed(ATTESTING, "2026", said)

    async def report_signed(self, webhook_id: str, *lines: object) -> None:
        """Report as alipay, which signs."""
        body, now = json.dumps({"results": lines}).encode(), datetime.now(UTC)
        signature = sign_v1a(REPORTING, webhook_id, now, body)
        headers = signature_headers(webhook_id, now, signature)
        headers["Content-Type"] = "application/json"
        await self.speakers["alipay"].call(
            "POST", "/v1/results", content=body, headers=headers
        )


@asynccontextmanager
async def a_world(
    commands: Processes, data: Path, receiver: Receiver
) -> AsyncIterator[World]:
    """Make an install in ``data``; whoever still speaks in the end hangs up."""
    world = World(commands, data, receiver)
    try:
        yield world
    finally:
        await world.hang_up()


def jwks() -> dict[str, object]:
    return {"keys": [jwk_of(ATTESTING, "2026")]}


def talkative(item: Mapping[str, Any], kind: str, bound_at: str) -> dict[str, object]:
    """Do what is asked, and say the number in as many words as there is room for."""
    done: dict[str, object] = {
        "detail": f"手机号 {' / '.join(written(item['number']))}"
    }
    match kind:
        case "query.requested":
            done |= {"outcome": "bound", "bindings": 1, "last_bound_at": FORMER}
        case "unbind.requested":
            later = datetime.now(UTC) + timedelta(days=30)
            until = later.isoformat(timespec="seconds").replace("+00:00", "Z")
            done |= {"outcome": "unbound", "removed": 1, "last_bound_at": bound_at}
            done |= {"restorable_until": until}
        case _:
            done |= {"outcome": "restored"}
    return {"id": item["id"], **done}


def answering(bound_at: str, delivery: Delivery) -> Answer:
    """Answer a request with results; ``bound_at`` is that of what was detached."""
    if not delivery.type.endswith(".requested"):
        return Answer()
    return Answer(results=lambda item: talkative(item, delivery.type, bound_at))


def failing(delivery: Delivery) -> Answer:
    """Fail with a number, and everything that was sent, in the answer."""
    words = " ".join(written(number(104)))
    return Answer(status=500, body=f"no such user: {words}".encode() + delivery.body)
