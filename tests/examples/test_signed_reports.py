"""A receiver that is given a key signs what it reports, and the broker keeps it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.examples.receivers import FLASK, planned, python, running
from tests.support.app import a_runtime, bearer, on_a_port
from tests.support.builders import a_carrier, a_key, a_platform
from tests.support.waiting import eventually
from tests.support.working import working
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.instants import show_instant
from unbind_broker.base.magic_numbers import BEFORE, OWNER_SINCE
from unbind_broker.base.signing import (
    ID_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    check_v1a,
)
from unbind_broker.base.signing_keys import PrivateKey, PublicKey
from unbind_broker.callbacks.tables import evidence

KEY = PrivateKey(b"a receiver's seed of thirty-two!")
OTHER = PrivateKey(b"another receiver's seed of 32 by")
CLOCK = SystemClock()
REFUSED = "401"

pytestmark = pytest.mark.journey


@dataclass(frozen=True)
class Scene:
    """A broker that works, one carrier, and a platform whose receiver has ``KEY``."""

    engine: AsyncEngine
    http: httpx.AsyncClient
    carrier: dict[str, str]
    platform: dict[str, str]
    url: str
    folder: Path

    async def register(self, key: PrivateKey) -> str | None:
        """Register the endpoint with a public key; the first time gives its secret."""
        chosen = {"url": self.url, "result_public_key": key.public.text}
        return str((await self._call("PUT", "/v1/endpoint", chosen)).get("secret"))

    async def is_verified(self) -> bool:
        path = "/v1/endpoint/verify"
        answer = await self.http.post(path, headers=self.platform)
        return answer.is_success

    async def order(self, copy: int) -> str:
        """Ask about a number that has a binding, and give the order's path."""
        asked = {
            "number": BEFORE.number(copy).e164,
            "owner_since": OWNER_SINCE.isoformat(),
            "consent": {"method": "in_store", "at": show_instant(CLOCK.now())},
        }
        answer = await self.http.post("/v1/orders", json=asked, headers=self.carrier)
        assert answer.status_code == 202, answer.text
        return f"/v1/orders/{answer.json()['id']}"

    async def status(self, path: str) -> str:
        order = (await self.http.get(path, headers=self.carrier)).json()
        return str(order["items"][0]["status"])

    async def evidence(self) -> list[RowMapping]:
        async with self.engine.connect() as db:
            return list((await db.execute(select(evidence))).mappings())

    def printed(self) -> str:
        return (self.folder / "printed.log").read_text(encoding="utf-8")

    async def _call(self, method: str, path: str, body: object) -> Any:
        answer = await self.http.request(method, path, json=body, headers=self.platform)
        assert answer.is_success, answer.text
        return answer.json()


async def test_flask_receiver_signs_its_reports(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with a_scene(engine, tmp_path, python(FLASK)) as scene:
        await expect_signed(scene)


async def test_express_receiver_signs_its_reports(
    engine: AsyncEngine, express_copy: Path
) -> None:
    async with a_scene(engine, express_copy, ("node", "server.mjs")) as scene:
        await expect_signed(scene)


async def expect_signed(scene: Scene) -> None:
    """What it signs is taken and kept; under another public key it is refused."""
    first = await scene.order(0)
    await _becomes(scene, first, "unbound")
    (kept,) = await scene.evidence()
    proof = {
        ID_HEADER: kept["webhook_id"],
        TIMESTAMP_HEADER: kept["webhook_timestamp"],
        SIGNATURE_HEADER: kept["webhook_signature"],
    }
    assert kept["public_key"] == KEY.public.text
    check_v1a(PublicKey.parse(kept["public_key"]), proof, kept["body"])
    assert first.rpartition("/")[2].encode() in kept["body"]

    await scene.register(OTHER)
    second = await scene.order(1)
    await eventually(lambda: REFUSED in scene.printed())
    await _becomes(scene, second, "acknowledged")
    assert len(await scene.evidence()) == 1

    await scene.register(KEY)
    await _becomes(scene, second, "unbound")
    ids = {one["webhook_id"] for one in await scene.evidence()}
    assert len(ids) == 2


async def _becomes(scene: Scene, path: str, wanted: str) -> None:
    async def is_so() -> bool:
        return await scene.status(path) == wanted

    await eventually(is_so)


@asynccontextmanager
async def a_scene(
    engine: AsyncEngine, folder: Path, command: Sequence[str]
) -> AsyncIterator[Scene]:
    async with engine.begin() as db:
        carrier = await a_key(db, await a_carrier(db))
        platform = await a_key(db, await a_platform(db))
    runtime = a_runtime(engine, CLOCK, scan_interval=timedelta(seconds=0.2))
    async with on_a_port(runtime) as http, working(runtime):
        plan, told = planned(folder, str(http.base_url))
        headers = bearer(carrier), bearer(platform)
        scene = Scene(engine, http, *headers, plan.url, folder)
        secret = await scene.register(KEY)
        told |= {"UNBIND_KEY": platform.key, "UNBIND_SECRET": str(secret)}
        told |= {"UNBIND_REPORT_KEY": KEY.text}
        async with running(command, folder, told):
            await eventually(scene.is_verified)
            yield scene
