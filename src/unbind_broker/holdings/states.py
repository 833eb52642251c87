"""How holdings begin and end."""

from unbind_broker.base.coded_enum import CodedEnum


class Began(CodedEnum):
    """How a holding became known."""

    ATTESTED = ("attested", 1)  # a query or an order named the day
    ACTIVATED = ("activated", 2)
    TRANSFERRED = ("transferred", 3)  # from another holder, at the same carrier
    PORTED_IN = ("ported_in", 4)  # the same holder, from another carrier
    RESUMED = ("resumed", 5)  # the former holder came back within the freeze


class Ended(CodedEnum):
    """How a holding ended."""

    SUPERSEDED = ("superseded", 1)  # a later holder became known, nothing else
    DISCONNECTED = ("disconnected", 2)
    TRANSFERRED = ("transferred", 3)
    PORTED_OUT = ("ported_out", 4)  # the carrier that lost it says so
    TAKEN_OVER = ("taken_over", 5)  # only another carrier says that it was ported


class HoldingEvent(CodedEnum):
    """What a carrier tells about one of its numbers."""

    ACTIVATED = ("activated", 1)  # a new holder since that day
    DISCONNECTED = ("disconnected", 2)  # the holder gave the number up, or lost it
    TRANSFERRED = ("transferred", 3)  # from one holder to another, at this carrier
    PORTED_IN = ("ported_in", 4)  # the same holder, from another carrier
    PORTED_OUT = ("ported_out", 5)  # the same holder, to another carrier
    RESUMED = ("resumed", 6)  # the former holder came back within the freeze
