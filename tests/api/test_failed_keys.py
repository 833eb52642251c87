"""Whoever tries keys is slowed down, and nobody else is."""

import math
from collections.abc import Iterator

import pytest
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.api.registry import Parties
from tests.support.app import a_runtime, on_a_port
from tests.support.clock import FixedClock
from unbind_broker.api.buckets import MOST_SOURCES
from unbind_broker.api.failed_keys import FailedKeys, TooManyFailures
from unbind_broker.app.factory import create_app
from unbind_broker.base.networks import network_of
from unbind_broker.keys.known_living import FRESH
from unbind_broker.keys.service import digest_of

BURST = 3
LIVING = f"ub_carrier_{'L' * 43}"
HERE, THERE = "192.0.2.1", "192.0.2.2"


class Ticks:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def no_keys() -> Iterator[str]:
    for place in range(1_000_000):
        yield f"ub_carrier_{place:09}{'x' * 34}"


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def failed(ticks: Ticks) -> FailedKeys:
    async def living() -> frozenset[bytes]:
        return frozenset({digest_of(LIVING)})

    return FailedKeys(0.5, BURST, living, ticks)


async def test_keys_are_looked_at_until_too_many_failed(failed: FailedKeys) -> None:
    keys = no_keys()
    for _ in range(BURST):
        key = next(keys)
        await failed.require_patience(HERE, key)
        failed.note(HERE, key)
    with pytest.raises(TooManyFailures) as refusal:
        await failed.require_patience(HERE, next(keys))
    assert int(refusal.value.headers["Retry-After"]) >= FRESH
    await failed.require_patience(THERE, next(keys))


async def test_patience_is_rewarded(failed: FailedKeys, ticks: Ticks) -> None:
    keys = no_keys()
    for _ in range(BURST):
        failed.note(HERE, next(keys))
    ticks.now += 2
    await failed.require_patience(HERE, next(keys))
    failed.note(HERE, next(keys))
    with pytest.raises(TooManyFailures):
        await failed.require_patience(HERE, next(keys))


async def test_living_key_passes_whatever_its_neighbours_tried(
    failed: FailedKeys,
) -> None:
    keys = no_keys()
    for _ in range(100):
        failed.note(HERE, next(keys))
        failed.note(HERE, LIVING[:-1] + "x")
    await failed.require_patience(HERE, LIVING)
    with pytest.raises(TooManyFailures):
        await failed.require_patience(THERE, LIVING[:-1] + "y")


async def test_keys_that_begin_alike_are_counted_wherever_they_come_from(
    failed: FailedKeys,
) -> None:
    for place in range(BURST):
        failed.note(f"198.51.100.{place}", f"ub_admin_{'g' * 40}{place:03}")
    with pytest.raises(TooManyFailures):
        await failed.require_patience("203.0.113.9", f"ub_admin_{'g' * 43}")


async def test_living_keys_are_read_once_for_all_that_come_meanwhile(
    ticks: Ticks,
) -> None:
    reads: list[float] = []

    async def living() -> frozenset[bytes]:
        reads.append(ticks.now)
        return frozenset()

    failed = FailedKeys(0.001, 1, living, ticks)
    keys = no_keys()
    failed.note(HERE, next(keys))

    async def try_some() -> None:
        for _ in range(20):
            with pytest.raises(TooManyFailures):
                await failed.require_patience(HERE, next(keys))

    await try_some()
    assert len(reads) == 1
    ticks.now += FRESH + 1
    await try_some()
    assert len(reads) == 2


async def test_where_nobody_knows_which_keys_live_the_look_up_has_to_say(
    ticks: Ticks,
) -> None:
    async def away() -> frozenset[bytes]:
        raise ConnectionRefusedError

    failed = FailedKeys(0.001, 1, away, ticks)
    keys = no_keys()
    failed.note(HERE, next(keys))
    await failed.require_patience(HERE, next(keys))


async def test_memory_is_bounded(failed: FailedKeys) -> None:
    keys = no_keys()
    for place in range(MOST_SOURCES + 50):
        failed.note(f"10.{place >> 16}.{place >> 8 & 255}.{place & 255}", next(keys))
    kept = [len(one) for one in (failed._addresses, failed._beginnings)]
    assert kept == [MOST_SOURCES, MOST_SOURCES]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("a-socket", "a-socket"),
    ],
)
def test_hosts_are_told_apart_by_what_they_own(address: str, network: str) -> None:
    assert network_of(address) == network


async def test_guesser_is_answered_429_and_whoever_has_a_key_is_served(
    engine: AsyncEngine, clock: FixedClock, parties: Parties
) -> None:
    runtime = a_runtime(engine, clock, failed_keys_burst=BURST, failed_keys_rate=1e-9)
    transport = ASGITransport(create_app(runtime))
    async with AsyncClient(transport=transport, base_url="http://broker") as api:
        answers = [await _try(api, key) for key in _first(BURST + 1)]
        assert [one.status_code for one in answers] == [*[401] * BURST, 429]
        assert answers[-1].json()["code"] == "too-many-failed-keys"
        assert math.isfinite(int(answers[-1].headers["retry-after"]))
        assert (await api.get("/v1/me", headers=parties.admin)).status_code == 200
        assert (await api.get("/v1/me")).status_code == 401
        assert (await api.get("/healthz")).status_code == 200
        page = await api.get("/problems/too-many-failed-keys")
        assert page.status_code == 200


async def test_recycling_check_refuses_in_its_own_words(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    runtime = a_runtime(engine, clock, failed_keys_burst=1, failed_keys_rate=1e-9)
    transport = ASGITransport(create_app(runtime))
    async with AsyncClient(transport=transport, base_url="http://broker") as api:
        path = "/number-recycling/v0.2/check"
        first, second = _first(2)
        await api.post(path, json={}, headers=_bearer(first))
        answer = await api.post(path, json={}, headers=_bearer(second))
    assert (answer.status_code, answer.json()["code"]) == (429, "TOO_MANY_REQUESTS")


@pytest.mark.parametrize(("trusted", "answered"), [("127.0.0.1", 401), ("", 429)])
async def test_forwarded_address_counts_only_behind_a_trusted_proxy(
    engine: AsyncEngine, clock: FixedClock, trusted: str, answered: int
) -> None:
    runtime = a_runtime(
        engine,
        clock,
        failed_keys_burst=1,
        failed_keys_rate=1e-9,
        trusted_proxies=trusted,
    )
    async with on_a_port(runtime) as api:
        first, second = _first(2)
        came_from = {"X-Forwarded-For": HERE}
        await api.get("/v1/me", headers={**_bearer(first), **came_from})
        came_from = {"X-Forwarded-For": THERE}
        answer = await api.get("/v1/me", headers={**_bearer(second), **came_from})
    assert answer.status_code == answered


def _first(count: int) -> list[str]:
    keys = no_keys()
    return [next(keys) for _ in range(count)]


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def _try(api: AsyncClient, key: str) -> Response:
    return await api.get("/v1/me", headers=_bearer(key))
