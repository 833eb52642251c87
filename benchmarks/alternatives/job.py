"""The job that all alternatives do: signed posts to the same receiver, a row each.

What an order costs before (accepting, sealing the number) is left out on their side:
the body is ready in the message, endpoints and secrets are known to the process.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Self, TypedDict
from uuid import UUID

from standardwebhooks import Webhook

from unbind_broker.base.clock import SystemClock
from unbind_broker.base.ids import new_uuid7
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.endpoints.events import EventType
from unbind_broker.orders.states import Action, OrderKind, Scope
from unbind_broker.sending.payloads import OutgoingItem, payload

TABLE = """
    CREATE TABLE sent (
        item text NOT NULL,
        place integer NOT NULL,
        status integer NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (item, place)
    )"""
RETRIES = 10
RETRY_SECONDS = 1
_TOLD = "BENCH_JOB"
_NUMBER = PhoneNumber("+8613800001234")


class Delivery(TypedDict):
    """What a message holds."""

    place: int
    item: str
    body: str


class Refused(Exception):
    """Say that a receiver did not take a delivery, so that it is tried again."""


@dataclass(frozen=True)
class Job:
    """Where to read, post and record, and how much at once."""

    database_url: str
    redis_url: str
    urls: tuple[str, ...]
    secrets: tuple[str, ...]
    orders: int
    at_once: int
    client: str
    """What posts: aiohttp or httpx on an event loop, else urllib3."""

    @classmethod
    def given(cls) -> Self:
        """Read what the environment of this process tells."""
        told = json.loads(os.environ[_TOLD])
        return cls(
            **{
                **told,
                "urls": tuple(told["urls"]),
                "secrets": tuple(told["secrets"]),
            }
        )

    def environment(self) -> dict[str, str]:
        """Tell a process."""
        return {**os.environ, _TOLD: json.dumps(asdict(self))}

    def deliveries(self) -> Iterator[Delivery]:
        """Give one message per order and platform, with the body that we send too."""
        now = SystemClock().now()
        for _ in range(self.orders):
            item = _an_item(new_uuid7(now), now)
            body = payload(EventType.UNBIND_REQUESTED, now, [item]).decode()
            for place in range(len(self.urls)):
                yield {"place": place, "item": item.public_id, "body": body}


class Signer:
    """Sign as the official library does."""

    def __init__(self, job: Job) -> None:
        self._webhooks = [Webhook(secret) for secret in job.secrets]

    def headers(self, delivery: Delivery) -> Mapping[str, str]:
        """Give the headers of one post, signed now."""
        now, place = datetime.now(tz=UTC), delivery["place"]
        webhook_id = f"{delivery['item']}_{place}"
        signature = self._webhooks[place].sign(webhook_id, now, delivery["body"])
        return {
            "content-type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
        }


def _an_item(order_id: UUID, now: datetime) -> OutgoingItem:
    return OutgoingItem(
        order_id=order_id,
        kind=OrderKind.UNBIND,
        number=_NUMBER,
        scope=Scope.PREVIOUS_OWNER,
        action=Action.DETACH,
        owner_since=now.date(),
        bound_from=None,
        bound_before=now,
        carrier="china-mobile",
        created_at=now,
        deadline=now + timedelta(days=7),
        attestation=None,
    )
