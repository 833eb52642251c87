"""Every webhook type that the broker sends."""

from unbind_broker.base.coded_enum import CodedEnum


class EventType(CodedEnum):
    """The ``type`` of a webhook."""

    QUERY_REQUESTED = ("query.requested", 1)
    UNBIND_REQUESTED = ("unbind.requested", 2)
    RESTORE_REQUESTED = ("restore.requested", 3)
    UNBIND_CANCELLED = ("unbind.cancelled", 4)
    UNBIND_REMINDER = ("unbind.reminder", 5)
    CLEARANCE_PUBLISHED = ("clearance.published", 6)
    ENDPOINT_VERIFICATION = ("endpoint.verification", 10)
    ENDPOINT_TEST = ("endpoint.test", 11)
    QUERY_COMPLETED = ("query.completed", 20)
    ORDER_UPDATED = ("order.updated", 21)
    ORDER_COMPLETED = ("order.completed", 22)
    ORDER_HELD = ("order.held", 23)
    ORDER_DISPUTED = ("order.disputed", 24)
    ORDER_OVERDUE = ("order.overdue", 25)
    ORDER_VIOLATION = ("order.violation", 26)
    CARRIER_BRAKED = ("carrier.braked", 27)
    CLEARANCE_COMPLETED = ("clearance.completed", 28)


ENDPOINT_EVENTS = frozenset({EventType.ENDPOINT_VERIFICATION, EventType.ENDPOINT_TEST})

PLATFORM_EVENTS = ENDPOINT_EVENTS | {
    EventType.QUERY_REQUESTED,
    EventType.UNBIND_REQUESTED,
    EventType.RESTORE_REQUESTED,
    EventType.UNBIND_CANCELLED,
    EventType.UNBIND_REMINDER,
    EventType.CLEARANCE_PUBLISHED,
}

NOTICES = frozenset(
    {
        EventType.QUERY_COMPLETED,
        EventType.ORDER_UPDATED,
        EventType.ORDER_COMPLETED,
        EventType.ORDER_HELD,
        EventType.ORDER_DISPUTED,
        EventType.ORDER_OVERDUE,
        EventType.ORDER_VIOLATION,
        EventType.CARRIER_BRAKED,
        EventType.CLEARANCE_COMPLETED,
    }
)
"""What carriers are told; all of it stands in their feed too."""

CARRIER_EVENTS = ENDPOINT_EVENTS | NOTICES
