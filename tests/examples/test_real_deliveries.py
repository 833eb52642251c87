"""The official libraries accept what the broker really sends, and nothing else.

So do the receivers that platforms start from, which are built upon them. Every type is
sent in the story: through the API, by a worker, over HTTP, to endpoints with one secret
and to endpoints that have just been given another one.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from tests.examples.altering import Altered, alterations
from tests.examples.official import ACCEPTED, Message, javascript_says, python_says
from tests.examples.real_story import CLOCK, Party, Told, tell
from tests.examples.receivers import FASTAPI, FLASK, python
from tests.examples.taking import expect_taken, message_of
from tests.support.database import Server
from unbind_broker.base.signing import SIGNATURE_HEADER
from unbind_broker.endpoints.events import CARRIER_EVENTS, PLATFORM_EVENTS, EventType

LEAST_WAYS = 90
Judge = Callable[[Sequence[Message]], list[str]]

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
async def stories(server: Server) -> AsyncIterator[list[Told]]:
    """The story with one secret each, and with two."""
    async with server.fresh() as one, server.fresh() as two:
        both = asyncio.gather(tell(one, rotating=False), tell(two, rotating=True))
        yield list(await both)


async def test_what_is_in_python_takes_every_real_delivery_and_no_altered_one(
    stories: list[Told], tmp_path: Path
) -> None:
    expect_right(python_says, stories)
    for place, receiver in enumerate((FASTAPI, FLASK)):
        folder = tmp_path / str(place)
        folder.mkdir()
        await expect_taken(python(receiver), folder, platforms_of(stories))


async def test_what_is_in_javascript_takes_every_real_delivery_and_no_altered_one(
    express: Path, express_copy: Path, stories: list[Told]
) -> None:
    expect_right(lambda messages: javascript_says(express, messages), stories)
    await expect_taken(("node", "server.mjs"), express_copy, platforms_of(stories))


def platforms_of(stories: list[Told]) -> list[Party]:
    return [one for story in stories for one in story.platforms]


def expect_right(judge: Judge, stories: list[Told]) -> None:
    """Ask once about everything: a process for each would take minutes."""
    for story, signatures in zip(stories, (1, 2), strict=True):
        expect_every_type(story, signatures)
    real = [one for story in stories for one in _real(story)]
    alone = [one for told in real for one in _alone(told)]
    altered = [one for story in stories for one in _altered(story)]
    assert len(altered) > LEAST_WAYS * len(EventType) * 3
    said = judge([*real, *alone, *(one.message for one in altered)])
    accepted = iter(one == ACCEPTED for one in said)
    assert all(islice(accepted, len(real)))
    # Of two signatures each secret explains one.
    explained = list(islice(accepted, len(alone)))
    assert {*map(sum, zip(explained[::2], explained[1::2], strict=True))} == {1}
    assert [one.how for one, yes in zip(altered, accepted, strict=True) if yes] == []


def expect_every_type(story: Told, signatures: int) -> None:
    assert _types(story.carriers) == CARRIER_EVENTS
    assert _types(story.platforms) == PLATFORM_EVENTS
    assert set(EventType) == CARRIER_EVENTS | PLATFORM_EVENTS
    received = [one for party in _parties(story) for one in party.received]
    signed = [one.headers[SIGNATURE_HEADER].split() for one in received]
    assert {len(one) for one in signed} == {signatures}


def _types(parties: list[Party]) -> set[EventType]:
    return {EventType(one.type) for party in parties for one in party.received}


def _parties(story: Told) -> list[Party]:
    return [*story.carriers, *story.platforms]


def _real(story: Told) -> Iterator[Message]:
    """Every delivery, for each of the secrets that it is signed with."""
    for party in _parties(story):
        for delivery in party.received:
            for secret in party.door.secrets:
                yield message_of(delivery, secret)


def _alone(message: Message) -> Iterator[Message]:
    """Leave one of two signatures."""
    signatures = message.headers[SIGNATURE_HEADER].split()
    if len(signatures) > 1:
        for one in signatures:
            yield message.having(SIGNATURE_HEADER, one)


def _altered(story: Told) -> Iterator[Altered]:
    """Alter one delivery of each type."""
    now, seen = CLOCK.now(), set()
    parties = _parties(story)
    for party, stranger in zip(parties, [*parties[1:], parties[0]], strict=True):
        others = [*party.received[1:], party.received[0]]
        for delivery, other in zip(party.received, others, strict=True):
            if delivery.type in seen:
                continue
            seen.add(delivery.type)
            for secret in party.door.secrets:
                message = message_of(delivery, secret)
                for one in alterations(
                    message, message_of(other, secret), stranger.door.secrets[0], now
                ):
                    yield replace(one, how=f"{delivery.type}: {one.how}")
