"""Platforms that read manifests and report what they found, through the API."""

from typing import Any

import httpx
from sqlalchemy import text

from tests.support.app import bearer
from tests.support.builders import a_key
from tests.support.clearings import number
from tests.support.order_api import Scene
from unbind_broker.keys.tables import Role

BEFORE = "2023-06-01T09:30:00Z"
"""When what is found had been bound."""


async def page(
    scene: Scene, slug: str, path: str, **query: str | int
) -> httpx.Response:
    headers = scene.platform_headers[slug]
    return await scene.http.get(f"{path}/manifest", params=query, headers=headers)


async def read_all(scene: Scene, slug: str, path: str, **query: str | int) -> list[Any]:
    """Read every page to the last one."""
    read: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await page(scene, slug, path, **query, **cursor)
        assert answer.status_code == 200, answer.text
        read += answer.json()["data"]
        if answer.json()["next_cursor"] is None:
            return read
        cursor = {"cursor": answer.json()["next_cursor"]}


async def find(
    scene: Scene, slug: str, path: str, *lines: Any, complete: bool = False
) -> httpx.Response:
    return await scene.http.post(
        f"{path}/findings",
        json={"findings": lines, "complete": complete},
        headers=scene.platform_headers[slug],
    )


async def has_found(
    scene: Scene, slug: str, path: str, *lines: Any, complete: bool = False
) -> dict[str, Any]:
    answer = await find(scene, slug, path, *lines, complete=complete)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def is_done(scene: Scene, slug: str, path: str, *lines: Any) -> None:
    """Read all, report, complete."""
    await read_all(scene, slug, path)
    told = await has_found(scene, slug, path, *lines, complete=True)
    assert told["complete"] is True
    assert {one["status"] for one in told["results"]} <= {"recorded"}


def unbound(place: int, **more: Any) -> dict[str, Any]:
    line = {"number": number(place), "outcome": "unbound", "last_bound_at": BEFORE}
    return {**line, **more}


def refused(place: int, reason: str = "legal_hold", **more: Any) -> dict[str, Any]:
    line = {"number": number(place), "outcome": "refused", "reason": reason}
    return {**line, **more}


async def results(scene: Scene, path: str, **query: str | int) -> list[dict[str, Any]]:
    answer = await scene.get(f"{path}/results", **query)
    assert answer.status_code == 200, answer.text
    return [httpx.Response(200, text=one).json() for one in answer.text.splitlines()]


async def an_admin(scene: Scene) -> dict[str, str]:
    async with scene.engine.begin() as db:
        return bearer(await a_key(db, Role.ADMIN, "admin"))


async def set_category(scene: Scene, slug: str, category: str) -> None:
    async with scene.engine.begin() as db:
        await db.execute(
            text("UPDATE platforms SET category = :category WHERE slug = :slug"),
            {"category": category, "slug": slug},
        )
