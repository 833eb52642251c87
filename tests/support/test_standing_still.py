"""Tests about real seconds are asked again only where the machine stood still."""

import subprocess
import sys
from pathlib import Path
from time import monotonic, process_time

from tests.support.standing_still import Watch

TESTS = """
import os, subprocess
import pytest

def stand_still():
    still = "kill -STOP $0; sleep 0.5; kill -CONT $0"
    subprocess.run(["sh", "-c", still, str(os.getpid())])

def test_that_is_not_marked():
    stand_still()
    assert not "right"

times = []

@pytest.mark.real_time(0.3)
def test_that_is_right_in_the_end():
    times.append(1)
    stand_still()
    assert len(times) > 2

@pytest.mark.real_time(0.3)
def test_that_is_never_right():
    stand_still()
    assert not "right"

told = []

@pytest.fixture(scope="module")
def story():
    told.append(1)
    if len(told) < 2:
        stand_still()
    assert len(told) > 1

@pytest.mark.real_time(0.3)
def test_that_gets_its_story_in_the_end(story):
    assert told == [1, 1]

@pytest.mark.real_time(1000)
def test_that_ran():
    stand_still()
    assert not "right"
"""
PLUGIN = "tests.support.standing_still"


def test_only_what_tells_nothing_is_asked_again(tmp_path: Path) -> None:
    file = tmp_path / "test_it.py"
    file.write_text(TESTS)
    given = ["-q", "-W", "ignore", "-c", "/dev/null", "-p", PLUGIN]
    told = subprocess.run(
        [sys.executable, "-m", "pytest", *given, "-p", "no:randomly", str(file)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert "3 failed, 2 passed, 6 asked again" in told, told
    assert told.count("Stood still for ") == 6
    assert told.count("assert 1 > 2") == 1
    failed = [line for line in told.splitlines() if line.startswith("FAILED ")]
    assert ["right_in_the_end" in line for line in failed] == [False] * 3


def test_a_process_that_computes_does_not_stand_still() -> None:
    usual, began, computed = sys.getswitchinterval(), monotonic(), process_time()
    with Watch().opened() as watch:
        sys.setswitchinterval(10)  # no other thread is let in
        while monotonic() < began + 0.5:
            pass
        sys.setswitchinterval(usual)
    not_run = monotonic() - began - (process_time() - computed)
    assert watch.longest < not_run + 0.05
