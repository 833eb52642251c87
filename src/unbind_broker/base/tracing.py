"""Where traces are handed on: what begins a span, and what is under way.

What this stands for is chosen when a process starts (``runtime.tracing``); without a
place to send spans to, none is made.
"""

import re
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from enum import Enum
from typing import NamedTuple, Protocol

Facts = Mapping[str, str | int | bool | None]
"""What is told of a span, by OpenTelemetry's names or our own (``unbind.``). None tells
nothing. No number, secret, query or body of anybody may be among them."""

MOST_LINKS = 128

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})"
    r"(?:-.*)?",
    re.ASCII,
)
_SAMPLED = 1


class TraceContext(NamedTuple):
    """One span, as others name it (W3C Trace Context).

    A foreign one was named by a caller, and its ``sampled`` counts for nothing:
    whoever likes may say so of every request.
    """

    trace_id: str
    span_id: str
    sampled: bool
    is_foreign: bool = False

    @property
    def traceparent(self) -> str:
        """Write it as a header."""
        return f"00-{self.trace_id}-{self.span_id}-{int(self.sampled):02x}"


def read_traceparent(text: str | None) -> TraceContext | None:
    """Read a header; None for what is none.

    An id without a single letter may hold a phone number, and counts as none.
    """
    found = _TRACEPARENT.fullmatch(text or "")
    if found is None or found[1].isdecimal() or found[2].isdecimal():
        return None
    return TraceContext(found[1], found[2], bool(int(found[3], 16) & _SAMPLED))


class Kind(Enum):
    """What a span is to the processes around it."""

    SERVER = "server"
    CLIENT = "client"
    INTERNAL = "internal"


class Span(Protocol):
    """Something that is being done."""

    @property
    def context(self) -> TraceContext | None:
        """Give what others name it by; None: it is not traced."""
        ...

    def tell(self, facts: Facts) -> None:
        """Add facts."""
        ...

    def rename(self, name: str) -> None:
        """Name it by what is known only now."""
        ...

    def link(self, contexts: Collection[TraceContext]) -> None:
        """Say what it has to do with, up to ``MOST_LINKS``."""
        ...

    def end(self, error: str | None = None) -> None:
        """End it, with a word for what went wrong."""
        ...


class Tracer(Protocol):
    """What begins spans."""

    is_on: bool

    def begin(
        self,
        name: str,
        kind: Kind,
        facts: Facts,
        *,
        parent: TraceContext | None = None,
        links: Collection[TraceContext] = (),
    ) -> Span:
        """Begin a span.

        Whether it is kept is decided by its ``parent``, else by its ``links`` (if one
        of them is kept), else by chance, as it is below a foreign parent.
        """
        ...


class _NoSpan:
    context: TraceContext | None = None

    def tell(self, facts: Facts) -> None:
        """Tell nobody."""

    def rename(self, name: str) -> None:
        """Have no name."""

    def link(self, contexts: Collection[TraceContext]) -> None:
        """Have to do with nothing."""

    def end(self, error: str | None = None) -> None:
        """Have taken no time."""


NO_SPAN: Span = _NoSpan()


class _NoTracer:
    is_on = False

    def begin(
        self,
        name: str,
        kind: Kind,
        facts: Facts,
        *,
        parent: TraceContext | None = None,
        links: Collection[TraceContext] = (),
    ) -> Span:
        """Begin nothing."""
        del name, kind, facts, parent, links
        return NO_SPAN


NO_TRACES: Tracer = _NoTracer()

_under_way: ContextVar[Span] = ContextVar("span", default=NO_SPAN)


def span_under_way() -> Span:
    """Return the span that this task works for."""
    return _under_way.get()


def traceparent_under_way() -> str | None:
    """Write down what this task works for; None where nothing is traced."""
    context = _under_way.get().context
    return None if context is None else context.traceparent


@contextmanager
def under_way(span: Span) -> Iterator[Span]:
    """Let the block work for ``span``, and end it then; a fault is named."""
    before = _under_way.set(span)
    error: str | None = None
    try:
        yield span
    except BaseException as fault:
        error = type(fault).__name__
        raise
    finally:
        _under_way.reset(before)
        span.end(error)


@asynccontextmanager
async def step_of_it(tracer: Tracer, name: str) -> AsyncIterator[Span]:
    """Let the block be a step of what is under way."""
    if not tracer.is_on:
        yield NO_SPAN
        return
    parent = _under_way.get().context
    with under_way(tracer.begin(name, Kind.INTERNAL, {}, parent=parent)) as span:
        yield span
