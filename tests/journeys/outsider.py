"""What outsiders do: administrators, carriers and platforms, by HTTP alone."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

PATIENCE = 90.0


class Outsider:
    """Somebody with a key."""

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=40
        )

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        expect: int = 200,
        **headers: str,
    ) -> dict[str, Any]:
        """Make one call that must be answered ``expect``."""
        answer = await self._http.request(
            method,
            path,
            json=body,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        assert answer.status_code == expect, (method, path, answer.text)
        read: dict[str, Any] = answer.json() if answer.content else {}
        return read

    async def put(self, path: str, lines: bytes) -> None:
        """Upload lines of JSON."""
        kind = {"Content-Type": "application/x-ndjson"}
        answer = await self._http.put(path, content=lines, headers=kind)
        assert answer.status_code == 200, (path, answer.text)

    async def until(
        self, path: str, done: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        """Read a resource until it is as it should be."""
        clock = asyncio.get_running_loop().time
        end = clock() + PATIENCE
        while not done(found := await self.call("GET", path)):
            assert clock() < end, found
            await asyncio.sleep(0.1)
        return found

    async def close(self) -> None:
        await self._http.aclose()


def asking(number: int = 1234) -> dict[str, object]:
    """Ask about one of the made-up numbers, with a consent of this moment."""
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "number": f"+861380000{number:04}",
        "owner_since": "2025-03-01",
        "consent": {"method": "sms_otp", "at": now},
    }


def is_completed(resource: dict[str, Any]) -> bool:
    return bool(resource["status"] == "completed")
