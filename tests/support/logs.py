"""Logs are set up for a whole process: a test that does so puts them back."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from unbind_broker.runtime.log_lines import LinesInBackground
from unbind_broker.runtime.logs import OURS

_NAMES = (None, OURS, "opentelemetry", "uvicorn", "uvicorn.error", "uvicorn.access")
_PARTS = ("logThreads", "logProcesses", "logMultiprocessing")


@contextmanager
def logs_put_back() -> Iterator[None]:
    """Leave levels, handlers and what records hold as they were before the block."""
    loggers = [logging.getLogger(name) for name in _NAMES]
    kept = [(one, one.level, one.handlers[:], one.propagate) for one in loggers]
    parts = {name: getattr(logging, name) for name in _PARTS}
    try:
        yield
    finally:
        for name, value in parts.items():
            setattr(logging, name, value)
        for logger, level, handlers, propagate in kept:
            for handler in logger.handlers:
                if isinstance(handler, LinesInBackground) and handler not in handlers:
                    handler.close()
            logger.handlers[:] = handlers
            logger.setLevel(level)
            logger.propagate = propagate
