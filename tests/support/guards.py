"""What the guards go by, and results that they look at."""

from typing import Any

from tests.support.order_builders import POLICY
from unbind_broker.callbacks.braking import BrakePolicy
from unbind_broker.callbacks.results import Applying

BRAKE = BrakePolicy(share=0.02, least=5)
APPLYING = Applying(POLICY.working_time, BRAKE)

INSIDE = "2024-05-01T00:00:00Z"
OUTSIDE = "2025-06-01T00:00:00Z"
"""Before and after the cutoff of orders whose holder came on 2025-03-01."""


def removed(item_id: str, last_bound_at: str = INSIDE, **fields: Any) -> dict[str, Any]:
    """A line that says that one binding was removed."""
    line = {"id": item_id, "outcome": "unbound", "removed": 1}
    return {**line, "last_bound_at": last_bound_at, **fields}


def active_after_cutoff(item_id: str) -> dict[str, Any]:
    return {"id": item_id, "outcome": "refused", "reason": "active_after_cutoff"}
