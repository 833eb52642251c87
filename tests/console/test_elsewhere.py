"""Pages name commands for what they cannot do; each is one that there is."""

import json
import re
import shlex
from html import unescape
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.console.scene import Console
from tests.support.order_api import NUMBER, a_scene, order_body
from unbind_broker.cli.main import app
from unbind_broker.keys.tables import Role

_OPENAPI = Path(__file__).parents[2] / "openapi" / "openapi.json"
_COMMAND = re.compile(r'<code class="secret">(.*?)</code>', re.DOTALL)
_CALL = re.compile(r'(--json @[a-z]+\.json )?"\$API(/[^"]+)"')


async def commands(console: Console) -> list[str]:
    """Collect them from all pages that name some."""
    await console.sign_in()
    async with a_scene(console.engine, console.clock, "weibo") as scene:
        order = (await scene.post("/v1/orders", order_body())).json()["id"]
    lists = ("platforms", "keys", "audit", f"orders/{order}")
    pages = [await console.get(f"/console/{one}") for one in lists]
    pages.append(await console.act("/console/holdings/find", number=NUMBER))
    found = [_COMMAND.findall(page.text) for page in pages]
    assert all(found)
    return [unescape(one) for some in found for one in some]


def is_taken(line: str) -> bool:
    """Whether the command line takes it, with its options."""
    _, *words = shlex.split(line)
    return CliRunner().invoke(app, [*words, "--help"]).exit_code == 0


async def test_command_line_takes_every_command(console: Console) -> None:
    lines = [one for one in await commands(console) if one.startswith("unbind-broker")]
    assert len(lines) == 4
    assert [one for one in lines if not is_taken(one)] == []


@pytest.mark.parametrize("wrong", ["keys isue", "keys issue --expire 7d"])
def test_command_that_is_none_would_be_noticed(wrong: str) -> None:
    assert not is_taken(f"unbind-broker {wrong}")


async def test_every_call_is_a_route(console: Console) -> None:
    lines = [one for one in await commands(console) if one.startswith("curl")]
    paths = json.loads(_OPENAPI.read_text())["paths"]
    told = [_CALL.search(one) for one in lines]
    assert len(told) == 4
    for call in told:
        assert call is not None
        method = "post" if call[1] else "get"
        assert "Bearer" not in call.string  # other users of the machine see it
        assert any(
            method in methods
            and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), call[2])
            for template, methods in paths.items()
        ), call[2]


async def test_auditors_are_told_none_for_administrators(console: Console) -> None:
    await console.sign_in(Role.AUDITOR)
    assert "elsewhere" not in (await console.get("/console/audit")).text
