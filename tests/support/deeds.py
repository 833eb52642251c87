"""Steps of a state machine, drawn by weight.

Hypothesis leaves most rules out of most sequences. Where what is looked for comes of
many kinds of steps, one rule draws from all of them.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import strategies as st

Deed = TypeVar("Deed", bound=Callable[..., None])
Chosen = tuple[str, dict[str, Any]]


class Deeds:
    """What may happen next: names of methods, and what they are called with."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._drawn: dict[str, st.SearchStrategy[dict[str, Any]]] = {}

    def __call__(
        self, weight: int = 1, **drawn: st.SearchStrategy[Any]
    ) -> Callable[[Deed], Deed]:
        """Let a method be drawn; the higher its weight, the more often."""

        def note(method: Deed) -> Deed:
            self._names.extend([method.__name__] * weight)
            self._drawn[method.__name__] = st.fixed_dictionaries(drawn)
            return method

        return note

    @property
    def any(self) -> st.SearchStrategy[Chosen]:
        """Draw one of them, with its values."""
        return st.deferred(lambda: st.sampled_from(self._names).flatmap(self._with))

    def _with(self, name: str) -> st.SearchStrategy[Chosen]:
        return st.tuples(st.just(name), self._drawn[name])
