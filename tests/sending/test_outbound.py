"""What a receiver may do to us, and where we never go."""

import asyncio
import gzip
import socket
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import NoReturn

import pytest

from tests.sending.wire import Authority, answer, saying, speaking
from tests.support.clock import NOON
from unbind_broker.base.name_lookup import Found, LookUp, look_up
from unbind_broker.base.network_guard import UrlPolicy
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.sending.exchanges import Exchange
from unbind_broker.sending.outbound import LEAST_READ, Outbound, open_outbound

pytestmark = pytest.mark.real_time(0.05)

LIMIT = timedelta(seconds=5)
SHORT = timedelta(seconds=0.3)
ANYWHERE = UrlPolicy(allow_private=True)
LOOPBACK = UrlPolicy(allowed_networks=(ip_network("127.0.0.0/8"),))
HOST = "hooks.weibo.com"


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    async with open_outbound(ANYWHERE, lambda: NOON) as opened:
        yield opened


async def post(
    outbound: Outbound, url: str, body: bytes = b"{}", limit: timedelta = LIMIT
) -> Exchange:
    return await outbound.post(url, {"webhook-id": "msg_1"}, body, limit)


def resolving_to(*addresses: str) -> LookUp:
    def answer_all(*_: object) -> list[Found]:
        return [
            Found(
                socket.AF_INET6 if ":" in one else socket.AF_INET,
                socket.IPPROTO_TCP,
                one,
            )
            for one in addresses
        ]

    return answer_all


def failing_with(error: Exception) -> LookUp:
    def look_up(*_: object) -> NoReturn:
        raise error

    return look_up


async def test_request_is_bare_http(outbound: Outbound) -> None:
    async with speaking(saying(answer(b"thanks"))) as wire:
        exchange = await post(outbound, wire.url, b'{"a":"\xe4\xb8\xad"}')
    assert exchange.outcome.kind is OutcomeKind.ACCEPTED
    assert exchange.outcome.status_code == 200
    assert exchange.answer == b"thanks"
    assert exchange.error is None
    assert exchange.disclosed
    head, body = wire.requests[0].split(b"\r\n\r\n", 1)
    lines = head.decode().lower().split("\r\n")
    assert lines[0] == "post /hook http/1.1"
    assert body == b'{"a":"\xe4\xb8\xad"}'
    assert {
        f"host: 127.0.0.1:{wire.port}",
        "content-type: application/json",
        "accept-encoding: identity",
        "webhook-id: msg_1",
    } <= set(lines)
    assert any(line.startswith("user-agent: unbind-broker/") for line in lines)


async def test_connection_is_kept_and_its_parts_are_timed(outbound: Outbound) -> None:
    async with speaking(saying(answer())) as wire:
        url = wire.url.replace("127.0.0.1", "localhost")
        first, second = await post(outbound, url), await post(outbound, url)
        assert wire.connections == 1
    assert first.timings.dns_ms is not None
    assert first.timings.connect_ms is not None
    assert first.timings.tls_ms is None
    assert second.timings.dns_ms is second.timings.connect_ms is None
    assert second.timings.first_byte_ms is not None
    assert second.timings.total_ms >= second.timings.first_byte_ms


