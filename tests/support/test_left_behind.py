"""The test that leaves the process changed fails, and no other."""

import subprocess
import sys
from pathlib import Path

TESTS = """
import gc, logging, os, signal
import pytest

def test_that_changes_nothing():
    logging.getLogger("unbind_broker.new").info("heard")

def test_that_sets_a_level():
    logging.getLogger("unbind_broker").setLevel(logging.ERROR)

def test_that_adds_a_handler():
    logging.getLogger().addHandler(logging.NullHandler())

def test_that_silences_everything():
    logging.disable(logging.ERROR)

def test_that_takes_a_signal():
    signal.signal(signal.SIGTERM, lambda *_: None)

def test_that_sets_a_variable():
    os.environ["LEFT_BEHIND"] = "what is secret"

def test_that_goes_elsewhere(tmp_path):
    os.chdir(tmp_path)

def test_that_collects_seldom():
    gc.set_threshold(9, 9, 9)

def test_that_puts_everything_back(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("PUT_BACK", "1")
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG, logger="unbind_broker")

def test_that_fails_in_the_end(request):
    request.addfinalizer(lambda: 1 / 0)
"""
PLUGIN = "tests.support.left_behind"


def test_who_leaves_something_behind_fails(tmp_path: Path) -> None:
    file = tmp_path / "test_it.py"
    file.write_text(TESTS)
    given = ["-q", "-W", "ignore", "-c", "/dev/null", "-p", PLUGIN]
    told = subprocess.run(
        [sys.executable, "-m", "pytest", *given, "-p", "no:randomly", str(file)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert "10 passed, 8 errors" in told, told
    lines = [one for one in told.splitlines() if one.startswith("left behind in the ")]
    assert len(lines) == 7, told  # the summary says so, too, where it is not cut short
    assert "$LEFT_BEHIND" in told
    assert "is secret" not in told
    assert "ZeroDivisionError" in told
