"""Names that hang, that are many, and that stand for places inside."""

import asyncio
import errno
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import NoReturn

import pytest

from tests.support.clock import NOON
from tests.support.names import ChangingNames, HangingNames, found
from tests.support.waiting import eventually
from unbind_broker.base.network_guard import UrlPolicy
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.sending.outbound import open_outbound
from unbind_broker.sending.resolving import (
    MOST_LOOK_UPS,
    AddressRefused,
    GuardedNames,
)

# No answer is waited for longer than two seconds.
pytestmark = pytest.mark.real_time(0.5)

ANYWHERE = UrlPolicy(allow_private=True)
UNSPECIFIED = socket.AF_UNSPEC


@pytest.fixture
def hanging() -> Iterator[HangingNames]:
    names = HangingNames()
    yield names
    names.released.set()


def resolvers() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "resolver"]


async def left_alone(names: GuardedNames, *hosts: str) -> list[asyncio.Task[object]]:
    """Begin to resolve, and let the look-ups start."""
    tasks: list[asyncio.Task[object]] = [
        asyncio.create_task(names.resolve(host, 443, UNSPECIFIED)) for host in hosts
    ]
    await asyncio.sleep(0)
    return tasks


async def given_up(tasks: list[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_names_that_hang_keep_no_other_waiting(hanging: HangingNames) -> None:
    names = GuardedNames(ANYWHERE, hanging)
    tasks = await left_alone(names, *(f"hang{n}.example.com" for n in range(200)))
    assert await names.resolve("healthy.example.com", 443, UNSPECIFIED) == found(
        "127.0.0.1"
    )
    await given_up(tasks)


async def test_name_that_hangs_is_asked_once_however_often_it_is_wanted(
    hanging: HangingNames,
) -> None:
    names = GuardedNames(ANYWHERE, hanging)
    for _ in range(5):
        await given_up(await left_alone(names, *["hang.example.com"] * 20))
    await eventually(lambda: hanging.asked)
    assert hanging.asked == {"hang.example.com": 1}
    tasks = await left_alone(names, "hang.example.com")
    hanging.released.set()
    assert await tasks[0] == found("127.0.0.1")
    await names.resolve("hang.example.com", 443, UNSPECIFIED)
    assert hanging.asked == {"hang.example.com": 2}


async def test_more_names_that_hang_than_threads_are_our_own_fault(
    hanging: HangingNames,
) -> None:
    names = GuardedNames(ANYWHERE, hanging)
    tasks = await left_alone(names, *(f"hang{n}" for n in range(MOST_LOOK_UPS)))
    with pytest.raises(OSError, match="do not answer") as caught:
        await names.resolve("healthy.example.com", 443, UNSPECIFIED)
    assert caught.value.errno == errno.ENOBUFS
    hanging.released.set()
    await asyncio.gather(*tasks, return_exceptions=True)  # late ones gave up
    assert await names.resolve("healthy.example.com", 443, UNSPECIFIED)


async def test_own_fault_of_the_resolver_is_told_as_such() -> None:
    def exhausted(*_: object) -> NoReturn:
        raise OSError(errno.EMFILE, "too many open files")

    async with open_outbound(UrlPolicy(), lambda: NOON, look_up=exhausted) as outbound:
        exchange = await outbound.post(
            "https://hooks.weibo.com/", {}, b"{}", timedelta(seconds=5)
        )
    assert exchange.outcome.kind is OutcomeKind.OWN_FAULT
    assert not exchange.disclosed


async def test_name_that_hangs_does_not_keep_the_process(hanging: HangingNames) -> None:
    names = GuardedNames(ANYWHERE, hanging)
    tasks = await left_alone(names, "hang.example.com")
    await eventually(lambda: hanging.asked)
    assert all(thread.daemon for thread in resolvers())
    names.close()
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    hanging.released.set()
    await eventually(lambda: not resolvers())


async def test_fault_of_a_look_up_that_nobody_waits_for_is_forgotten() -> None:
    may_fail = threading.Event()

    def failing(*_: object) -> NoReturn:
        may_fail.wait(30)
        raise socket.gaierror(socket.EAI_FAIL, "late")

    names = GuardedNames(ANYWHERE, failing)
    await given_up(await left_alone(names, "late.example.com"))
    may_fail.set()
    await eventually(lambda: not resolvers())
    with pytest.raises(socket.gaierror):
        await names.resolve("late.example.com", 443, UNSPECIFIED)


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["1.1.1.1", "fe80::1%lo"], ["::1"]],
)
async def test_one_address_inside_refuses_the_name(addresses: list[str]) -> None:
    names = GuardedNames(UrlPolicy(), ChangingNames(addresses))
    with pytest.raises(AddressRefused):
        await names.resolve("hooks.weibo.com", 443, UNSPECIFIED)
