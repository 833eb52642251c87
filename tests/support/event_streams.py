"""Read Server-Sent Events as a carrier's back end would."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

PATIENCE = 60.0
"""Seconds."""


@dataclass
class Events:
    """The events of a stream so far, parsed line by line."""

    answer: httpx.Response
    retry: int | None = None
    comments: int = 0
    last_id: str = ""
    _lines: AsyncIterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self._lines = self.answer.aiter_lines()

    async def next(self) -> dict[str, Any] | None:
        """The next event; None if the stream has ended."""
        said: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE):
            async for line in self._lines:
                if line:
                    name, _, value = line.partition(":")
                    said[name] = value.removeprefix(" ")
                    continue
                if "data" in said:
                    return self._event(said)
                self.comments += "" in said
                self.retry = int(said["retry"]) if "retry" in said else self.retry
                said = {}
        return None

    async def take(self, count: int) -> list[dict[str, Any]]:
        events = [await self.next() for _ in range(count)]
        assert None not in events, events
        return [event for event in events if event is not None]

    async def rest(self) -> list[dict[str, Any]]:
        events = []
        while (event := await self.next()) is not None:
            events.append(event)
        return events

    def _event(self, said: dict[str, str]) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(said["data"])
        assert event["type"] == said["event"]
        self.last_id = said["id"]
        return event


@asynccontextmanager
async def following(
    http: httpx.AsyncClient,
    about: str,
    headers: dict[str, str],
    last_id: str | None = None,
) -> AsyncIterator[Events]:
    """Follow ``about``, such as ``/v1/orders/ord_…``, over a real connection."""
    asked = {**headers, "Accept": "text/event-stream"}
    if last_id is not None:
        asked["Last-Event-ID"] = last_id
    async with http.stream(
        "GET", f"{about}/events", headers=asked, timeout=PATIENCE
    ) as answer:
        yield Events(answer)


def names(events: list[dict[str, Any]]) -> list[str]:
    """Say briefly what was told: ``item.unbound weibo``."""
    return [
        f"{event['type']} {event['item']['platform']}"
        if "item" in event
        else event["type"]
        for event in events
    ]
