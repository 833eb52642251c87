"""Know which items a rule has sent last, for whoever has to find them again."""

from collections import deque
from collections.abc import Iterable, Sequence
from contextvars import ContextVar

from unbind_broker.conformance.asked import Asked

_MOST = 3
_SENT: ContextVar[deque[Asked] | None] = ContextVar("sent", default=None)


def follow() -> Sequence[Asked]:
    """Begin to note what is sent from here on, in this task and those it starts."""
    sent: deque[Asked] = deque(maxlen=_MOST)
    _SENT.set(sent)
    return sent


def note_sent(asked: Iterable[Asked]) -> None:
    """Note items that are about to be sent."""
    sent = _SENT.get()
    if sent is not None:
        sent.extend(asked)