async def test_connections_of_a_rush_lie_idle_after_it(outbound: Outbound) -> None:
    async def name_caller(_: object, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        writer.write(answer(str(writer.get_extra_info("peername")[1]).encode()))

    async with speaking(name_caller) as wire:
        await asyncio.gather(*(post(outbound, wire.url) for _ in range(3)))
        later = {(await post(outbound, wire.url)).answer for _ in range(5)}
    assert (wire.connections, len(later)) == (3, 1)


async def test_throttling_answer_brings_its_pause(outbound: Outbound) -> None:
    busy = answer(b"", "429 Too Many Requests", "Retry-After: 17")
    async with speaking(saying(busy)) as wire:
        exchange = await post(outbound, wire.url)
    assert exchange.outcome.kind is OutcomeKind.THROTTLED
    assert exchange.outcome.retry_after == timedelta(seconds=17)


async def test_redirect_is_not_followed(outbound: Outbound) -> None:
    async with speaking(saying(answer())) as target:
        moved = answer(b"", "307 Temporary Redirect", f"Location: {target.url}")
        async with speaking(saying(moved)) as wire:
            exchange = await post(outbound, wire.url)
        assert target.requests == []
    assert exchange.outcome.kind is OutcomeKind.MISCONFIGURED
    assert exchange.outcome.status_code == 307


async def test_cookies_are_not_kept(outbound: Outbound) -> None:
    async with speaking(saying(answer(b"", "200 OK", "Set-Cookie: a=b"))) as wire:
        await post(outbound, wire.url)
        await post(outbound, wire.url)
    assert all(b"cookie" not in request.lower() for request in wire.requests)


async def test_proxies_of_the_environment_are_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with (
        open_outbound(ANYWHERE, lambda: NOON) as outbound,
        speaking(saying(answer())) as wire,
    ):
        exchange = await post(outbound, wire.url)
    assert exchange.outcome.kind is OutcomeKind.ACCEPTED


async def test_compressed_answer_is_left_as_it_is(outbound: Outbound) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    zipped = answer(bomb, "200 OK", "Content-Encoding: gzip")
    async with speaking(saying(zipped)) as wire:
        exchange = await post(outbound, wire.url)
    assert exchange.outcome.kind is OutcomeKind.ACCEPTED
    assert exchange.answer == bomb[:LEAST_READ]


@pytest.mark.parametrize("size", [LEAST_READ - 1, LEAST_READ])
async def test_answer_up_to_the_cap_is_whole(outbound: Outbound, size: int) -> None:
    async with speaking(saying(answer(b"x" * size))) as wire:
        exchange = await post(outbound, wire.url)
        await post(outbound, wire.url)
        assert wire.connections == 1
    assert len(exchange.answer) == size


async def test_large_request_may_be_answered_at_length(outbound: Outbound) -> None:
    request = b"x" * 40_000
    async with speaking(saying(answer(b"y" * 70_000))) as wire:
        exchange = await post(outbound, wire.url, request)
    assert len(exchange.answer) == 70_000


async def test_early_hints_are_no_answer(outbound: Outbound) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    async with speaking(saying(hints, answer())) as wire:
        exchange = await post(outbound, wire.url)
    assert exchange.outcome.status_code == 200


async def test_flood_on_a_kept_connection_is_cut_off(outbound: Outbound) -> None:
    cut_off = asyncio.Event()

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer())
        await writer.drain()
        await asyncio.sleep(0.1)
        try:
            for _round in range(5000):
                writer.write(answer() * 1000)
                await writer.drain()
        except ConnectionError:
            cut_off.set()

    async with speaking(flood) as wire:
        exchange = await post(outbound, wire.url)
        await asyncio.wait_for(cut_off.wait(), 60)
    assert exchange.outcome.status_code == 200


@pytest.mark.parametrize(
    ("hang_up", "error"),
    [
        (lambda writer: writer.close(), "connection closed without an answer"),
        (lambda writer: writer.transport.abort(), "connection reset"),
    ],
    ids=["close", "reset"],
)
async def test_connection_that_ends_without_an_answer_has_disclosed(
    outbound: Outbound, hang_up: Callable[[asyncio.StreamWriter], None], error: str
) -> None:
    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hang_up(writer)

    async with speaking(speak) as wire:
        exchange = await post(outbound, wire.url)
    assert exchange.outcome.kind is OutcomeKind.UNREACHABLE
    assert exchange.error in {error, "connection closed without an answer"}
    assert exchange.disclosed
    assert wire.connections == 1


