"""Is it alive, can it serve, and what does each error mean?"""

import re

import pytest
from httpx import AsyncClient

from tests.support.app import a_runtime, in_process
from tests.support.clock import FixedClock
from tests.support.database import Server
from unbind_broker.api.problem_kinds import KINDS
from unbind_broker.base.database import open_engine
from unbind_broker.schema.migrate import head


async def test_ready_with_a_migrated_database(api: AsyncClient) -> None:
    answer = await api.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "schema_revision": head()}


async def test_not_ready_without_a_schema(server: Server, clock: FixedClock) -> None:
    async with server.empty() as url:
        engine = open_engine(url, pool=1, application="tests")
        async with in_process(a_runtime(engine, clock)) as api:
            answer = await api.get("/readyz")
            alive = await api.get("/healthz")
        await engine.dispose()
    assert (answer.status_code, answer.json()["code"]) == (503, "schema-outdated")
    assert alive.json() == {"status": "ok"}


async def test_alive_but_not_ready_while_the_database_is_away(
    clock: FixedClock,
) -> None:
    engine = open_engine(
        "postgresql+asyncpg://x@127.0.0.1:9/x", pool=1, application="t"
    )
    async with in_process(a_runtime(engine, clock)) as api:
        answer = await api.get("/readyz")
        alive = await api.get("/healthz")
    await engine.dispose()
    assert (answer.status_code, answer.json()["code"]) == (503, "database-unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert alive.status_code == 200


@pytest.mark.parametrize("code", sorted(KINDS))
async def test_every_problem_is_explained_in_both_languages(
    api: AsyncClient, code: str
) -> None:
    kind = KINDS[code]
    page = await api.get(f"/problems/{code}")
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert f"HTTP {kind.status}" in page.text
    assert kind.meaning_zh in page.text
    assert f'href="/problems/{code}"' in (await api.get("/problems")).text


async def test_unknown_problem_is_not_found(api: AsyncClient) -> None:
    answer = await api.get("/problems/<script>")
    assert answer.status_code == 404
    assert "script" not in answer.text


async def test_docs_need_nothing_from_outside(api: AsyncClient) -> None:
    page = await api.get("/docs")
    assert page.status_code == 200
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", page.text)
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert f"/static-offline-docs/{asset}" in page.text
        assert (await api.get(f"/static-offline-docs/{asset}")).status_code == 200
