"""Nothing is done in the dark: every route that changes or discloses leaves a trace."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.api.audit_calls import CALLS, NOT_RECORDED, Stage
from tests.support.app import bearer
from tests.support.audit import seal_everything
from tests.support.builders import a_key, a_platform
from tests.support.clock import FixedClock
from tests.support.order_api import a_scene
from tests.support.receiver import Receiver
from unbind_broker.app.factory import document
from unbind_broker.base.clock import SystemClock
from unbind_broker.endpoints.states import Delivery
from unbind_broker.keys.tables import Role

CHANGING = {"post", "put", "patch", "delete"}


@pytest.fixture
def clock() -> FixedClock:
    """The real time, standing still: endpoints check signatures by it."""
    return FixedClock(SystemClock().now())


@pytest.fixture
async def stage(
    engine: AsyncEngine, clock: FixedClock, receiver: Receiver
) -> AsyncIterator[Stage]:
    now = clock.now()
    async with engine.begin() as db:
        new = await a_platform(db, "new")
        keys = [
            await a_key(db, holder, now=now)
            for holder in (Role.ADMIN, Role.AUDITOR, new)
        ]
    await seal_everything(engine, now=now)
    async with a_scene(engine, clock, "weibo") as scene:
        await scene.add_platform("fetching", delivery=Delivery.PULL)
        admin, auditor, fresh = map(bearer, keys)
        callers = {
            "admin:1": admin,
            "auditor:2": auditor,
            "platform:new": fresh,
            "carrier:china-mobile": scene.carrier_headers,
            "platform:weibo": scene.platform_headers["weibo"],
            "platform:fetching": scene.platform_headers["fetching"],
        }
        actors = {one["Authorization"]: name for name, one in callers.items()}
        yield Stage(scene, receiver, admin, auditor, fresh, actors)


def test_every_changing_route_is_called_or_excused_below() -> None:
    changing = {
        f"{method.upper()} {path}"
        for path, methods in document()["paths"].items()
        for method in methods
        if method in CHANGING
    }
    assert changing - CALLS.keys() - NOT_RECORDED.keys() == set()
    assert {name for name in CALLS if not name.startswith("GET ")} <= changing
    assert NOT_RECORDED.keys() <= changing - CALLS.keys()


@pytest.mark.parametrize("name", sorted(CALLS))
async def test_successful_call_leaves_an_event_of_its_caller(
    stage: Stage, name: str
) -> None:
    answer = await CALLS[name](stage)
    assert answer.is_success, answer.text
    assert await stage.count() > stage.seen
