"""The receivers that platforms start from keep the contract, as the kit sees it."""

import ast
import os
import subprocess
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from tests.conformance.trying import by_verdict
from tests.examples.receivers import FASTAPI, FLASK, planned, python, running, tried
from tests.examples.taking import NOBODY
from tests.support.waiting import PATIENCE, eventually
from unbind_broker.conformance.registry import RULES
from unbind_broker.conformance.running import Judged, Verdict

SKIPPED = {"answer-readable", "close-account", "report-signed", "limits-rate"}
"""It reports everything later and unsigned, closes no account, declares no rate."""
OWN = {"hooks", "begin"}

pytestmark = pytest.mark.journey


async def test_fastapi_receiver_breaks_no_rule_however_often_it_is_tried(
    tmp_path: Path,
) -> None:
    judged = await tried(python(FASTAPI), tmp_path, times=2)
    expect_all_hold(judged, set())


async def test_flask_receiver_breaks_no_rule(tmp_path: Path) -> None:
    judged = await tried(python(FLASK), tmp_path)
    expect_all_hold(judged, {"keep-alive"})  # the server that Flask brings along


@pytest.mark.parametrize("file", [FASTAPI, FLASK], ids=["fastapi", "flask"])
async def test_receiver_reads_no_more_than_a_webhook_may_hold(
    file: Path, tmp_path: Path
) -> None:
    plan, told = planned(tmp_path, NOBODY)
    too_long = bytes(2**23)

    async def in_pieces() -> AsyncIterator[bytes]:
        yield too_long

    async with (
        running(python(file), tmp_path, told),
        httpx.AsyncClient(timeout=PATIENCE) as http,
    ):

        async def status(content: bytes | AsyncIterator[bytes]) -> int | None:
            try:
                return (await http.post(plan.url, content=content)).status_code
            except httpx.TransportError:  # it may hang up on whoever goes on sending
                return None

        async def is_up() -> bool:
            return await status(b"") == HTTPStatus.UNAUTHORIZED

        await eventually(is_up)
        too_large = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, None}
        assert await status(too_long) in too_large
        if file == FASTAPI:  # Flask cuts it off, and finds no signature
            assert await status(in_pieces()) in too_large
        assert await is_up()


async def test_express_receiver_breaks_no_rule(express_copy: Path) -> None:
    judged = await tried(("node", "server.mjs"), express_copy)
    expect_all_hold(judged, set())


def test_receivers_in_python_differ_in_nothing_but_their_web_framework() -> None:
    fastapi, flask = map(_functions, (FASTAPI, FLASK))
    assert fastapi.keys() == flask.keys()
    assert {name for name in fastapi if fastapi[name] != flask[name]} == OWN


@pytest.mark.parametrize("file", [FASTAPI, FLASK], ids=["fastapi", "flask"])
def test_receiver_names_in_one_line_what_must_be_set(
    file: Path, tmp_path: Path
) -> None:
    plain = {k: v for k, v in os.environ.items() if not k.startswith("UNBIND_")}
    env = {**plain, "UNBIND_URL": "http://127.0.0.1:9", "UNBIND_KEY": ""}
    ended = subprocess.run(
        python(file), cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    assert ended.stderr == "UNBIND_KEY and UNBIND_SECRET must be set\n"


def expect_all_hold(judged: list[Judged], advised: set[str]) -> None:
    assert [one.rule.id for one in judged] == [rule.id for rule in RULES]
    broken = {one.rule.id: one.seen for one in judged if one.verdict is Verdict.BROKEN}
    assert broken == {}
    assert by_verdict(judged, Verdict.ADVISED) == advised
    assert by_verdict(judged, Verdict.SKIPPED) == SKIPPED


def _functions(file: Path) -> dict[str, str]:
    parts = ast.parse(file.read_text(encoding="utf-8")).body
    named = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {part.name: ast.unparse(part) for part in parts if isinstance(part, named)}
