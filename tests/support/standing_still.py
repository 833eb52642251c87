"""Ask again where the machine stood still: a plugin for tests about real seconds.

A rate, a limit or a lease is judged by the time that passes. Where a test of such is
marked ``real_time(seconds)`` and fails, and this process was not let run for as long
as that meanwhile, then the machine has failed and not the test: it is asked again, and
counted as such. What fails on a machine that runs fails at once, and so does what fails
because this process itself computed for so long. What was asked again is shown in the
end: a fault that comes to light only where a machine stalls is a fault, too.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from time import monotonic, process_time
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

TRIES = 4
LONGEST = 100.0
"""Seconds after which no further try begins."""
AGAIN = "asked again"
_OFTEN = 0.01
_STILL = "Stood still"


class Watch:
    """Note how long this process was not let run at most. Times are in seconds."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._over = threading.Event()

    @contextmanager
    def opened(self) -> Iterator["Watch"]:
        """Watch in a thread until the block ends."""
        thread = threading.Thread(target=self._watch, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join()

    def _watch(self) -> None:
        before, computed_before, is_over = monotonic(), process_time(), False
        while not is_over:
            is_over = self._over.wait(_OFTEN)
            now, computed = monotonic(), process_time()
            still = now - before - _OFTEN - (computed - computed_before)
            self.longest = max(self.longest, still)
            before, computed_before = now, computed


@contextmanager
def _little_garbage() -> Iterator[None]:
    """Leave what other tests have made to itself: looking through it takes long."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@pytest.hookimpl
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> bool | None:
    """Run a marked test, and run it once more where its failure tells nothing."""
    marker = item.get_closest_marker("real_time")
    if marker is None:
        return None
    (tolerated,) = marker.args
    tell = item.ihook
    tell.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    began = monotonic()
    for tries_left in reversed(range(TRIES)):
        with _little_garbage(), Watch().opened() as watch:
            reports = runtestprotocol(item, nextitem=nextitem, log=False)
        again = (
            tries_left > 0
            and watch.longest >= tolerated
            and any(one.failed for one in reports)
            and monotonic() - began < LONGEST
        )
        if again:
            _set_back(item, reports, watch.longest)
        for report in reports:
            tell.pytest_runtest_logreport(report=report)
        if not again:
            break
    tell.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _set_back(item: Any, reports: list[Any], still: float) -> None:
    """Make the test as if it had not run, and its reports no failures.

    What could not be made for a whole module is made anew: it would fail as it did.
    """
    item._initrequest()
    for one in chain(*item._fixtureinfo.name2fixturedefs.values()):
        if one.cached_result is not None and one.cached_result[2] is not None:
            one.finish(item._request)
    for report in reports:
        if report.failed:
            report.outcome = AGAIN
            report.sections.append((_STILL, f"for {still:.2f} s"))


def pytest_report_teststatus(report: Any) -> tuple[str, str, str] | None:
    """Count what is asked again by itself."""
    if report.outcome == AGAIN:
        return AGAIN, "A", AGAIN.upper()
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show why a test was asked again."""
    for report in terminalreporter.stats.get(AGAIN, []):
        ((title, content),) = [one for one in report.sections if one[0] == _STILL]
        terminalreporter.section(f"{AGAIN}: {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)
        terminalreporter.write_line(f"{title} {content}")
