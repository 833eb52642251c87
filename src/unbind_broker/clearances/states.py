"""The words of a clearance: where it stands, why it stopped, what a platform found."""

from unbind_broker.base.coded_enum import CodedEnum


class ClearanceStatus(CodedEnum):
    """Where a clearance stands."""

    DRAFT = ("draft", 1)  # its carrier still puts numbers in; nobody else sees it
    IN_PROGRESS = ("in_progress", 2)  # waves go out, platforms look for bindings
    STOPPED = ("stopped", 3)  # no further wave goes out
    COMPLETED = ("completed", 4)  # every platform is done, or the deadline has passed


class StopReason(CodedEnum):
    """Why no further wave goes out."""

    ACTIVE_AFTER_CUTOFF = ("active_after_cutoff", 1)  # too many numbers are in use


class WithdrawnFor(CodedEnum):
    """Why a number is no longer to be cleared."""

    BY_CARRIER = ("by_carrier", 1)
    RESUMED = ("resumed", 2)  # the former holder came back within the freeze
    LIVE_HOLDING = ("live_holding", 3)  # somebody held it when it was to be published


class FindingOutcome(CodedEnum):
    """What a platform did about a number; codes as those of items."""

    NOT_BOUND = ("not_bound", 11)
    UNBOUND = ("unbound", 12)
    PARTLY_UNBOUND = ("partly_unbound", 13)
    REFUSED = ("refused", 16)


class FindingReason(CodedEnum):
    """Why a platform kept a binding; codes as those of items."""

    ASSETS_OR_LIABILITIES_OPEN = ("assets_or_liabilities_open", 1)
    LEGAL_HOLD = ("legal_hold", 2)
    ACCOUNT_UNDER_INVESTIGATION = ("account_under_investigation", 3)
    BOUND_AT_UNKNOWN = ("bound_at_unknown", 4)
    ACTIVE_AFTER_CUTOFF = ("active_after_cutoff", 5)
    SHARED_IDENTIFIER = ("shared_identifier", 6)
    SUSPECTED_FRAUD = ("suspected_fraud", 7)
    NOT_SUPPORTED = ("not_supported", 8)
    OTHER = ("other", 9)
