"""What carriers tell about their numbers, through the API."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.order_api import NUMBER, Scene
from unbind_broker.holdings.tables import holdings

CSV = {"Content-Type": "text/csv; charset=utf-8"}
NDJSON = {"Content-Type": "application/x-ndjson"}


def number(place: int) -> str:
    return f"+861380000{place:04}"


def line(event: str, on: str, number_: str = NUMBER) -> dict[str, str]:
    return {"number": number_, "event": event, "on": on}


async def tell(scene: Scene, *lines: object, **headers: str) -> dict[str, Any]:
    answer = await scene.post("/v1/holdings", {"holdings": lines}, headers)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def stream(
    scene: Scene,
    content: str | bytes | AsyncIterator[bytes],
    kind: dict[str, str],
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    sent = {**(headers or scene.carrier_headers), **kind}
    return await scene.http.post(
        "/v1/holdings", content=content, headers=sent, timeout=60
    )


async def rows(engine: AsyncEngine) -> int:
    async with engine.connect() as db:
        count = (await db.execute(select(func.count()).select_from(holdings))).scalar()
    return count or 0


LINE = line("activated", "2025-03-01")
