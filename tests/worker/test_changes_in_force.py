"""What a call changes of an endpoint is in force when the call answers, under load."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import select
from standardwebhooks import Webhook, WebhookVerificationError

from tests.support.app import a_runtime, bearer, in_process
from tests.support.builders import a_key
from tests.support.receiver import Answer, Delivery, Door
from tests.support.waiting import eventually
from tests.worker.stage import CLOCK, Stage, short
from unbind_broker.deliveries.tables import attempts
from unbind_broker.items.states import ItemStatus
from unbind_broker.platforms import service as platforms

URL = "/v1/endpoint"


@dataclass
class Owner:
    """A platform at its desk while its items come in."""

    stage: Stage
    api: httpx.AsyncClient
    headers: dict[str, str]

    @property
    def door(self) -> Door:
        return self.stage.doors[0]

    async def post(self, verb: str, **body: Any) -> dict[str, Any]:
        given = body or None
        answer = await self.api.post(f"{URL}/{verb}", headers=self.headers, json=given)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def starts(self) -> dict[str, datetime]:
        """When each request was signed, by the clock that the test reads too."""
        async with self.stage.engine.connect() as db:
            rows = await db.execute(
                select(attempts.c.webhook_id, attempts.c.started_at)
            )
            return {row.webhook_id: row.started_at for row in rows}

    async def goes_on(self) -> None:
        """Wait until more has come in."""
        before = len(self.door.deliveries)
        await eventually(lambda: len(self.door.deliveries) > before + 5)

    async def drained(self) -> None:
        await self.stage.reaches(self.stage.all_are(ItemStatus.ACKNOWLEDGED))


@asynccontextmanager
async def an_owner_under_load(stage: Stage) -> AsyncIterator[Owner]:
    await stage.add_platforms(1, max_batch=2, max_concurrency=4)
    stage.doors[0].usual = Answer(delay=0.005)
    async with stage.engine.begin() as db:
        platform = await platforms.find(db, stage.doors[0].slug)
        assert platform is not None
        key = await a_key(db, platform, now=CLOCK.now())
    async with (
        in_process(a_runtime(stage.engine, CLOCK)) as api,
        stage.working(short(breaker_pause=timedelta(seconds=0.2))),
    ):
        loading = asyncio.create_task(_load(stage))
        owner = Owner(stage, api, bearer(key))
        await owner.goes_on()
        yield owner
        loading.cancel()
        with suppress(asyncio.CancelledError):
            await loading
        await owner.drained()


async def _load(stage: Stage) -> None:
    while True:
        await stage.order(5)


def signed_with(delivery: Delivery, secret: str) -> bool:
    try:
        Webhook(secret).verify(delivery.body, dict(delivery.headers))
    except WebhookVerificationError:
        return False
    return True


async def test_dead_secret_signs_nothing_more(stage: Stage) -> None:
    answered: list[tuple[datetime, str]] = []
    async with an_owner_under_load(stage) as owner:
        dead = owner.door.secrets[0]
        for _ in range(8):
            told = await owner.post("rotate-secret", grace_seconds=0)
            answered.append((CLOCK.now(), dead))
            dead = told["secret"]
            owner.door.secrets.append(dead)
            await owner.goes_on()
    starts = await owner.starts()
    for answered_at, dead in answered:
        later = [
            one for one in owner.door.deliveries if starts[one.webhook_id] > answered_at
        ]
        assert later
        assert not [one for one in later if signed_with(one, dead)]


async def test_nothing_starts_once_a_pause_is_answered(stage: Stage) -> None:
    pauses: list[tuple[datetime, datetime]] = []
    async with an_owner_under_load(stage) as owner:
        for _ in range(8):
            await owner.post("pause")
            answered_at = CLOCK.now()
            await asyncio.sleep(0.1)
            pauses.append((answered_at, CLOCK.now()))
            await owner.post("resume")
            await owner.goes_on()
    starts = (await owner.starts()).values()
    for begin, end in pauses:
        assert not [at for at in starts if begin < at < end]


async def test_rotation_with_overlap_rejects_nothing(stage: Stage) -> None:
    async with an_owner_under_load(stage) as owner:
        for wait in (0.0, 0.005, 0.02, 0.1, 0.0, 0.05):
            told = await owner.post("rotate-secret", grace_seconds=60)
            await owner.goes_on()
            await asyncio.sleep(wait)
            owner.door.secrets[:] = [told["secret"]]
            await owner.goes_on()
    assert owner.door.rejected == 0
    assert set(await stage.tries()) == {1}


async def test_lower_limits_hold_once_they_are_answered(stage: Stage) -> None:
    async with an_owner_under_load(stage) as owner:
        choice = {"url": owner.door.url, "max_batch": 1, "max_concurrency": 1}
        answer = await owner.api.put(URL, headers=owner.headers, json=choice)
        answered_at = CLOCK.now()
        assert answer.status_code == 200, answer.text
        await owner.goes_on()
    starts = await owner.starts()
    later = [
        one for one in owner.door.deliveries if starts[one.webhook_id] > answered_at
    ]
    assert later
    assert {len(one.items) for one in later} == {1}
    assert {one.in_flight for one in later[4:]} == {1}
