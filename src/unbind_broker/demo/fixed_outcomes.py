"""What simulated platforms do about test numbers: the same for all, whatever is set."""

from dataclasses import dataclass
from datetime import datetime

from unbind_broker.demo.outcomes import Mind
from unbind_broker.demo.traits import Traits
from unbind_broker.rehearsals.fixed_outcomes import (
    fixed_block,
    fixed_result,
    plan_fixed,
)
from unbind_broker.rehearsals.telling import Item, Line, Plan


@dataclass(frozen=True, slots=True)
class WithFixedOutcomes:
    """Decide by the table of test numbers; ``mind`` decides about every other one."""

    mind: Mind

    @property
    def slug(self) -> str:
        """Name the platform."""
        return self.mind.slug

    @property
    def traits(self) -> Traits:
        """Say how it behaves about other numbers."""
        return self.mind.traits

    def plan(self, item: Item, now: datetime) -> Plan:
        """Say what is told about ``item``, and when."""
        block = fixed_block(item.number)
        if block is None:
            return self.mind.plan(item, now)
        return plan_fixed(block, item, now)

    def result(self, item: Item) -> Line:
        """Give the final result of ``item``; of two that contradict, the first."""
        block = fixed_block(item.number)
        return self.mind.result(item) if block is None else fixed_result(block, item)
