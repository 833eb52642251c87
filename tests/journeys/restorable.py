"""A broker whose database can be lost, and everybody who calls it."""

import json
import signal
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.journeys.archived_cluster import ArchivedCluster, archived_cluster
from tests.journeys.outsider import Outsider, is_completed
from tests.journeys.processes import Process, Processes, processes
from tests.journeys.recorded import count_recorded
from tests.support.builders import a_key
from tests.support.database import open_patient_engine
from tests.support.receiver import Answer, Receiver
from tests.support.waiting import eventually
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.sealing import generate_key
from unbind_broker.keys.tables import Role
from unbind_broker.schema.migrate import migrate
from unbind_broker.statistics.counting import count_trail
from unbind_broker.statistics.measures import Measure

AT_ONCE, LATER, AWAY = "weibo", "alipay", "didi"
"""One platform answers with its results, one reports them later, one is away."""
SPARE = "spare"
"""Another key of the carrier's."""
SLUGS = (AT_ONCE, LATER, AWAY)
REMOVED = "2024-05-01T00:00:00Z"
KEPT = (
    "api_keys",
    "attempts",
    "audit_events",
    "audit_seals",
    "carriers",
    "endpoints",
    "holdings",
    "idempotency",
    "items",
    "order_log",
    "orders",
    "platforms",
    "signing_keys",
)
"""Tables of which a restore must bring back every row as it was."""
_DIGEST = ", ".join(
    f"'{table}', (SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t)"  # noqa: S608 - names
    for table in KEPT
)


def unbound(item: Mapping[str, Any]) -> dict[str, object]:
    one = {"id": item["id"], "outcome": "unbound", "removed": 1}
    return {**one, "last_bound_at": REMOVED}


RESULTS = Answer(results=unbound)


