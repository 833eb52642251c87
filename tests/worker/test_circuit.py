"""Endpoints that fail are cut off, probed and given up, and nobody else suffers."""

import asyncio
from datetime import timedelta
from http import HTTPStatus

import pytest
from sqlalchemy import select

from tests.support.receiver import Answer
from tests.support.waiting import eventually
from tests.worker.stage import CLOCK, Stage, short
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.deliveries.tables import attempts
from unbind_broker.endpoints import service
from unbind_broker.endpoints.health import Condition, HealthEventKind
from unbind_broker.endpoints.states import EndpointStatus
from unbind_broker.endpoints.tables import (
    endpoint_events,
    endpoint_health,
    endpoints,
)
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.settings import Settings

DOWN = Answer(HTTPStatus.SERVICE_UNAVAILABLE)
CONCURRENCY = 3
NOWHERE = "http://127.0.0.1:1/unbind"


def patient(pause: float) -> Settings:
    """Settings whose circuits stay open for so many seconds at first."""
    return short(breaker_pause=timedelta(seconds=pause))


async def condition(stage: Stage, place: int = 0) -> Condition | None:
    one = endpoint_health.c.endpoint_id == stage.endpoints[place]
    found = await stage.all(select(endpoint_health.c.condition).where(one))
    return found[0] if found else None


async def told(stage: Stage, place: int = 0) -> list[HealthEventKind]:
    one = endpoint_events.c.endpoint_id == stage.endpoints[place]
    events = select(endpoint_events.c.kind).where(one).order_by(endpoint_events.c.id)
    return await stage.all(events)


@pytest.mark.real_time(0.2)
async def test_circuit_opens_lets_one_probe_through_and_closes_again(
    stage: Stage,
) -> None:
    await stage.add_platforms(2, max_batch=1, max_concurrency=CONCURRENCY)
    failing, fine = stage.doors
    failing.usual = DOWN
    ids = await stage.order(60)

    async def has_opened() -> bool:
        return await condition(stage) is Condition.OPEN

    async with stage.working(patient(4.0)):
        await stage.reaches(has_opened)
        await eventually(lambda: len(fine.deliveries) == 60)
        # Ten in a row, what was under way with them, and perhaps the first probe.
        assert len(failing.deliveries) <= 10 + CONCURRENCY + 1
        before = len(failing.deliveries)
        failing.usual = Answer()
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    probe = failing.deliveries[before]
    assert probe.in_flight == 1
    assert failing.times_sent.keys() == set(ids)
    # Once before it opened, perhaps as that first probe, and once that counted.
    assert max(await stage.tries()) <= 3
    degraded, opened, recovered = await told(stage)
    assert degraded is HealthEventKind.DEGRADED
    assert opened is HealthEventKind.OPEN
    assert recovered is HealthEventKind.RECOVERED
    assert await condition(stage) is Condition.HEALTHY


async def test_next_owner_leaves_the_circuit_open(stage: Stage) -> None:
    await stage.add_platforms(2, max_batch=1)
    failing, fine = stage.doors
    failing.usual = DOWN
    await stage.order(30)

    async def has_opened() -> bool:
        return await condition(stage) is Condition.OPEN

    async with stage.working(patient(600)):
        await stage.reaches(has_opened)
    sent = len(failing.deliveries)
    failing.usual = Answer()
    async with stage.working(patient(600)):
        await stage.order(30)
        await eventually(lambda: len(fine.deliveries) == 60)
        await asyncio.sleep(0.5)
    assert len(failing.deliveries) == sent


async def test_endpoint_that_is_verified_anew_is_sent_everything_at_once(
    stage: Stage,
) -> None:
    await stage.add_platforms(1, max_batch=1)
    door = stage.doors[0]
    door.usual = DOWN
    await stage.order(30)

    async def has_opened() -> bool:
        return await condition(stage) is Condition.OPEN

    async with stage.working(patient(600)):
        await stage.reaches(has_opened)
        door.usual = Answer()
        async with stage.engine.begin() as db:
            (endpoint,) = await service.load_many(db, stage.endpoints)
            owner, url = endpoint.owner, str(endpoint.url)
            await service.mark_verified(db, CLOCK.now(), owner, url, "platform:1")
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))


@pytest.mark.real_time(0.2)
async def test_endpoint_without_a_success_is_disabled_and_its_items_wait(
    stage: Stage,
) -> None:
    await stage.add_platforms(1, max_batch=1)
    door = stage.doors[0]
    door.usual = Answer(HTTPStatus.NOT_FOUND)
    await stage.order(30)
    settings = short(
        breaker_pause=timedelta(seconds=0.01), disable_after=timedelta(seconds=0.5)
    )

    async def is_disabled() -> bool:
        return await stage.all(select(endpoints.c.status)) == [EndpointStatus.DISABLED]

    async with stage.working(settings):
        await stage.reaches(is_disabled)
        known = len(door.deliveries)
        await asyncio.sleep(1)  # it reads the registry five times
        tried = len(door.deliveries)
        await asyncio.sleep(0.5)
        assert len(door.deliveries) == tried
    assert tried - known <= 3  # while it did not know yet that it may not
    assert tried >= 20
    assert (await told(stage))[-1] is HealthEventKind.DISABLED
    (reason,) = await stage.all(select(endpoints.c.disabled_reason))
    assert reason.startswith("no success since ")
    assert reason.endswith("; answered 404")
    assert (await stage.counts()).keys() == {ItemStatus.QUEUED}


async def test_nobody_is_charged_when_this_process_reaches_hardly_anybody(
    stage: Stage,
) -> None:
    await stage.add_platforms(8, max_batch=1, max_concurrency=1)
    urls = [door.url for door in stage.doors]
    for place in range(8):
        await stage.change_endpoint(place, url=NOWHERE)
    await stage.order(40)
    own = select(attempts.c.id).where(attempts.c.outcome == OutcomeKind.OWN_FAULT)

    async def is_noticed() -> bool:
        return len(await stage.all(own)) >= 8

    async with stage.working(patient(600)):
        await stage.reaches(is_noticed)
        charged = sum(await stage.all(select(items.c.attempts)))
        assert charged <= 8  # before five of them had been tried
        opened = select(endpoint_health.c.condition)
        assert Condition.OPEN not in await stage.all(opened)
        for place, url in enumerate(urls):
            await stage.change_endpoint(place, url=url)
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    assert HealthEventKind.DISABLED not in await told(stage)
