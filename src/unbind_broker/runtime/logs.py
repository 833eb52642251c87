"""Logs: JSON lines in production, one readable line in a terminal."""

import logging
import re
import sys
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from json import JSONEncoder
from typing import Any, Literal

from typing_extensions import override

from unbind_broker.base.numbers import mask_numbers
from unbind_broker.runtime.log_lines import LinesInBackground

OURS = "unbind_broker"

_OWN = tuple(logging.makeLogRecord({}).__dict__)
"""What every record has before its facts."""
_NO_FACTS = frozenset({*_OWN, "message", "asctime", "color_message"})

# The database quotes rows, the driver quotes parameters.
_QUOTED = re.compile(
    r"^((?:DETAIL|CONTEXT|HINT): |.*invalid input for query argument \$\d+: ).*$",
    re.MULTILINE,
)
_JSON = JSONEncoder(ensure_ascii=False, default=str)


def set_up_logs(form: Literal["auto", "text", "json"], level: str) -> None:
    """Send every log line to stderr; ``auto`` is text in a terminal, JSON elsewhere.

    ``level`` is for the broker's own words: libraries, which say more than they should
    once they are asked to (statements with what is in them), are heard from a warning
    on.
    """
    text = form == "text" or (form == "auto" and sys.stderr.isatty())
    handler = LinesInBackground(sys.stderr)
    handler.setFormatter(_TextLines() if text else _JsonLines())
    root = logging.getLogger()
    for former in root.handlers:
        if isinstance(former, LinesInBackground):
            former.close()
    root.handlers[:] = [handler]
    least = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(max(least, logging.WARNING))
    logging.getLogger(OURS).setLevel(least)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    _leave_out_what_no_line_shows()


def _leave_out_what_no_line_shows() -> None:
    """Spare what a record costs beside its facts, a quarter of it (logging's HOWTO)."""
    logging.logThreads = False
    logging.logProcesses = False
    logging.logMultiprocessing = False


class _Lines(logging.Formatter):
    @override
    def formatException(self, ei: Any) -> str:
        told = _QUOTED.sub(r"\1…", super().formatException(ei))
        return "\n".join(map(mask_numbers, told.split("\n")))


class _JsonLines(_Lines):
    @override
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": _instant(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _JSON.encode(line)


class _TextLines(_Lines):
    @override
    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{name}={value}" for name, value in _facts(record).items())
        line = f"{_instant(record)} {record.levelname:7} {record.getMessage()} {facts}"
        if record.exc_info:
            line = f"{line.rstrip()}\n{self.formatException(record.exc_info)}"
        return line.rstrip()


def _instant(record: logging.LogRecord) -> str:
    second, part = divmod(int(record.created * 1000), 1000)
    return f"{_second(second)}.{part:03}Z"


@lru_cache(maxsize=8)
def _second(second: int) -> str:
    at = datetime.fromtimestamp(second, UTC)
    return at.replace(tzinfo=None).isoformat(timespec="seconds")


def _facts(record: logging.LogRecord) -> dict[str, object]:
    return {
        name: value
        for name, value in islice(record.__dict__.items(), len(_OWN), None)
        if value is not None and name not in _NO_FACTS
    }
