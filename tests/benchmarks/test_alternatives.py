"""What alternatives are measured with: the same signed job, and honest counting."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from benchmarks.alternatives.competitors import COMPETITORS, Competitor
from benchmarks.alternatives.job import Job, Signer
from benchmarks.alternatives.theirs import some_doors
from benchmarks.alternatives.trial import Machine, Trial, run_to_its_end, timed
from benchmarks.servers import plain_dsn

DOORS = some_doors("http://127.0.0.1:9", 3)
JOB = Job(
    database_url="postgresql://nobody@/nothing",
    redis_url="",
    urls=tuple(DOORS.urls),
    secrets=tuple(DOORS.secrets),
    orders=2,
    at_once=4,
    client="aiohttp",
)
ALL_CORES = Machine(frozenset(os.sched_getaffinity(0)), ())
WAITING = "import time; time.sleep(600)"


class Counted:
    """A receiver to which this much came."""

    def __init__(self, items: int) -> None:
        self.items = items

    def reset(self) -> None:
        """Keep the count: nobody really posts."""

    def read(self) -> Mapping[str, float]:
        return {"items": self.items, "first": 0.0}


def a_trial(command: Sequence[str], *recorded: int) -> Trial:
    """Two rows are expected; look by look, as many as told are found."""
    looks = list(recorded)

    async def rows() -> int:
        return looks.pop(0)

    return Trial([command], {}, expected=2, recorded=rows)


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def test_a_process_reads_the_job_from_its_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in JOB.environment().items():
        monkeypatch.setenv(name, value)

    assert Job.given() == JOB


def test_each_order_goes_once_to_each_platform() -> None:
    found = [(one["item"], one["place"]) for one in JOB.deliveries()]

    assert len(set(found)) == len(found) == JOB.orders * len(JOB.urls)
    assert {place for _, place in found} == {0, 1, 2}


def test_deliveries_are_signed_for_their_receiver() -> None:
    signer, signers = Signer(JOB), list(DOORS.signers().values())

    for one in JOB.deliveries():
        headers = dict(signer.headers(one))
        told = signers[one["place"]].verify(one["body"], headers)
        assert [item["id"] for item in told["data"]["items"]] == [one["item"]]


def test_what_is_not_installed_is_named() -> None:
    absent = replace(COMPETITORS[0], needs=("pytest", "no-such-package"))

    assert absent.missing() == ["no-such-package"]


@pytest.mark.parametrize("one", COMPETITORS, ids=lambda one: one.name)
def test_each_side_gets_as_many_processes_as_asked(one: Competitor) -> None:
    commands = one.commands(8, 3)
    parted = [command for command in commands if "--processes" in command]

    if parted:
        assert [command[command.index("--processes") + 1] for command in parted] == [
            "3"
        ]
    else:
        assert len(commands) == 3


async def test_a_side_is_timed_until_every_row_is_recorded() -> None:
    trial = a_trial(python(WAITING), 0, 1, 2, 2)

    reading = await timed(trial, Counted(2), ALL_CORES)

    assert reading["items_per_second"] > 0
    with pytest.raises(IndexError):  # it looked until they were there
        await trial.recorded()


async def test_a_row_too_many_is_no_figure() -> None:
    trial = a_trial(python(WAITING), 3, 3)

    with pytest.raises(AssertionError, match="2 rows expected, 3 recorded"):
        await timed(trial, Counted(2), ALL_CORES)


async def test_a_side_that_ends_too_early_tells_what_it_said() -> None:
    failing = python("raise SystemExit('no such queue')")

    with pytest.raises(AssertionError, match="no such queue"):
        await timed(a_trial(failing), Counted(0), ALL_CORES)


async def test_a_queue_that_cannot_be_filled_tells_what_it_said() -> None:
    with pytest.raises(AssertionError, match="no such table"):
        await run_to_its_end(python("raise SystemExit('no such table')"), {})


def test_other_clients_read_the_address_of_the_database() -> None:
    assert plain_dsn("postgresql+asyncpg://me@/db?host=%2Ftmp") == (
        "postgresql://me@/db?host=%2Ftmp"
    )
