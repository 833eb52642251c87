"""The rows of a clearance through COPY alone: what this Postgres can do at the most.

Rows that the service has written go into tables that have the same indexes, in
transactions of the same size; those that it reads are read in pages of the same size.
"""

import asyncio
from collections.abc import Sequence
from io import BytesIO
from time import perf_counter
from uuid import UUID

import asyncpg

NUMBERS, FINDINGS = "clearance_numbers", "clearance_findings"
_OF_NUMBERS = f"SELECT * FROM {NUMBERS} WHERE clearance_id = $1"  # noqa: S608 - a name
_PAGE = f"{_OF_NUMBERS} AND place > $2 ORDER BY place LIMIT $3"
_OF_FINDINGS = f"SELECT * FROM {FINDINGS} WHERE clearance_id = $1"  # noqa: S608 - a name
_ONES_PAGE = f"{_OF_FINDINGS} AND platform_id = $2 ORDER BY place OFFSET $3 LIMIT $4"
_PLATFORMS = f"SELECT DISTINCT platform_id FROM {FINDINGS} WHERE clearance_id = $1"  # noqa: S608 - a name


class Plain:
    """Bare connections to the database of the service."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self.pool = pool

    async def write_numbers(self, clearance: UUID, part: int) -> tuple[int, float]:
        """Copy all its numbers, part by part; return how many and the seconds."""
        parts, place = [], 0
        while found := await self._copied(_PAGE, clearance, place, part):
            last = f"SELECT max(place) FROM ({_PAGE}) p"  # noqa: S608 - a name
            place = int(await self.pool.fetchval(last, clearance, place, part))
            parts.append(found)
        return await self._write(NUMBERS, [parts])

    async def write_findings(self, clearance: UUID, size: int) -> tuple[int, float]:
        """Copy all its findings, platforms at once; return how many and the seconds."""
        every = []
        for (platform,) in await self.pool.fetch(_PLATFORMS, clearance):
            parts: list[bytes] = []
            while found := await self._copied(
                _ONES_PAGE, clearance, platform, len(parts) * size, size
            ):
                parts.append(found)
            every.append(parts)
        return await self._write(FINDINGS, every)

    async def read_numbers(self, clearance: UUID, readers: int, page: int) -> float:
        """Let so many read all numbers, page by page; return the seconds."""
        most = f"SELECT max(place) FROM {NUMBERS} WHERE clearance_id = $1"  # noqa: S608 - a name
        last = int(await self.pool.fetchval(most, clearance))

        async def read() -> None:
            for place in range(0, last, page):
                await self._copied(_PAGE, clearance, place, page)

        started = perf_counter()
        await asyncio.gather(*(read() for _ in range(readers)))
        return perf_counter() - started

    async def read_everything(self, clearance: UUID) -> float:
        """Read all numbers and all findings; return the seconds."""
        started = perf_counter()
        for rows in (_OF_NUMBERS, _OF_FINDINGS):
            await self._copied(rows, clearance)
        return perf_counter() - started

    async def _copied(self, rows: str, *given: object) -> bytes:
        """Give rows in the form of COPY; empty if there are none."""
        async with self.pool.acquire() as db:
            found = BytesIO()
            said = await db.copy_from_query(rows, *given, output=found, format="binary")
            return found.getvalue() if said != "COPY 0" else b""

    async def _write(
        self, table: str, every: Sequence[Sequence[bytes]]
    ) -> tuple[int, float]:
        plain = f"plain_{table}"
        await self.pool.execute(f"DROP TABLE IF EXISTS {plain}")
        await self.pool.execute(f"CREATE TABLE {plain} (LIKE {table} INCLUDING ALL)")

        async def write(parts: Sequence[bytes]) -> int:
            written = 0
            for part in parts:
                async with self.pool.acquire() as db:
                    said = await db.copy_to_table(
                        plain, source=BytesIO(part), format="binary"
                    )
                    written += int(said.split()[1])
            return written

        started = perf_counter()
        written = sum(await asyncio.gather(*(write(parts) for parts in every)))
        return written, perf_counter() - started
