"""Where orders and items stand, in the reader's words and with a tone."""

from dataclasses import dataclass

from unbind_broker.clearances.states import FindingOutcome, FindingReason
from unbind_broker.console.wording import Language
from unbind_broker.items.states import ItemStatus, Reason
from unbind_broker.items.words import (
    ACTIONS,
    HOLD_REASONS,
    ITEM_STATUSES,
    KINDS,
    ORDER_STATUSES,
    REASONS,
    SCOPES,
    Words,
)
from unbind_broker.orders.states import (
    Action,
    HoldReason,
    OrderKind,
    OrderStatus,
    Scope,
)

_ITEM_TONES = {
    ItemStatus.ACTION_REQUIRED: "warn",
    ItemStatus.PARTLY_UNBOUND: "warn",
    ItemStatus.REFUSED: "warn",
    ItemStatus.EXPIRED: "bad",
    ItemStatus.UNDELIVERABLE: "bad",
    ItemStatus.BOUND: "good",
    ItemStatus.NOT_BOUND: "good",
    ItemStatus.UNBOUND: "good",
    ItemStatus.CLOSED: "good",
    ItemStatus.RESTORED: "good",
}
_ORDER_TONES = {OrderStatus.HELD: "warn", OrderStatus.COMPLETED: "good"}


@dataclass(frozen=True)
class Statuses:
    """What templates say of statuses; None is a dash."""

    language: Language

    def item(self, status: ItemStatus) -> str:
        """Say where one platform's part stands."""
        return self._of(ITEM_STATUSES[status])

    def item_tone(self, status: ItemStatus) -> str:
        """Give the tone of a badge."""
        return _ITEM_TONES.get(status, "neutral")

    def order(self, status: OrderStatus) -> str:
        """Say where an order stands."""
        return self._of(ORDER_STATUSES[status])

    def order_tone(self, status: OrderStatus) -> str:
        """Give the tone of a badge."""
        return _ORDER_TONES.get(status, "neutral")

    def kind(self, kind: OrderKind) -> str:
        """Say what is asked for."""
        return self._of(KINDS[kind])

    def scope(self, scope: Scope) -> str:
        """Say whose bindings it is about."""
        return self._of(SCOPES[scope])

    def action(self, action: Action | None) -> str:
        """Say what platforms are asked to do."""
        return "–" if action is None else self._of(ACTIONS[action])

    def reason(self, reason: Reason | None) -> str:
        """Say why something was not done, or not wholly."""
        return "–" if reason is None else self._of(REASONS[reason])

    def found(self, outcome: FindingOutcome) -> str:
        """Say what a platform did about a number of a clearance."""
        return self.item(ItemStatus(outcome))

    def kept(self, reason: FindingReason) -> str:
        """Say why a platform keeps a binding of a number of a clearance."""
        return self.reason(Reason(reason))

    def held(self, reason: HoldReason | None) -> str:
        """Say why an order is held, or was."""
        return "–" if reason is None else self._of(HOLD_REASONS[reason])

    def _of(self, words: Words) -> str:
        return words.zh if self.language == "zh" else words.en
