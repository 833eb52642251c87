"""Every rule, in the order in which somebody would read about them."""

from unbind_broker.conformance import (
    batches,
    cancelling,
    clearing,
    clearing_later,
    deliveries,
    forgeries,
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
    *forgeries.RULES,
    *batches.RULES,
    *deliveries.RULES,
    *cancelling.RULES,
    *interval.RULES,
    *outcomes.RULES,
    *noticing.RULES,
    *reports.RULES,
    *undoing.RULES,
    *clearing.RULES,
    *clearing_later.RULES,
    *limits.RULES,
)
