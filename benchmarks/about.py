"""What a program measures, in both languages: its page is made from this and JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Scalar = str | int | float | bool
"""The value of a case's parameter."""


@dataclass(frozen=True)
class Words:
    """The same in English and in Chinese."""

    en: str
    zh: str


@dataclass(frozen=True)
class Measure:
    """One figure of a reading, with the unit in its words."""

    name: str
    words: Words
    digits: int = 0


@dataclass(frozen=True)
class Ratio:
    """One side by another, formed in each round; ``at`` is where the divisor differs.

    ``at={"batch": 1}`` divides each case by the one that has batch 1 and is otherwise
    the same.
    """

    name: str
    words: Words
    measure: str
    over: str
    under: str
    at: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """What a ratio, or ``"side.measure"``, is to reach in the cases like ``where``."""

    of: str
    bound: float
    where: Mapping[str, Scalar] = field(default_factory=dict)
    is_most: bool = False


@dataclass(frozen=True)
class About:
    """A program by its question, its sides, and the parameters of its cases."""

    name: str
    title: Words
    question: Words
    notes: Words
    sides: Mapping[str, Words]
    parameters: Mapping[str, Words]
    measures: Sequence[Measure]
    ratios: Sequence[Ratio] = ()
    targets: Sequence[Target] = ()
