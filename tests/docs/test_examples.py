"""The examples do what they say, against a broker and simulated platforms."""

import sys
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.docs.pages import ROOT
from tests.docs.rehearsal import Rehearsal, rehearsal

EXAMPLES = ROOT / "examples" / "carrier"
PYTHON = (sys.executable, str(EXAMPLES / "unbind.py"))
SHELL = ("sh", str(EXAMPLES / "unbind.sh"))
REFUSALS = ((PYTHON, "422 validation-failed"), (SHELL, '"code":"validation-failed"'))

pytestmark = pytest.mark.journey


async def test_examples_ask_order_watch_prove_and_tell_refusals(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with rehearsal(engine, tmp_path) as carrier:
        python = await carrier.run(*PYTHON, told="+8613800001234 2025-03-01\n")
        shell = await carrier.run(*SHELL, told="+8613800005678 2025-03-01\n")
        for example, refusal in REFUSALS:
            with pytest.raises(AssertionError, match=refusal) as refused:
                await carrier.run(*example, told="+861 2025-03-01\n")
            assert "asked" not in str(refused.value)

    assert "is completed" in python
    assert "receipt version 1 holds" in python
    for told in (python, shell):
        assert "order.completed" in told
        assert "1380000" not in told
    assert (tmp_path / "receipt.jws").read_text().count(".") == 2


@pytest.mark.parametrize("example", [PYTHON, SHELL])
@pytest.mark.parametrize("told", ["", "+8613800001234\n"])
async def test_examples_say_what_they_read(
    tmp_path: Path, example: tuple[str, ...], told: str
) -> None:
    carrier = Rehearsal("http://127.0.0.1:9", "ub_carrier_none", tmp_path)
    with pytest.raises(AssertionError, match="NUMBER 2025-03-01") as missed:
        await carrier.run(*example, told=told)
    assert "Traceback" not in str(missed.value)
