"""A name that changes its meaning leads nobody inside."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import aiohttp
import pytest

from tests.sending.wire import Authority, Wire, answer, saying, speaking
from tests.support.clock import NOON
from tests.support.names import ChangingNames
from unbind_broker.base.network_guard import UrlPolicy
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.sending.connecting import BoundedConnector
from unbind_broker.sending.exchanges import Exchange
from unbind_broker.sending.outbound import Outbound, open_outbound
from unbind_broker.sending.resolving import AddressRefused

pytestmark = pytest.mark.real_time(0.05)

HOST = "hooks.weibo.com"
OUTSIDE = ["127.0.0.1"]
"""Stands for a public address: an administrator has admitted it, and nothing else."""
POLICY = UrlPolicy(allowed_networks=(ip_network("127.0.0.1/32"),))
NOT_KEPT = timedelta(seconds=0.001)
KEPT = timedelta(seconds=30)
PLACES_INSIDE = [
    ["169.254.169.254"],
    ["::1"],
    ["127.0.0.2"],
    ["::ffff:169.254.169.254"],
    ["64:ff9b::a9fe:a9fe"],
    ["127.0.0.1", "169.254.169.254"],
    ["::1", "127.0.0.1"],
]


@asynccontextmanager
async def calling(
    folder: Path,
    names: ChangingNames,
    names_kept: timedelta,
    *,
    then_close: bool = True,
) -> AsyncIterator[tuple[Outbound, Wire]]:
    authority = Authority(folder)
    opened = open_outbound(
        POLICY,
        lambda: NOON,
        tls=authority.trusting(),
        look_up=names,
        names_kept=names_kept,
    )
    speak = saying(answer(), then_close=then_close)
    async with opened as outbound, speaking(speak, authority.serving(HOST)) as wire:
        yield outbound, wire


async def post(outbound: Outbound, wire: Wire) -> Exchange:
    url = f"https://{HOST}:{wire.port}/hook"
    exchange = await outbound.post(url, {}, b"{}", timedelta(seconds=5))
    for _ in range(20):  # turns: the other side closes, names are forgotten
        await asyncio.sleep(0.001)
    return exchange


@pytest.mark.parametrize("inside", PLACES_INSIDE)
async def test_name_that_turns_inwards_is_refused(
    tmp_path: Path, inside: list[str]
) -> None:
    names = ChangingNames(OUTSIDE, inside)
    async with calling(tmp_path, names, NOT_KEPT) as (outbound, wire):
        first = await post(outbound, wire)
        refused = [await post(outbound, wire) for _ in range(3)]
    assert first.outcome.kind is OutcomeKind.ACCEPTED
    assert {one.outcome.kind for one in refused} == {OutcomeKind.BLOCKED}
    assert not any(one.disclosed for one in refused)
    assert all((one.error or "").startswith("address refused: ") for one in refused)
    assert wire.connections == 1
    assert len(names.asked) == 4


async def test_name_that_turns_outwards_again_is_called_again(tmp_path: Path) -> None:
    names = ChangingNames(["10.0.0.1"], OUTSIDE)
    async with calling(tmp_path, names, KEPT) as (outbound, wire):
        kinds = [(await post(outbound, wire)).outcome.kind for _ in range(2)]
    assert kinds == [OutcomeKind.BLOCKED, OutcomeKind.ACCEPTED]


async def test_kept_name_leads_to_the_address_that_was_checked(tmp_path: Path) -> None:
    names = ChangingNames(OUTSIDE, ["169.254.169.254"])
    async with calling(tmp_path, names, KEPT) as (outbound, wire):
        kinds = [(await post(outbound, wire)).outcome.kind for _ in range(3)]
    assert kinds == [OutcomeKind.ACCEPTED] * 3
    assert wire.connections == 3
    assert names.asked == [HOST]


async def test_kept_connection_goes_on_to_the_address_that_was_checked(
    tmp_path: Path,
) -> None:
    names = ChangingNames(OUTSIDE, ["169.254.169.254"])
    opened = calling(tmp_path, names, NOT_KEPT, then_close=False)
    async with opened as (outbound, wire):
        kinds = [(await post(outbound, wire)).outcome.kind for _ in range(3)]
    assert kinds == [OutcomeKind.ACCEPTED] * 3
    assert wire.connections == 1


@pytest.mark.parametrize(
    ("policy", "is_refused"), [(UrlPolicy(), True), (POLICY, False)]
)
async def test_address_is_judged_once_more_where_it_is_dialled(
    policy: UrlPolicy, *, is_refused: bool
) -> None:
    async with (
        speaking(saying(answer())) as wire,
        aiohttp.ClientSession(connector=BoundedConnector(policy)) as session,
    ):
        if is_refused:
            with pytest.raises(aiohttp.ClientConnectorError) as caught:
                await session.post(wire.url)
            assert isinstance(caught.value.os_error, AddressRefused)
        else:
            async with session.post(wire.url) as response:
                assert response.status == 200
        assert wire.connections == (0 if is_refused else 1)
