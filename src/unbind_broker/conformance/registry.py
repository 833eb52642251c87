"""Every rule, in the order in which somebody would read about them."""

from unbind_broker.conformance import (
    clearing,
    deliveries,
    interval,
    limits,
    noticing,
    outcomes,
    reach,
    reports,
    signatures,
    undoing,
)
from unbind_broker.conformance.rule import Rule

RULES: tuple[Rule, ...] = (
    *reach.RULES,
    *signatures.RULES,
    *deliveries.RULES,
    *interval.RULES,
    *outcomes.RULES,
    *noticing.RULES,
    *reports.RULES,
    *undoing.RULES,
    *clearing.RULES,
    *limits.RULES,
)
