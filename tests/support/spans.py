"""A tracer that keeps its spans, and says how each ended."""

from collections.abc import Collection
from dataclasses import dataclass, field

from unbind_broker.base.tracing import Facts, Kind, Span, TraceContext

_NAMED = TraceContext("a" * 32, "b" * 16, sampled=True)


@dataclass
class KeptSpan:
    """A span of a trace that nobody is told of."""

    name: str
    context: TraceContext | None = _NAMED
    ends: list[str | None] = field(default_factory=list)

    def tell(self, facts: Facts) -> None:
        """Tell nobody."""

    def rename(self, name: str) -> None:
        self.name = name

    def link(self, contexts: Collection[TraceContext]) -> None:
        """Have to do with nothing."""

    def end(self, error: str | None = None) -> None:
        self.ends.append(error)


@dataclass
class KeptSpans:
    """Every span that was begun."""

    is_on: bool = True
    begun: list[KeptSpan] = field(default_factory=list)

    def begin(
        self,
        name: str,
        kind: Kind,
        facts: Facts,
        *,
        parent: TraceContext | None = None,
        links: Collection[TraceContext] = (),
    ) -> Span:
        del kind, facts, parent, links
        self.begun.append(KeptSpan(name))
        return self.begun[-1]
