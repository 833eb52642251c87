"""Logs: JSON lines in production, one readable line in a terminal."""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, Literal

from typing_extensions import override

from unbind_broker.base.numbers import mask_numbers

_PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}

# The database quotes rows, the driver quotes parameters.
_QUOTED = re.compile(
    r"^((?:DETAIL|CONTEXT|HINT): |.*invalid input for query argument \$\d+: ).*$",
    re.MULTILINE,
)


def set_up_logs(form: Literal["auto", "text", "json"], level: str) -> None:
    """Send every log line to stderr; ``auto`` is text in a terminal, JSON elsewhere."""
    handler = logging.StreamHandler(sys.stderr)
    text = form == "text" or (form == "auto" and sys.stderr.isatty())
    handler.setFormatter(_TextLines() if text else _JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("alembic", "asyncio", "httpx", "httpcore", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


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
        return json.dumps(line, ensure_ascii=False, default=str)


class _TextLines(_Lines):
    @override
    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{name}={value}" for name, value in _facts(record).items())
        line = f"{_instant(record)} {record.levelname:7} {record.getMessage()} {facts}"
        if record.exc_info:
            line = f"{line.rstrip()}\n{self.formatException(record.exc_info)}"
        return line.rstrip()


def _instant(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _facts(record: logging.LogRecord) -> dict[str, object]:
    return {
        name: value
        for name, value in record.__dict__.items()
        if name not in _PLAIN and value is not None and name != "color_message"
    }
