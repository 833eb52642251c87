"""Find the test that leaves the process changed: a plugin.

Else it is a later test that fails, and only in some orders: one that looks for a line
of information after another has set the level to errors. What libraries change for
themselves, such as loggers of their own, is theirs.
"""

import gc
import logging
import os
import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from _pytest.logging import LogCaptureHandler

from unbind_broker.runtime.logs import OURS

_SWITCHES = ("logThreads", "logProcesses", "logMultiprocessing", "raiseExceptions")
_SIGNALS = sorted(signal.valid_signals() - {signal.SIGALRM})  # pytest-timeout's own
_OF_PYTEST = "PYTEST_CURRENT_TEST"

_BEFORE = pytest.StashKey[dict[str, object]]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    item.stash[_BEFORE] = _state()
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    done = yield
    before, after = item.stash[_BEFORE], _state()
    names = sorted(before.keys() | after.keys())
    changed = [name for name in names if before.get(name) != after.get(name)]
    if changed:
        told = [_change(name, before.get(name), after.get(name)) for name in changed]
        pytest.fail("left behind in the process: " + "; ".join(told), pytrace=False)
    return done


def _change(name: str, before: object, after: object) -> str:
    """Tell no values of variables: those of this machine may be secret."""
    if name.startswith("$"):
        return f"{name} was changed"
    return f"{name} was {before!r} and is {after!r}"


def _state() -> dict[str, object]:
    return {
        "collector of garbage": (gc.isenabled(), gc.get_threshold()),
        "folder": _folder(),
        "import path": tuple(sys.path),
        "level below which nothing is logged": logging.root.manager.disable,
        **{f"logging.{name}": getattr(logging, name) for name in _SWITCHES},
        **{f"handler of signal {one}": signal.getsignal(one) for one in _SIGNALS},
        **{f"${name}": text for name, text in os.environ.items() if name != _OF_PYTEST},
        **{f"logger {one.name}": state for one in _loggers() if (state := _of(one))},
    }


def _folder() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return "one that is gone"


def _loggers() -> Iterator[logging.Logger]:
    yield logging.root
    for name, one in list(logging.root.manager.loggerDict.items()):
        if name.partition(".")[0] == OURS and isinstance(one, logging.Logger):
            yield one


def _of(logger: logging.Logger) -> tuple[object, ...]:
    """Tell what was set; nothing of one that stands as it was made."""
    kept = [one for one in logger.handlers if not isinstance(one, LogCaptureHandler)]
    is_new = logger.level == logging.NOTSET and logger.propagate and not logger.disabled
    if is_new and not kept and not logger.filters:
        return ()
    return (logger.level, logger.propagate, logger.disabled, kept, logger.filters[:])
