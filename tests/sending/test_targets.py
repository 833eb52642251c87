from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.builders import TOOLS, a_carrier, a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.sealing import SEALER
from unbind_broker.base.database import Db
from unbind_broker.base.sealing import Sealer, SecretKey
from unbind_broker.endpoints import secrets
from unbind_broker.endpoints.endpoint import Endpoint
from unbind_broker.endpoints.secrets import EndpointSecrets
from unbind_broker.endpoints.states import Delivery, EndpointStatus
from unbind_broker.sending.targets import target_of


@pytest.fixture
async def endpoint(db: Db) -> Endpoint:
    made = await an_endpoint(db, await a_platform(db), max_batch=9, max_rate=2.5)
    return made.endpoint


def test_active_push_endpoint_is_posted_to(endpoint: Endpoint) -> None:
    target = target_of(endpoint, TOOLS.secrets, NOON)
    assert target is not None
    assert target.url == "https://hooks.weibo.com/unbind"
    assert (target.max_batch, target.max_concurrency, target.max_rate) == (9, 4, 2.5)
    assert len(target.secrets) == 1
    assert "secrets" not in repr(target)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": EndpointStatus.PAUSED},
        {"status": EndpointStatus.DISABLED},
        {"status": EndpointStatus.UNVERIFIED},
        {"verified_at": None},
        {"delivery": Delivery.PULL},
        {"url": None},
        {"secret_sealed": None},
    ],
    ids=str,
)
def test_nothing_goes_to_any_other(
    endpoint: Endpoint, changes: dict[str, object]
) -> None:
    other = replace(endpoint, **changes)  # type: ignore[arg-type] # by name
    assert target_of(other, TOOLS.secrets, NOON) is None


async def test_carriers_are_posted_to_as_well(db: Db) -> None:
    made = await an_endpoint(db, await a_carrier(db))
    target = target_of(made.endpoint, TOOLS.secrets, NOON)
    assert target is not None
    assert target.platform_id is None


def test_previous_secret_signs_along_until_its_grace_ends(endpoint: Endpoint) -> None:
    _, sealed = TOOLS.secrets.make()
    rotated = replace(
        endpoint,
        previous_secret_sealed=sealed,
        previous_secret_until=NOON + timedelta(hours=1),
    )
    during = target_of(rotated, TOOLS.secrets, NOON)
    after = target_of(rotated, TOOLS.secrets, NOON + timedelta(hours=1))
    assert during is not None
    assert after is not None
    assert (len(during.secrets), len(after.secrets)) == (2, 1)


async def test_secret_that_cannot_be_opened_leads_nowhere(db: Db) -> None:
    made = await an_endpoint(db, await a_platform(db))
    others = EndpointSecrets(Sealer([SecretKey(b"another key of thirty-two bytes.")]))
    assert target_of(made.endpoint, others, NOON) is None


def test_secret_that_is_none_leads_nowhere(endpoint: Endpoint) -> None:
    short = SEALER.seal(b"short", context=secrets._CONTEXT)
    other = replace(endpoint, secret_sealed=short)
    assert target_of(other, TOOLS.secrets, NOON) is None
