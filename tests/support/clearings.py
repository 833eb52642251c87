"""Carriers that have numbers cleared, through the API."""

import json
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.order_api import Scene
from unbind_broker.base.ids import Prefix, parse_id
from unbind_broker.base.working_days import WorkingTime
from unbind_broker.deadlines.waving import WavingPolicy

CSV = {"Content-Type": "text/csv"}
NDJSON = {"Content-Type": "application/x-ndjson"}
GONE_ON = "2026-08-20"

WORKING_TIME = WorkingTime(5, ZoneInfo("Asia/Shanghai"))
FREEZE = timedelta(days=90)
SANDBOX_TIME = WorkingTime(5, WORKING_TIME.zone, timedelta(minutes=5))
USUAL_WAVES = WavingPolicy(0.01, WORKING_TIME, SANDBOX_TIME, FREEZE)
PATIENT_WAVES = WavingPolicy(0.5, WORKING_TIME, SANDBOX_TIME, FREEZE)

Content = str | bytes | AsyncIterator[bytes]


def number(place: int) -> str:
    return f"+861380000{place:04}"


def ndjson(places: Iterable[int], on: str = GONE_ON) -> bytes:
    lines = ({"number": number(one), "disconnected_on": on} for one in places)
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()


def csv(places: Iterable[int], on: str = GONE_ON) -> bytes:
    lines = "".join(f"{number(one)},{on}\n" for one in places)
    return f"number,disconnected_on\n{lines}".encode()


async def a_draft(scene: Scene, **fields: str) -> str:
    answer = await scene.post("/v1/clearances", fields)
    assert answer.status_code == 201, answer.text
    path: str = answer.headers["location"]
    return path


async def a_filled_draft(scene: Scene, places: Iterable[int]) -> str:
    """Begin a clearance and give it these numbers; gives its path."""
    path = await a_draft(scene)
    await has_put(scene, path, ndjson(places))
    return path


def id_of(path: str) -> UUID:
    """Read the id of the clearance at a path."""
    found = parse_id(path.rsplit("/", 1)[-1], Prefix.CLEARANCE)
    assert found is not None
    return found


async def put(
    scene: Scene,
    path: str,
    content: Content,
    kind: dict[str, str] = NDJSON,
    part: int = 1,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    sent = {**(headers or scene.carrier_headers), **kind}
    where = f"{path}/parts/{part}"
    return await scene.http.put(where, content=content, headers=sent, timeout=60)


async def has_put(
    scene: Scene, path: str, content: Content, part: int = 1
) -> dict[str, Any]:
    answer = await put(scene, path, content, NDJSON, part)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def a_published(scene: Scene, places: Iterable[int]) -> str:
    path = await a_draft(scene)
    await has_put(scene, path, ndjson(places))
    answer = await scene.post(f"{path}/publish", {})
    assert answer.status_code == 200, answer.text
    return path


async def shown(scene: Scene, path: str) -> dict[str, Any]:
    answer = await scene.get(path)
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def places(engine: AsyncEngine, path: str) -> list[int]:
    """The places that numbers have, in their order."""
    asked = text(
        "SELECT place FROM clearance_numbers WHERE clearance_id = :id ORDER BY place"
    )
    clearance = parse_id(path.rsplit("/", 1)[-1], Prefix.CLEARANCE)
    async with engine.connect() as db:
        return list((await db.execute(asked, {"id": clearance})).scalars())


async def count(engine: AsyncEngine, table: str) -> int:
    async with engine.connect() as db:
        found = await db.execute(text(f"SELECT count(*) FROM {table}"))  # noqa: S608 - a test's own table
        return int(found.scalar_one())
