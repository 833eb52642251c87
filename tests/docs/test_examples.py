"""The examples do what they say, against a broker and simulated platforms."""

import sys
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.docs.pages import ROOT
from tests.docs.rehearsal import rehearsal

EXAMPLES = ROOT / "examples" / "carrier"

pytestmark = pytest.mark.journey


async def test_examples_ask_order_watch_prove_and_tell_refusals(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with rehearsal(engine, tmp_path) as carrier:
        python = await carrier.run(
            sys.executable,
            str(EXAMPLES / "unbind.py"),
            told="+8613800001234 2025-03-01\n",
        )
        shell = await carrier.run(
            "sh", str(EXAMPLES / "unbind.sh"), told="+8613800005678 2025-03-01\n"
        )
        with pytest.raises(AssertionError, match="422 validation-failed"):
            await carrier.run(
                sys.executable, str(EXAMPLES / "unbind.py"), told="+861 2025-03-01\n"
            )

    assert "is completed" in python
    assert "receipt version 1 holds" in python
    for told in (python, shell):
        assert "order.completed" in told
        assert "1380000" not in told
    assert (tmp_path / "receipt.jws").read_text().count(".") == 2
