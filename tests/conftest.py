"""What every test may ask for: a database of its own, a clock that stands still."""

import os
import signal
from collections.abc import AsyncIterator, Generator

import httpx
import pytest
from hypothesis import HealthCheck, settings
from pytest_socket import socket_allow_hosts
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support import left_behind, standing_still
from tests.support.app import a_runtime, in_process
from tests.support.clock import FixedClock
from tests.support.database import Server, open_patient_engine, open_server
from tests.support.receiver import Receiver
from tests.support.sealing import BLIND_INDEX, SEALER
from unbind_broker.base.clock import Clock
from unbind_broker.base.database import Db
from unbind_broker.base.sealing import BlindIndex, Sealer
from unbind_broker.runtime.opening import Runtime

settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")

JOURNEY_LIMIT = 300
"""Seconds: they take half a minute, on a busy machine three times as long. So does
what is asked again."""

GIVEN_UP = 2.0
"""Seconds; a quarter of the time after which workers in tests give up a request."""

_LONG = {
    *("conformance", "docs", "examples", "demo", "worker", "test_demo.py"),
    *("benchmarks", "test_processes.py", "test_sensitive.py", "test_shown_pages.py"),
}
"""Folders and files of which single tests take seconds; so do all in a browser."""

_UNTRACED = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(standing_still)
    config.pluginmanager.register(left_behind)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # So a shell runs what is in the background, and all that this starts.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """Run one process more than there are cores: tests wait a good part of the time.

    On two cores the whole took about three quarters of what it took two processes.
    """
    usable = getattr(os, "sched_getaffinity", None)  # of Linux alone
    return (len(usable(0)) if usable else os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give journeys time and begin with them; trace only the first case of others.

    What takes long and begins last keeps one process at work while all others have
    ended. Journeys run processes with short clocks: see ``standing_still``. So does
    what sends to real endpoints: a request that is given up is sent twice.
    Tracing doubles what a test costs, and further cases of a test hardly ever reach
    other lines. Journeys run the program in processes of its own, where nothing is
    counted anyway.
    """
    seen: set[tuple[object, str]] = set()
    for item in sorted(items, key=lambda item: item.nodeid):
        test = (item.path, getattr(item, "originalname", item.name))
        journey = item.get_closest_marker("journey") is not None
        sent_to = "receiver" in getattr(item, "fixturenames", ())
        if (journey or sent_to) and not item.get_closest_marker("real_time"):
            item.add_marker(pytest.mark.real_time(0.5 if journey else GIVEN_UP))
        if item.get_closest_marker("real_time"):
            item.add_marker(pytest.mark.timeout(JOURNEY_LIMIT))
        item.stash[_UNTRACED] = journey or test in seen
        seen.add(test)
    items.sort(key=_how_late)


def _how_late(item: pytest.Item) -> int:
    """Tell in which of three lots a test is run."""
    if item.get_closest_marker("journey"):
        return 0
    in_a_browser = item.path.stem.endswith("_in_a_browser")
    return 1 if in_a_browser or _LONG & set(item.path.parts) else 2


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    plugin = item.config.pluginmanager.getplugin("_cov")
    controller = getattr(plugin, "cov_controller", None)
    if controller is None or not item.stash[_UNTRACED]:
        return (yield)
    controller.pause()
    try:
        return (yield)
    finally:
        controller.resume()


def pytest_runtest_setup() -> None:
    """No test leaves this machine."""
    socket_allow_hosts(["127.0.0.1", "::1"], allow_unix_socket=True)


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[Server]:
    """One throw-away Postgres per test process."""
    async with open_server() as running:
        yield running


@pytest.fixture(scope="session")
async def shared_engine(server: Server) -> AsyncIterator[AsyncEngine]:
    """The pool behind ``db``, on a database in which nothing is ever committed."""
    async with server.fresh() as url:
        pool = open_patient_engine(url, pool=2, application="tests")
        yield pool
        await pool.dispose()


@pytest.fixture
async def db(shared_engine: AsyncEngine) -> AsyncIterator[Db]:
    """An open transaction that is rolled back: for whatever one connection can show.

    Nobody else sees what happens in it. For more connections take ``engine``.
    """
    async with shared_engine.connect() as connection, connection.begin() as opened:
        yield connection
        await opened.rollback()


@pytest.fixture
async def database_url(server: Server) -> AsyncIterator[str]:
    """A migrated, empty database of this test's own (costs 15 to 80 ms)."""
    async with server.fresh() as url:
        yield url


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """A pool of connections to this test's own database."""
    pool = open_patient_engine(database_url, pool=10, application="tests")
    yield pool
    await pool.dispose()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def sealer() -> Sealer:
    return SEALER


@pytest.fixture
def blind_index() -> BlindIndex:
    return BLIND_INDEX


@pytest.fixture
def runtime(engine: AsyncEngine, clock: Clock) -> Runtime:
    """Endpoints check signatures by the real time: such tests override ``clock``."""
    return a_runtime(engine, clock)


@pytest.fixture
async def api(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application, which runs on ``engine`` and ``clock``."""
    async with in_process(runtime) as client:
        yield client


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Platforms' endpoints for real; see ``tests.support.receiver``."""
    async with Receiver().opened() as listening:
        yield listening