async def test_kept_connection_that_was_closed_meanwhile_is_no_fault(
    outbound: Outbound,
) -> None:
    answered: list[asyncio.StreamWriter] = []

    async def once_each(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if writer in answered:
            writer.close()
            return
        answered.append(writer)
        writer.write(answer())

    async with speaking(once_each) as wire:
        await post(outbound, wire.url)
        exchange = await post(outbound, wire.url)
    assert exchange.outcome.kind is OutcomeKind.ACCEPTED
    assert wire.connections == 2


async def test_refused_connection_discloses_nothing(outbound: Outbound) -> None:
    async with speaking(saying(answer())) as wire:
        pass
    exchange = await post(outbound, wire.url)
    assert exchange.outcome.kind is OutcomeKind.UNREACHABLE
    assert exchange.error == "connection refused"
    assert not exchange.disclosed


def test_host_that_no_resolver_can_write_does_not_resolve() -> None:
    with pytest.raises(socket.gaierror):
        look_up("x" * 64 + ".com", 443, socket.AF_UNSPEC)


@pytest.mark.parametrize(
    "resolver",
    [
        failing_with(socket.gaierror(socket.EAI_NONAME, "unknown")),
        lambda *_: time.sleep(2.2),
    ],
    ids=["unknown", "slow"],
)
async def test_name_that_does_not_resolve_discloses_nothing(resolver: LookUp) -> None:
    opened = open_outbound(UrlPolicy(), lambda: NOON, look_up=resolver)
    async with opened as outbound:
        exchange = await post(outbound, f"https://{HOST}/")
    assert exchange.outcome.kind is OutcomeKind.UNREACHABLE
    assert exchange.error == "name does not resolve"
    assert not exchange.disclosed


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://2130706433/",
        "https://localhost/",
        f"https://user:pass@{HOST}/",
        "ftp://example.com/",
        "https:///nowhere",
        "",
    ],
)
async def test_url_that_could_not_be_registered_is_not_called(url: str) -> None:
    opened = open_outbound(
        UrlPolicy(), lambda: NOON, look_up=failing_with(AssertionError("looked up"))
    )
    async with opened as outbound:
        exchange = await post(outbound, url)
    assert exchange.outcome.kind is OutcomeKind.BLOCKED
    assert not exchange.disclosed


@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("169.254.169.254",),
        ("::1",),
        ("::ffff:127.0.0.1",),
        ("64:ff9b::7f00:1",),
        ("2002:7f00:1::",),
        ("fe80::1%lo",),
        ("1.1.1.1", "10.0.0.1"),
        ("1.1.1.1", "1.0.0.1", "::ffff:192.168.0.1"),
    ],
)
async def test_one_forbidden_address_refuses_the_name(
    addresses: tuple[str, ...],
) -> None:
    opened = open_outbound(UrlPolicy(), lambda: NOON, look_up=resolving_to(*addresses))
    async with opened as outbound:
        exchange = await post(outbound, f"https://{HOST}/")
    assert exchange.outcome.kind is OutcomeKind.BLOCKED
    assert exchange.error is not None
    assert exchange.error.startswith("address refused: ")
    assert addresses[-1] not in exchange.error
    assert not exchange.disclosed


async def test_allowed_network_is_called_by_its_name(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    opened = open_outbound(
        LOOPBACK,
        lambda: NOON,
        tls=authority.trusting(),
        look_up=resolving_to("127.0.0.1"),
    )
    serving = speaking(saying(answer()), authority.serving(HOST))
    async with opened as outbound, serving as wire:
        exchange = await post(outbound, f"https://{HOST}:{wire.port}/hook")
    assert exchange.outcome.kind is OutcomeKind.ACCEPTED
    assert f"host: {HOST}:{wire.port}".encode() in wire.requests[0].lower()


@pytest.mark.parametrize(
    ("host", "options", "error"),
    [
        ("hooks.other.com", {}, "TLS: certificate name mismatch"),
        (HOST, {"expired": True}, "TLS: certificate has expired"),
        (HOST, {"self_signed": True}, "TLS: certificate is self-signed"),
    ],
)
async def test_wrong_certificate_is_told(
    tmp_path: Path, host: str, options: dict[str, bool], error: str
) -> None:
    authority = Authority(tmp_path)
    opened = open_outbound(
        LOOPBACK,
        lambda: NOON,
        tls=authority.trusting(),
        look_up=resolving_to("127.0.0.1"),
    )
    serving = speaking(saying(answer()), authority.serving(host, **options))
    async with opened as outbound, serving as wire:
        exchange = await post(outbound, f"https://{HOST}:{wire.port}/hook")
    assert exchange.outcome.kind is OutcomeKind.UNREACHABLE
    assert exchange.error == error
    assert not exchange.disclosed
    assert wire.requests == []


async def test_server_without_tls_is_told() -> None:
    opened = open_outbound(LOOPBACK, lambda: NOON, look_up=resolving_to("127.0.0.1"))
    async with opened as outbound, speaking(saying(b"hello\r\n")) as wire:
        exchange = await post(outbound, f"https://{HOST}:{wire.port}/", limit=SHORT)
    assert exchange.outcome.kind in {OutcomeKind.UNREACHABLE, OutcomeKind.TIMED_OUT}
    assert not exchange.disclosed