class Broker:
    """The processes on one database, and everybody who has a key."""

    def __init__(
        self, cluster: ArchivedCluster, commands: Processes, receiver: Receiver
    ) -> None:
        self.cluster = cluster
        self.commands = commands
        self.receiver = receiver
        self.keys: dict[str, str] = {}
        self._running: list[Process] = []
        self._callers: list[Outsider] = []
        self._url = ""

    async def found(self) -> None:
        """Make the schema, start, and register everybody."""
        await self.migrate()
        async with self._engine() as engine, engine.begin() as db:
            issued = await a_key(db, Role.ADMIN, now=SystemClock().now())
        self.keys["admin"] = issued.key
        await self.start()
        await self._register("carrier", "china-mobile")
        for slug in SLUGS:
            await self._register("platform", slug)
            await self._enrol(slug)
        self.keys[SPARE] = (await self._issue("carrier", "china-mobile"))["key"]

    async def migrate(self) -> None:
        """Bring the schema up to date; no process of its own is started for it."""
        async with self._engine() as engine:
            await migrate(engine)

    async def start(self) -> None:
        api = await self.commands.start("serve", "--port", "0", "--json")
        worker = await self.commands.start("worker")
        self._running = [api, worker]
        self._url = str((await api.told())["url"])
        await worker.line()

    async def kill(self) -> None:
        for process in self._running:
            await process.stop(signal.SIGKILL)
        await self.hang_up()

    async def hang_up(self) -> None:
        for caller in self._callers:
            await caller.close()
        self._callers.clear()

    def by(self, slug: str) -> Outsider:
        """Call with that one's key, wherever the API is now."""
        caller = Outsider(self._url, self.keys[slug])
        self._callers.append(caller)
        return caller

    @property
    def carrier(self) -> Outsider:
        return self.by("china-mobile")

    async def place(self, body: Mapping[str, object], key: str) -> str:
        made = await self.carrier.call(
            "POST", "/v1/orders", body, expect=202, Idempotency_Key=key
        )
        return str(made["id"])

    async def revoke(self, name: str) -> None:
        """Revoke the key that was issued last."""
        keys = (await self.by("admin").call("GET", "/v1/admin/keys"))["data"]
        newest = max(int(one["id"]) for one in keys)
        await self.by("admin").call("DELETE", f"/v1/admin/keys/{newest}", expect=204)
        await self.by(name).call("GET", "/v1/me", expect=401)

    async def is_complete(self, order_id: str) -> None:
        """Wait until every platform has unbound."""
        order = await self.carrier.until(f"/v1/orders/{order_id}", is_completed)
        assert order["summary"] == {"total": len(SLUGS), "unbound": len(SLUGS)}

    async def report(self, slug: str, order_id: str) -> str:
        """Report a result, and say what became of it."""
        body = {"results": [unbound({"id": order_id})]}
        told = await self.by(slug).call("POST", "/v1/results", body)
        return str(told["results"][0]["status"])

    async def told_completed(self, orders: Collection[str]) -> str:
        """Wait until the feed tells that these orders are completed, and no other.

        Each is told once. Gives the id of the last event.
        """

        async def told() -> list[Any] | None:
            feed = await self.carrier.call("GET", "/v1/events?limit=200")
            ended = [e for e in feed["data"] if e["type"] == "order.completed"]
            found = sorted(one["order_id"] for one in ended)
            assert len(found) <= len(orders), found
            return feed["data"] if found == sorted(orders) else None

        return str((await eventually(told))[-1]["id"])

    async def verify(self, *arguments: str | Path, fails: bool = False) -> list[Any]:
        """Verify the audit trail; return the faults, and the summary behind them."""
        verified = await self.commands.start("audit", "verify", "--json", *arguments)
        told = [json.loads(line) for line in (await verified.rest()).splitlines()]
        assert await verified.ended() == int(fails), (told, verified.log)
        return told

    async def sealed(self, file: Path) -> Path:
        """Wait until what happened so far is sealed, and keep the seals elsewhere."""
        newest = await self.cluster.ask("SELECT max(xid) FROM audit_events")

        async def is_sealed() -> bool:
            last = await self.cluster.ask("SELECT max(last_xid) FROM audit_seals")
            return int(str(last or 0)) >= int(str(newest))

        await eventually(is_sealed)
        seals: list[Any] = []
        cursor: str | None = ""
        while cursor is not None:
            path = f"/v1/audit/seals?limit=200{cursor and f'&cursor={cursor}'}"
            page = await self.by("admin").call("GET", path)
            seals, cursor = [*seals, *page["data"]], page["next_cursor"]
        seals.sort(key=lambda seal: int(seal["number"]))
        write_lines(file, [json.dumps(seal) for seal in seals])
        return file

    async def rows(self) -> object:
        """Give what tells apart any two states of the tables that are kept."""
        return await self.cluster.ask(f"SELECT jsonb_build_object({_DIGEST})")

    async def instant(self) -> tuple[datetime, object]:
        """Give an instant at which nothing changed, and the rows as of then."""

        async def quiet() -> tuple[datetime, object] | None:
            before = await self.rows()
            now = await self.cluster.ask("SELECT clock_timestamp()")
            assert isinstance(now, datetime)
            return (now, before) if await self.rows() == before else None

        return await eventually(quiet)

    async def recorded(self) -> dict[str, int]:
        """Count what the audit trail says was ever applied."""
        async with self._engine() as engine:
            return dict(await count_recorded(engine))

    async def count(self, items: int) -> None:
        """Stop, and count what was not counted yet, until so many items have ended."""
        await self.kill()
        ended = f"SELECT sum(n) FROM platform_days WHERE measure = {Measure.ASKED}"  # noqa: S608 - a code

        async def are_counted() -> bool:
            # What a killed process had under way may hide newer events for a while.
            async with self._engine() as engine, engine.begin() as db:
                await count_trail(db, SystemClock().now(), "Asia/Shanghai", 10_000)
            return await self.cluster.ask(ended) == items

        await eventually(are_counted)

    @asynccontextmanager
    async def _engine(self) -> AsyncIterator[AsyncEngine]:
        url = self.cluster.url.replace("postgresql", "postgresql+asyncpg", 1)
        engine = open_patient_engine(url, pool=1, application="tests")
        try:
            yield engine
        finally:
            await engine.dispose()

    async def _register(self, role: str, slug: str) -> None:
        admin = self.by("admin")
        await admin.call("POST", f"/v1/admin/{role}s", {"slug": slug}, expect=201)
        self.keys[slug] = (await self._issue(role, slug))["key"]

    async def _issue(self, role: str, slug: str) -> Any:
        named = {"role": role, role: slug}
        admin = self.by("admin")
        return await admin.call("POST", "/v1/admin/keys", named, expect=201)

    async def _enrol(self, slug: str) -> None:
        door, platform = self.receiver.door(slug), self.by(slug)
        body = {"url": door.url, "max_batch": 1}
        made = await platform.call("PUT", "/v1/endpoint", body, expect=201)
        door.secrets.append(made["secret"])
        await platform.call("POST", "/v1/endpoint/verify")


@asynccontextmanager
async def a_broker(folder: Path, receiver: Receiver) -> AsyncIterator[Broker]:
    async with (
        archived_cluster() as cluster,
        processes(
            folder,
            UNBIND_DATABASE_URL=cluster.url,
            UNBIND_SECRET_KEYS=generate_key(),
            UNBIND_INDEX_KEY=generate_key(),
        ) as commands,
    ):
        await cluster.start()
        broker = Broker(cluster, commands, receiver)
        try:
            yield broker
        finally:
            await broker.hang_up()


def write_lines(file: Path, lines: Sequence[str]) -> None:
    file.write_text("".join(f"{line}\n" for line in lines))
