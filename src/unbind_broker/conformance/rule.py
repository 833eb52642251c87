"""What a rule of the contract is to the kit."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from unbind_broker.conformance.stage import Stage
from unbind_broker.items.words import Words

Recheck = Callable[[], None]
"""Looks once more in the end, when all that may come late has come."""
Check = Callable[[Stage], Awaitable[Recheck | None]]
"""Tries a rule; raises ``Broken`` or ``CannotTell``."""


class When(Enum):
    """When a rule is tried."""

    FIRST = 1  # one after another; what others need to be sure of
    TOGETHER = 2  # beside others
    ALONE = 3  # one after another, with nothing else under way
    AFTERWARDS = 4  # from what all the others have seen


@dataclass(frozen=True)
class Rule:
    """One thing that the contract asks of an endpoint.

    ``page`` is a heading of the guide for platforms. Advice may be ignored.
    """

    id: str
    page: str
    states: Words
    matters: Words
    check: Check
    when: When = When.TOGETHER
    is_advice: bool = False
