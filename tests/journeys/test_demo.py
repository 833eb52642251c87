"""The demonstration tells its whole story and ends well."""

from pathlib import Path

import pytest

from tests.journeys.processes import processes

pytestmark = pytest.mark.journey


async def test_demo_once_ends_with_every_item_final(tmp_path: Path) -> None:
    async with processes(tmp_path) as commands:
        demo = await commands.start("demo", "--once", "--platforms", "60")
        told = await demo.rest()
        code = await demo.ended()

    assert code == 0, demo.log
    assert "Query qry_" in told
    assert "Order ord_" in told
    assert told.count("every item is final") == 2
    assert "60 of 60 final" in told


async def test_demo_stays_up_until_it_is_asked_to_end(tmp_path: Path) -> None:
    async with processes(tmp_path) as commands:
        demo = await commands.start("demo", "--platforms", "8")
        while "See whom you speak for" not in await demo.line():
            pass
        command = await demo.line()
        code = await demo.stop()

    assert code == 0, demo.log
    assert command.startswith("curl -sS http://127.0.0.1:")
