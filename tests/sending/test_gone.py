"""An endpoint that said 410 gets nothing more, however late that is written down."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.sending.parts import a_lane, a_target, a_work, ended, offer, put_to_use
from tests.support.builders import a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.guards import APPLYING
from unbind_broker.base.database import sql
from unbind_broker.base.ids import WorkerId, new_uuid7
from unbind_broker.deliveries.hearing import Heard
from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind
from unbind_broker.endpoints import service as endpoints
from unbind_broker.endpoints.states import EndpointStatus
from unbind_broker.sending import leases
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.recorder import MOST_REFUSALS, Recorder
from unbind_broker.sending.verdicts import Plans

WORKER = WorkerId(new_uuid7(NOON))
PLANS = Plans((timedelta(seconds=1),), (timedelta(minutes=5),))


@pytest.fixture
def recorder(engine: AsyncEngine) -> Recorder:
    return Recorder(engine, WORKER, PLANS, lambda: NOON, APPLYING)


def tell_gone(lane: Lane, recorder: Recorder) -> None:
    """Let a request of the lane be answered 410."""
    assert offer(lane, a_work(), 1)
    batch = lane.take(0.0)
    assert batch is not None
    lane.finish()
    lane.heard(
        Heard(
            outcome=Outcome(OutcomeKind.GONE, 410),
            alone=True,
            most=1,
            started_at=NOON,
            ended_at=NOON,
            error="answered 410",
            jitter=0.5,
        )
    )
    finished = ended(batch, OutcomeKind.GONE, lane=lane)
    lane.gone(0.0)
    recorder.put(finished)


async def test_endpoint_that_is_gone_is_put_to_use_only_once_that_is_recorded(
    recorder: Recorder,
) -> None:
    lane = a_lane()
    tell_gone(lane, recorder)
    put_to_use(lane, a_target())
    assert lane.target is None  # what is written there is older than what was heard
    await recorder.step()
    assert lane.target is None
    put_to_use(lane, a_target())
    assert lane.target is not None


async def test_how_the_endpoint_did_when_it_ended_is_written_down(
    engine: AsyncEngine, recorder: Recorder
) -> None:
    async with engine.begin() as db:
        made = await an_endpoint(db, await a_platform(db))
        await leases.claim(db, WORKER, timedelta(seconds=20), 1)
    lane = a_lane(a_target(made.endpoint.url or "", endpoint_id=made.endpoint.id))
    tell_gone(lane, recorder)
    await recorder.step()
    async with engine.connect() as db:
        (found,) = await endpoints.load_many(db, [made.endpoint.id])
    assert found.status is EndpointStatus.DISABLED
    assert found.health is not None
    assert (found.health.failures, found.health.last_error) == (1, "answered 410")
    put_to_use(lane, None)
    assert lane.breaker is None


async def test_endpoint_is_put_to_use_again_if_that_can_never_be_recorded(
    engine: AsyncEngine, recorder: Recorder
) -> None:
    lane = a_lane()
    tell_gone(lane, recorder)
    async with engine.begin() as db:
        await db.execute(sql("ALTER TABLE attempts ADD CHECK (outcome <> 2)"))
    for _ in range(MOST_REFUSALS):
        with pytest.raises(DBAPIError):
            await recorder.step()
    put_to_use(lane, a_target())
    assert lane.target is not None
