"""A worker is well while it reads what is to be sent."""

from datetime import timedelta

from httpx import ASGITransport, AsyncClient

from tests.support.clock import FixedClock
from unbind_broker.app.health import create_health_app
from unbind_broker.base.loop import Loop
from unbind_broker.worker.liveness import Liveness


async def idle() -> float:
    return 1.0


def a_loop(name: str, last_good: float, faults: int = 0) -> Loop:
    return Loop(name, idle, faults=faults, last_good=last_good)


class At:
    """Seconds that a test sets."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


def a_liveness(now: At) -> Liveness:
    return Liveness(timedelta(seconds=300), now)


def test_loops_that_rest_for_an_hour_make_nobody_stale() -> None:
    liveness = a_liveness(At(5000))
    loops = [a_loop("read_log", 4999), a_loop("read_again", 4990, 2)]
    liveness.watch([*loops, a_loop("retain", 1000)])
    pulse = liveness.pulse()
    assert (pulse.last_good_poll_age_seconds, pulse.is_stale) == (10, False)
    assert pulse.loops["retain"].age_seconds == 4000
    assert pulse.loops["read_again"].faults == 2


def test_one_poll_that_hangs_makes_the_worker_stale() -> None:
    liveness = a_liveness(At(5000))
    liveness.watch([a_loop("read_log", 4999), a_loop("read_again", 4699)])
    assert liveness.pulse().is_stale


def test_worker_that_never_began_gets_stale_as_well() -> None:
    now = At(0)
    liveness = a_liveness(now)
    at_first = liveness.pulse().is_stale
    now.seconds = 301
    assert (at_first, liveness.pulse().is_stale) == (False, True)


async def test_health_of_a_worker_is_served_and_nothing_else() -> None:
    now = At(5000)
    liveness = a_liveness(now)
    liveness.watch([a_loop("read_log", 4999.9), a_loop("read_again", 4999.5)])
    app = create_health_app(FixedClock(), liveness.pulse)
    async with AsyncClient(
        transport=ASGITransport(app), base_url="http://worker"
    ) as client:
        well = await client.get("/healthz")
        now.seconds = 5400
        stale = await client.get("/healthz")
        others = [
            (await client.get(path)).status_code
            for path in ("/readyz", "/docs", "/openapi.json", "/v1/me")
        ]
    assert well.status_code == 200
    assert well.json() == {
        "status": "ok",
        "worker": {
            "last_good_poll_age_seconds": 0.5,
            "loops": {
                "read_log": {"age_seconds": 0.1, "faults": 0},
                "read_again": {"age_seconds": 0.5, "faults": 0},
            },
        },
    }
    assert (stale.status_code, stale.json()["code"]) == (503, "stale")
    assert others == [404] * 4
