"""Simulated platforms enrol with a real broker, through its API alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import a_runtime, on_a_port
from tests.support.builders import a_key
from unbind_broker.base.clock import SystemClock
from unbind_broker.demo.broker_client import BrokerClient, CallFailed, open_http
from unbind_broker.demo.cast import character
from unbind_broker.demo.enrolment import choose_platforms, create_platforms
from unbind_broker.demo.simulation import Play, Site, simulated, simulated_by_admin
from unbind_broker.demo.traits import Traits
from unbind_broker.keys.tables import Role
from unbind_broker.platforms.catalogue import load_catalogue

PLAY = Play(SystemClock(), lambda _: Traits())


@asynccontextmanager
async def a_broker(engine: AsyncEngine) -> AsyncIterator[tuple[str, str]]:
    """Give the URL of a broker and an administrator's key."""
    async with engine.begin() as db:
        admin = await a_key(db, Role.ADMIN)
    async with on_a_port(a_runtime(engine, SystemClock())) as http:
        yield str(http.base_url), admin.key


async def accepting(url: str, key: str) -> list[str]:
    async with open_http(url) as http:
        listed = await BrokerClient(http, key).all("/v1/platforms")
    return [platform["slug"] for platform in listed if platform["accepting"]]


async def test_enrolled_platforms_accept_items(engine: AsyncEngine) -> None:
    entries = choose_platforms(5)
    async with (
        a_broker(engine) as (url, admin),
        simulated_by_admin(url, admin, entries, PLAY) as simulation,
    ):
        slugs = sorted(entry.slug for entry in entries)
        assert await accepting(url, admin) == slugs
        assert sorted(simulation.keys) == slugs


async def test_platforms_of_an_earlier_run_are_taken_over(
    engine: AsyncEngine,
) -> None:
    entries = choose_platforms(3)
    async with a_broker(engine) as (url, admin):
        async with simulated_by_admin(url, admin, entries, PLAY) as first:
            keys = first.keys
        async with simulated(url, keys, PLAY) as second:
            assert second.url != first.url
            assert len(await accepting(url, admin)) == 3


async def test_platforms_that_are_known_are_not_created_again(
    engine: AsyncEngine,
) -> None:
    async with a_broker(engine) as (url, key), open_http(url) as http:
        admin = BrokerClient(http, key)
        assert await create_platforms(admin, choose_platforms(2)) == 2
        assert await create_platforms(admin, choose_platforms(5)) == 3


async def test_wrong_key_is_told_with_the_brokers_words(engine: AsyncEngine) -> None:
    async with a_broker(engine) as (url, key):
        with pytest.raises(CallFailed, match="answered 401: this key is unknown"):
            async with simulated_by_admin(
                url, key[:-4] + "AAAA", choose_platforms(1), PLAY
            ):
                pass


async def test_platforms_that_the_broker_cannot_reach_are_told(
    engine: AsyncEngine,
) -> None:
    play = Play(
        SystemClock(), lambda _: Traits(), Site(public_url="http://127.0.0.1:9")
    )
    async with a_broker(engine) as (url, key):
        with pytest.raises(CallFailed, match="answered 422"):
            async with simulated_by_admin(url, key, choose_platforms(1), play):
                pass


async def test_broker_that_is_not_there_is_told() -> None:
    async with open_http("http://127.0.0.1:9") as http:
        with pytest.raises(CallFailed, match="there is no broker at http://127"):
            await BrokerClient(http, "key").get("/v1/me")


def test_all_of_the_catalogue_is_taken_and_more_is_invented() -> None:
    catalogue = load_catalogue()

    whole = choose_platforms(None)
    more = choose_platforms(len(catalogue) + 2)

    assert tuple(whole) == catalogue
    assert len({entry.slug for entry in more}) == len(catalogue) + 2


def test_every_character_is_on_stage() -> None:
    cast = [character(entry.slug) for entry in choose_platforms(None)]

    assert len(set(cast)) == 6
