"""A platform that fetches: it reads pages of its items and takes them."""

import asyncio
from collections.abc import Iterable

import httpx

PAGE = 200


async def fetch_all(where: tuple[str, int], key: str, callers: int) -> int:
    """Fetch until nothing is left, by so many at once; return how many were taken."""
    host, port = where
    headers = {"Authorization": f"Bearer {key}"}

    async def caller() -> int:
        taken, url = 0, f"http://{host}:{port}"
        async with httpx.AsyncClient(base_url=url, headers=headers) as http:
            while ids := await _page(http):
                taken += await _take(http, ids)
        return taken

    return sum(await asyncio.gather(*(caller() for _ in range(callers))))


async def _page(http: httpx.AsyncClient) -> list[str]:
    answer = await http.get("/v1/items", params={"status": "queued", "limit": PAGE})
    answer.raise_for_status()
    return [item["id"] for item in answer.json()["data"]]


async def _take(http: httpx.AsyncClient, ids: Iterable[str]) -> int:
    lines = [{"id": one, "outcome": "acknowledged"} for one in ids]
    answer = await http.post("/v1/results", json={"results": lines})
    answer.raise_for_status()
    told = [line["status"] for line in answer.json()["results"]]
    return told.count("recorded")
