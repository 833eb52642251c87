"""Read server-sent events (WHATWG HTML §9.2.6), line by line."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from unbind_broker.client.errors import AnswerUnreadable

LONGEST_LINE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SentEvent:
    """One event; ``id`` is the last that was sent with or before it."""

    type: str
    data: str
    id: str | None


class EventReader:
    """Put events together out of lines."""

    def __init__(self) -> None:
        self.retry: float | None = None
        """Seconds that the sender wants between two connections."""
        self._id: str | None = None
        self._type = ""
        self._data: list[str] = []

    def take(self, line: str) -> SentEvent | None:
        """Take a line without its end; gives an event where it completes one."""
        if not line:
            return self._dispatch()
        name, _, told = line.partition(":")
        told = told.removeprefix(" ")
        match name:
            case "data":
                self._data.append(told)
            case "event":
                self._type = told
            case "id" if "\0" not in told:
                self._id = told
            case "retry" if told.isascii() and told.isdecimal():
                self.retry = int(told[:9]) / 1000
        return None

    def _dispatch(self) -> SentEvent | None:
        kind, data = self._type or "message", self._data
        self._type, self._data = "", []
        return SentEvent(kind, "\n".join(data), self._id) if data else None


async def lines_of(chunks: AsyncIterator[bytes]) -> AsyncGenerator[str, None]:
    """Cut UTF-8 into lines that end in LF, CR LF or CR; the last unended one is lost.

    Raises ``AnswerUnreadable`` for a line that never ends.
    """
    left, after_cr = b"", False
    async for chunk in chunks:
        text = chunk.removeprefix(b"\n") if after_cr else chunk
        after_cr = chunk.endswith(b"\r") or (after_cr and not chunk)
        parts = (left + text).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        left = parts.pop()
        for line in parts:
            yield line.decode("utf-8", errors="replace")
        if len(left) > LONGEST_LINE:
            raise AnswerUnreadable("a line of the stream never ends")
