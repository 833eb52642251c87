"""The state machine of an item: who may say what, from where, and what it becomes."""

from unbind_broker.base.coded_enum import CodedEnum
from unbind_broker.orders.states import OrderKind


class ItemStatus(CodedEnum):
    """Where one platform's part stands. Codes below 10 are open, the others final."""

    QUEUED = ("queued", 1)  # not yet taken; retries go on
    ACKNOWLEDGED = ("acknowledged", 2)  # taken
    IN_PROGRESS = ("in_progress", 3)  # the platform works on it
    ACTION_REQUIRED = ("action_required", 4)  # the present holder must do something
    BOUND = ("bound", 10)  # bindings exist in the interval
    NOT_BOUND = ("not_bound", 11)  # nothing in the interval
    UNBOUND = ("unbound", 12)  # everything in the interval detached
    PARTLY_UNBOUND = ("partly_unbound", 13)  # some detached, some kept
    CLOSED = ("closed", 14)  # account closed
    RESTORED = ("restored", 15)  # attached again
    REFUSED = ("refused", 16)  # not done, with a reason
    EXPIRED = ("expired", 20)  # taken, no result by the deadline
    UNDELIVERABLE = ("undeliverable", 21)  # never taken, or payload refused for good
    CANCELLED = ("cancelled", 22)  # called back

    @property
    def is_final(self) -> bool:
        """Tell whether nothing more is expected."""
        return self.code >= FIRST_FINAL_CODE


FIRST_FINAL_CODE = 10

OPEN = frozenset(status for status in ItemStatus if not status.is_final)

ENDED_BY_US = frozenset(
    {ItemStatus.EXPIRED, ItemStatus.UNDELIVERABLE, ItemStatus.CANCELLED}
)
"""Finals that the broker set; a platform's result may still replace them, late."""

_INTERIM = frozenset({ItemStatus.IN_PROGRESS, ItemStatus.ACTION_REQUIRED})

OUTCOMES: dict[OrderKind, frozenset[ItemStatus]] = {
    OrderKind.QUERY: frozenset(
        {
            ItemStatus.ACKNOWLEDGED,
            ItemStatus.BOUND,
            ItemStatus.NOT_BOUND,
            ItemStatus.REFUSED,
        }
    ),
    OrderKind.UNBIND: _INTERIM
    | {
        ItemStatus.ACKNOWLEDGED,
        ItemStatus.NOT_BOUND,
        ItemStatus.UNBOUND,
        ItemStatus.PARTLY_UNBOUND,
        ItemStatus.CLOSED,
        ItemStatus.REFUSED,
    },
    OrderKind.RESTORE: _INTERIM
    | {
        ItemStatus.ACKNOWLEDGED,
        ItemStatus.NOT_BOUND,
        ItemStatus.RESTORED,
        ItemStatus.REFUSED,
    },
}
"""What a platform may report, by kind of order."""


class Reason(CodedEnum):
    """Why an item was refused, kept in part, or cancelled."""

    ASSETS_OR_LIABILITIES_OPEN = ("assets_or_liabilities_open", 1)
    LEGAL_HOLD = ("legal_hold", 2)
    ACCOUNT_UNDER_INVESTIGATION = ("account_under_investigation", 3)
    BOUND_AT_UNKNOWN = ("bound_at_unknown", 4)
    ACTIVE_AFTER_CUTOFF = ("active_after_cutoff", 5)
    SHARED_IDENTIFIER = ("shared_identifier", 6)
    SUSPECTED_FRAUD = ("suspected_fraud", 7)
    NOT_SUPPORTED = ("not_supported", 8)
    OTHER = ("other", 9)
    BY_CARRIER = ("by_carrier", 20)
    SUPERSEDED = ("superseded", 21)
    NUMBER_DISCONNECTED = ("number_disconnected", 22)
    CARRIER_SUSPENDED = ("carrier_suspended", 23)


REFUSALS = frozenset(
    reason for reason in Reason if reason.code < Reason.BY_CARRIER.code
)


class HolderAction(CodedEnum):
    """What a platform needs of the present holder."""

    CONFIRM_IN_APP = ("confirm_in_app", 1)
    VERIFY_CODE = ("verify_code", 2)
    CONTACT_SUPPORT = ("contact_support", 3)
