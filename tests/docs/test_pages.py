"""Every block of the carriers' page runs, and prints what the page shows."""

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.docs.pages import agrees, blocks_of, printed_by, session
from tests.docs.rehearsal import rehearsal
from tests.support.ports import a_free_port

ENGLISH, CHINESE = "docs/carriers.md", "docs/carriers.zh-CN.md"


@pytest.mark.journey
async def test_page_runs_from_top_to_bottom_and_prints_what_it_shows(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    blocks = blocks_of(ENGLISH)
    script = session(blocks, tmp_path)
    async with rehearsal(engine, tmp_path) as carrier:
        hook = f"export HOOK_PORT={a_free_port()}\n"
        printed = await carrier.run("bash", "-c", hook + script)

    wrong = {
        block.text: printed_by(place, printed)
        for place, block in enumerate(blocks)
        if block.output is not None
        and not agrees(block.output, printed_by(place, printed))
    }
    assert not wrong
    assert len(blocks) > 20


def test_both_languages_show_the_same_blocks() -> None:
    assert blocks_of(ENGLISH) == blocks_of(CHINESE)


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a …", "a b c", True),
        ("{…}", "{ }", True),
        ("ord_01m7zrjz7vfnw8scvzw7akzg6d", "ord_01m8018qyme9sb9qzyt6tp85ap", True),
        ("at 2026-11-21T08:00:00Z", "at 2026-11-22T09:01:02.123Z", True),
        ("2", "3", False),
        ("a", "a b", False),
        ("ord_01m7zrjz7vfnw8scvzw7akzg6d", "qry_01m8018qyme9sb9qzyt6tp85ap", False),
    ],
)
def test_what_is_printed_is_compared_but_for_what_differs_each_time(
    shown: str, printed: str, *, same: bool
) -> None:
    assert agrees(shown, printed) is same
