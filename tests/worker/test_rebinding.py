"""A whole worker and names that lead inside."""

import pytest
from sqlalchemy import select

from tests.support.names import ChangingNames
from tests.support.waiting import eventually
from tests.worker.stage import Stage, short
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.deliveries.tables import attempts
from unbind_broker.endpoints.tables import endpoint_health
from unbind_broker.items.states import ItemStatus


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("https://hooks.weibo.com/unbind", "address refused: link-local"),
        ("https://127.0.0.1/unbind", "expected a host name, not an IP address"),
    ],
)
async def test_worker_goes_nowhere_inside_and_says_why(
    stage: Stage, url: str, error: str
) -> None:
    await stage.add_platforms(1)
    await stage.change_endpoint(0, url=url)
    await stage.order()
    names = ChangingNames(["1.1.1.1", "169.254.169.254"])
    guarded = short(allow_private_endpoints=False)
    async with stage.working(guarded, look_up=names):
        await eventually(lambda: stage.all(select(endpoint_health.c.last_error)))
    assert await stage.all(select(endpoint_health.c.last_error)) == [error]
    assert set(await stage.all(select(attempts.c.outcome))) == {OutcomeKind.BLOCKED}
    assert set(await stage.all(select(attempts.c.error))) == {error}
    assert await stage.counts() == {ItemStatus.QUEUED: 1}
    assert await stage.tries() == [0]
