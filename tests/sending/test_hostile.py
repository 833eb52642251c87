"""Whatever a receiver does, an exchange ends, and leaves nothing behind."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from socket import AF_INET, IPPROTO_TCP, create_server, socket

import pytest

from tests.sending.wire import Authority, answer, saying, speaking
from tests.support.clock import NOON
from tests.support.hostile import (
    ACCEPTING,
    CUTTING,
    EMPTY_OK,
    FAILING,
    MANNERS,
    NEVER_ENDING,
    OK_HEAD,
    Manner,
    Reader,
    Writer,
    after_post,
    deaf,
    lurking,
    never_reading,
    pouring,
    read_post,
    redirecting,
    resetting,
    silent,
    speaking_first,
    stop_reading,
)
from tests.support.waiting import eventually
from unbind_broker.base.name_lookup import Found
from unbind_broker.base.network_guard import UrlPolicy
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.sending.exchanges import Exchange
from unbind_broker.sending.outbound import LEAST_READ, Outbound, open_outbound

pytestmark = pytest.mark.real_time(0.05)

LIMIT = timedelta(seconds=5)
SHORT = timedelta(seconds=0.2)
MOST_GROWTH = 30_000_000
"""Bytes."""
ANYWHERE = UrlPolicy(allow_private=True)
LOOPBACK = UrlPolicy(allowed_networks=(ip_network("127.0.0.0/8"),))
HOST = "hooks.weibo.com"
BIG = b"x" * 1_000_000
"""More than two sockets hold where the other one has a narrow one."""


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    async with open_outbound(ANYWHERE, lambda: NOON) as opened:
        yield opened


async def post(
    outbound: Outbound, url: str, body: bytes = b"{}", limit: timedelta = LIMIT
) -> Exchange:
    """Post; far beyond the limit the test is broken off."""
    async with asyncio.timeout(limit.total_seconds() + 20):
        return await outbound.post(url, {"webhook-id": "msg_1"}, body, limit)


@asynccontextmanager
async def over_tls(tls: Authority) -> AsyncIterator[Outbound]:
    opened = open_outbound(
        LOOPBACK,
        lambda: NOON,
        tls=tls.trusting(),
        look_up=lambda *_: [Found(AF_INET, IPPROTO_TCP, "127.0.0.1")],
    )
    async with opened as outbound:
        yield outbound


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def named(manners: Mapping[str, Manner]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("manner", manners.values(), ids=manners.keys())


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - there is no shorter way


def resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@named(NEVER_ENDING)
async def test_answer_without_an_end_ends_with_the_limit(
    outbound: Outbound, manner: Manner
) -> None:
    async with lurking(manner) as lair:
        exchange = await post(outbound, lair.url, limit=SHORT)
    assert exchange.outcome.kind is OutcomeKind.TIMED_OUT
    assert exchange.error == "no whole answer within 0.2 s"
    assert exchange.disclosed


@named(ACCEPTING)
async def test_answer_that_has_said_yes_is_taken(
    outbound: Outbound, manner: Manner
) -> None:
    async with lurking(manner) as lair:
        exchange = await post(outbound, lair.url)
    if exchange.outcome.kind is OutcomeKind.FAILED:  # head and nonsense came together
        assert exchange.error == "the answer is no HTTP"
    else:
        assert exchange.outcome.kind is OutcomeKind.ACCEPTED
    assert len(exchange.answer) <= LEAST_READ


@pytest.mark.parametrize("name", ["endless body", "50 MB behind gzip", "huge length"])
async def test_endless_answer_is_read_up_to_the_cap(
    outbound: Outbound, name: str
) -> None:
    async with lurking(ACCEPTING[name]) as lair:
        exchange = await post(outbound, lair.url)
    assert exchange.outcome.kind is OutcomeKind.ACCEPTED
    assert len(exchange.answer) == LEAST_READ


@named(FAILING)
async def test_noise_is_a_failure(outbound: Outbound, manner: Manner) -> None:
    async with lurking(manner) as lair:
        exchange = await post(outbound, lair.url)
    assert exchange.outcome.kind is OutcomeKind.FAILED
    assert exchange.answer == b""


@named(CUTTING)
async def test_connection_that_ends_without_an_answer_reaches_nobody(
    outbound: Outbound, manner: Manner
) -> None:
    async with lurking(manner) as lair:
        exchange = await post(outbound, lair.url)
    assert exchange.outcome.kind is OutcomeKind.UNREACHABLE
    assert exchange.error in {"connection closed without an answer", "connection reset"}


async def test_redirect_to_itself_is_called_once(outbound: Outbound) -> None:
    async with lurking(redirecting) as lair:
        exchange = await post(outbound, lair.url)
        assert lair.connections == 1
    assert exchange.outcome.kind is OutcomeKind.MISCONFIGURED


async def test_answer_before_the_request_is_at_most_an_answer_to_one(
    outbound: Outbound,
) -> None:
    async with lurking(speaking_first) as lair:
        first = await post(outbound, lair.url, limit=SHORT)
        second = await post(outbound, lair.url, limit=SHORT)
    kinds = [first.outcome.kind, second.outcome.kind]
    assert kinds.count(OutcomeKind.ACCEPTED) <= lair.connections
    assert set(kinds) <= {
        OutcomeKind.ACCEPTED,
        OutcomeKind.FAILED,
        OutcomeKind.TIMED_OUT,
    }


async def test_connection_that_never_comes_about_discloses_nothing(
    outbound: Outbound,
) -> None:
    async with deaf() as lair:
        exchange = await post(outbound, lair.url, limit=SHORT)
    assert exchange.outcome.kind is OutcomeKind.UNREACHABLE
    assert exchange.error in {"no connection within 0.2 s", "connection timed out"}
    assert exchange.timings.connect_ms is None
    assert not exchange.disclosed


async def test_request_that_nobody_reads_ends_with_the_limit_and_its_connection(
    outbound: Outbound,
) -> None:
    async with lurking(never_reading, narrow=True) as lair:
        before = open_files()
        exchange = await post(outbound, lair.url, BIG, SHORT)
        await eventually(lambda: open_files() <= before + 1)  # the receiver's own end
    assert exchange.outcome.kind is OutcomeKind.TIMED_OUT


@pytest.mark.parametrize("manner", [resetting, silent], ids=["reset", "silence"])
async def test_handshake_that_fails_discloses_nothing(
    authority: Authority, manner: Manner
) -> None:
    async with over_tls(authority) as outbound, lurking(manner) as lair:
        url = f"https://{HOST}:{lair.port}/hook"
        exchange = await post(outbound, url, limit=SHORT)
    assert exchange.outcome.kind is OutcomeKind.UNREACHABLE
    assert not exchange.disclosed
    assert exchange.timings.connect_ms is not None
    assert exchange.timings.tls_ms is None


async def test_receiver_that_keeps_tls_open_holds_no_connection(
    authority: Authority,
) -> None:
    async def said(reader: Reader, writer: Writer) -> None:
        await read_post(reader)
        writer.write(OK_HEAD + b"Connection: close\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await never_reading(reader, writer)

    serving = lurking(said, authority.serving(HOST))
    async with over_tls(authority) as outbound, serving as lair:
        before = open_files()
        exchange = await post(outbound, f"https://{HOST}:{lair.port}/hook")
        await eventually(lambda: open_files() <= before + 1)
    assert exchange.outcome.kind is OutcomeKind.ACCEPTED


async def test_tls_is_timed_by_itself(authority: Authority) -> None:
    async def late(reader: Reader, writer: Writer) -> None:
        stop_reading(writer)
        await asyncio.sleep(0.2)  # of which it may miss a little on either side
        await writer.start_tls(authority.serving(HOST))
        await after_post(EMPTY_OK)(reader, writer)

    async with over_tls(authority) as outbound, lurking(late) as lair:
        url = f"https://{HOST}:{lair.port}/hook"
        first, second = await post(outbound, url), await post(outbound, url)
        assert lair.connections == 1
    assert first.timings.dns_ms is not None
    assert first.timings.connect_ms is not None
    assert (first.timings.tls_ms or 0) >= 100
    kept = second.timings
    assert kept.dns_ms is kept.connect_ms is kept.tls_ms is None


CHUNKED_HEAD = b"Transfer-Encoding: chunked\r\n\r\n"
CHUNK_END = CHUNKED_HEAD + b"0\r\n"
CHUNK_START = CHUNKED_HEAD + b"5;"
POISON = answer(b"poison", "410 Gone")


@pytest.mark.parametrize(
    "extra", [POISON, POISON[:20], b"\r\n", b"x", POISON * 99, EMPTY_OK]
)
@pytest.mark.parametrize("pause", [0.0, 0.02], ids=["at once", "later"])
async def test_answer_that_nobody_asked_for_is_never_taken(
    outbound: Outbound, extra: bytes, pause: float
) -> None:
    asked = 0

    async def speak(reader: Reader, writer: Writer) -> None:
        nonlocal asked
        while await read_post(reader):
            asked += 1
            said = answer(str(asked).encode())
            if pause:
                writer.write(said)
                await writer.drain()
                await asyncio.sleep(pause)
                writer.write(extra)
            else:
                writer.write(said + extra)

    async with lurking(speak) as lair:
        for turn in range(1, 5):
            exchange = await post(outbound, lair.url)
            if exchange.outcome.kind is not OutcomeKind.FAILED:
                assert exchange.answer == str(turn).encode()
            await asyncio.sleep(pause * 2)
    assert asked == 4
    if pause:  # nothing goes over a connection on which somebody blurted out
        assert lair.connections == 4


async def test_answer_that_arrives_just_before_the_request_is_never_taken(
    outbound: Outbound,
) -> None:
    loop = asyncio.get_running_loop()

    async def take(said: bytes) -> socket:
        connection, _ = await loop.sock_accept(listening)
        await loop.sock_recv(connection, 65536)
        await loop.sock_sendall(connection, said)
        return connection

    with create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/hook"
        taking = asyncio.create_task(take(answer(b"first")))
        first = await post(outbound, url)
        with await taking as kept:
            taking = asyncio.create_task(take(answer(b"second")))
            await asyncio.sleep(0)
            kept.send(POISON)  # nothing runs between this and the next request
            second = await post(outbound, url)
            (await asyncio.wait_for(taking, 60)).close()
    assert (first.answer, second.answer) == (b"first", b"second")


async def everybody(stack: AsyncExitStack) -> list[str]:
    """Let all manners lurk at once."""
    lairs = [await stack.enter_async_context(lurking(m)) for m in MANNERS.values()]
    return [lair.url for lair in lairs]


async def test_all_at_once_end_and_the_healthy_are_served(outbound: Outbound) -> None:
    async with AsyncExitStack() as stack:
        urls = await everybody(stack)
        healthy = await stack.enter_async_context(speaking(saying(answer(b"thanks"))))
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            hostile = [
                group.create_task(post(outbound, url, limit=timedelta(seconds=0.5)))
                for url in urls * 3
            ]
            served = [
                group.create_task(post(outbound, healthy.url)) for _ in range(100)
            ]
    assert {one.result().answer for one in served} == {b"thanks"}
    ended = [one.result() for one in hostile]
    # Where the machine is busy, that is said so: nobody is blamed for it.
    blamed = [one for one in ended if one.error != "the broker stood still"]
    assert {one.outcome.kind for one in blamed} <= {
        OutcomeKind.ACCEPTED,
        OutcomeKind.FAILED,
        OutcomeKind.TIMED_OUT,
        OutcomeKind.UNREACHABLE,
        OutcomeKind.MISCONFIGURED,
    }


async def test_nothing_is_left_of_hostile_exchanges() -> None:
    async def round_of_all() -> None:
        async with (
            AsyncExitStack() as stack,
            open_outbound(ANYWHERE, lambda: NOON) as outbound,
        ):
            urls = await everybody(stack)
            await asyncio.gather(*(post(outbound, url, limit=SHORT) for url in urls))

    await round_of_all()
    tasks, files = len(asyncio.all_tasks()), open_files()
    await round_of_all()
    await eventually(lambda: len(asyncio.all_tasks()) <= tasks)
    await eventually(lambda: open_files() <= files)


@named(
    {
        "body": ACCEPTING["endless body"],
        "gzip": ACCEPTING["50 MB behind gzip"],
        "header": FAILING["header of 4 MB"],
        "trailers": pouring(b"".join((OK_HEAD, CHUNK_END)), b"x: y\r\n" * 500),
        "chunk extension": pouring(OK_HEAD + CHUNK_START, b"x" * 4096),
        "status line": FAILING["endless status line"],
    }
)
async def test_memory_stays_flat(outbound: Outbound, manner: Manner) -> None:
    async with lurking(manner) as lair:

        async def many(how_many: int) -> None:
            for _ in range(how_many):
                await post(outbound, lair.url, limit=SHORT)

        async def growth() -> int:
            before = resident_bytes()
            await many(8)
            return resident_bytes() - before

        await many(2)
        # What leaks grows each time; what something else in here needs grows once.
        grown = [await growth()]
        while grown[-1] >= MOST_GROWTH and len(grown) < 3:
            grown.append(await growth())
    assert grown[-1] < MOST_GROWTH, grown
