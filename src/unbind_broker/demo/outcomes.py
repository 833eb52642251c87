"""What a simulated platform finds and does about one item, and when it tells."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from unbind_broker.base.instants import show_instant
from unbind_broker.demo.traits import Dice, Traits
from unbind_broker.rehearsals.telling import (
    RESTORABLE_FOR,
    Item,
    Line,
    Plan,
    tell_late,
)

BINDING_RATE = 0.6

REASONS = (
    "assets_or_liabilities_open",
    "legal_hold",
    "account_under_investigation",
    "bound_at_unknown",
    "shared_identifier",
    "suspected_fraud",
    "not_supported",
)


def parse_item(event: str, raw: Mapping[str, Any]) -> Item:
    """Read an item; raises ``KeyError``, ``TypeError`` or ``ValueError``."""
    start = raw.get("bound_from")
    return Item(
        event=event,
        id=str(raw["id"]),
        number=str(raw["number"]),
        action=raw.get("action"),
        bound_from=None if start is None else datetime.fromisoformat(start),
        bound_before=datetime.fromisoformat(raw["bound_before"]),
        deadline=datetime.fromisoformat(raw["deadline"]),
        restores=raw.get("restores"),
    )


@dataclass(frozen=True, slots=True)
class Mind:
    """Decide for one platform; the same item always gets the same decision."""

    slug: str
    traits: Traits
    dice: Dice

    def plan(self, item: Item, now: datetime) -> Plan:
        """Say what is told about ``item``, and when."""
        traits, result = self.traits, self.result(item)
        if self._hits(traits.late_rate, "late", item):
            return tell_late(item, result, now)
        delay = _s(traits.report_delay) * (0.5 + self._roll("delay", item))
        plan = Plan(at_once=(result,))
        if self._is_long(item):
            plan = Plan(
                at_once=(self._interim(item, now),), later=((delay + 0.5, result),)
            )
        elif self._hits(traits.report_rate, "report", item):
            plan = Plan(later=((delay, result),))
        if self._hits(traits.contradict_rate, "contradict", item):
            contradiction = (delay + 1.0, self._contradict(item, result))
            plan = replace(plan, later=(*plan.later, contradiction))
        return plan

    def result(self, item: Item) -> Line:
        """Find the final result of ``item``."""
        bindings = self._bindings(item)
        if bindings == 0:
            return {"id": item.id, "outcome": "not_bound"}
        if self._hits(self.traits.refuse_rate, "refuse", item):
            return self._refusal(item)
        found: Line = {"id": item.id, "last_bound_at": self._last_bound_at(item)}
        match item.event:
            case "query.requested":
                return {**found, "outcome": "bound", "bindings": bindings}
            case "restore.requested":
                return {"id": item.id, "outcome": "restored"}
            case _:
                until = show_instant(item.deadline + RESTORABLE_FOR)
                removal = self._removal(item, bindings)
                return {**found, **removal, "restorable_until": until}

    def _removal(self, item: Item, bindings: int) -> Line:
        if item.action == "close_account":
            return {"outcome": "closed", "removed": bindings}
        if self._hits(self.traits.partly_rate, "partly", item):
            return {
                "outcome": "partly_unbound",
                "removed": bindings,
                "kept": 1,
                "reason": "assets_or_liabilities_open",
            }
        return {"outcome": "unbound", "removed": bindings}

    def _refusal(self, item: Item) -> Line:
        reason = REASONS[int(self._roll("reason", item) * len(REASONS))]
        return {"id": item.id, "outcome": "refused", "reason": reason}

    def _contradict(self, item: Item, result: Line) -> Line:
        if result["outcome"] == "refused":
            return {"id": item.id, "outcome": "not_bound"}
        return self._refusal(item)

    def _interim(self, item: Item, now: datetime) -> Line:
        expected = show_instant(now + timedelta(seconds=5))
        return {"id": item.id, "outcome": "in_progress", "expected_at": expected}

    def _is_long(self, item: Item) -> bool:
        return item.event != "query.requested" and self._hits(
            self.traits.interim_rate, "interim", item
        )

    def _bindings(self, item: Item) -> int:
        """Count the bindings: a query and an order about one number find the same."""
        if self.dice.roll("bound", self.slug, item.number) >= BINDING_RATE:
            return 0
        return 1 + int(self.dice.roll("bindings", self.slug, item.number) * 3)

    def _last_bound_at(self, item: Item) -> str:
        share = self.dice.roll("last", self.slug, item.number)
        start = item.bound_from or item.bound_before - timedelta(days=2000)
        return show_instant(start + (item.bound_before - start) * share)

    def _hits(self, rate: float, what: str, item: Item) -> bool:
        return self._roll(what, item) < rate

    def _roll(self, what: str, item: Item) -> float:
        return self.dice.roll(what, self.slug, item.id)


def _s(span: timedelta) -> float:
    return max(0.0, span.total_seconds())
