"""What a finding outside the interval comes to: a violation, and a mark for the brake.

Refusals because a number is in use leave no mark: so many of a clearance's numbers may
be, and what nobody detached harms nobody. More of them stop the clearance itself.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.sealing import Sealer
from unbind_broker.callbacks.finding_lines import is_outside
from unbind_broker.callbacks.violations import Outside
from unbind_broker.carriers.marks import Tally
from unbind_broker.clearances.findings import Finding, FoundNumber
from unbind_broker.clearances.portions import Published
from unbind_broker.clearances.states import FindingOutcome, FindingReason
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.restoring import Cleared
from unbind_broker.orders.sealed_numbers import seal_number


@dataclass(frozen=True)
class Removal:
    """A removal that goes too far, of a number that was found in the clearance."""

    number: PhoneNumber
    number_index: bytes
    found: FoundNumber
    finding: Finding
    border: datetime


def outside(
    now: datetime,
    published: Published,
    removal: Removal,
    sealer: Sealer,
    *,
    is_folded: bool,
) -> Outside:
    """Say what was removed too much, and of what."""
    finding, found = removal.finding, removal.found
    assert finding.last_bound_at is not None  # noqa: S101 - lies outside, so it is there
    cleared = Cleared(
        clearance_id=published.id,
        place=found.place,
        carrier_id=published.carrier_id,
        reference=published.reference,
        number_sealed=seal_number(sealer, removal.number),
        number_index=removal.number_index,
        owner_since=found.disconnected_on + timedelta(days=1),
        bound_before=removal.border,
    )
    return Outside(
        about=cleared,
        carrier_id=published.carrier_id,
        reference=published.reference,
        is_folded=is_folded,
        outcome=ItemStatus(finding.outcome.value),
        removed=None,
        last_bound_at=finding.last_bound_at,
        bound_from=None,
        bound_before=removal.border,
        late=now > published.deadline,
    )


def weigh(before: Finding | None, after: Finding, border: datetime) -> Tally:
    """Count what a finding adds: once when it comes, once more if it turns bad."""
    was_bad = before is not None and is_outside(before, border)
    if is_outside(after, border) and not was_bad:
        return Tally(1, 1)
    in_use = after.reason is FindingReason.ACTIVE_AFTER_CUTOFF
    is_result = after.outcome is not FindingOutcome.NOT_BOUND and not in_use
    return Tally(int(is_result and before is None), 0)
