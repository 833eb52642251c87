"""The words of an order: kind, state, scope, action, consent."""

from unbind_broker.base.coded_enum import CodedEnum


class OrderKind(CodedEnum):
    """What a carrier asks for."""

    QUERY = ("query", 1)
    UNBIND = ("unbind", 2)
    RESTORE = ("restore", 3)


class OrderStatus(CodedEnum):
    """Where an order stands."""

    HELD = ("held", 1)  # nothing is sent before held_until
    IN_PROGRESS = ("in_progress", 2)  # platforms are being asked
    COMPLETED = ("completed", 3)  # every item is final
    CANCELLED = ("cancelled", 4)  # called back, with all open items


class Scope(CodedEnum):
    """Whose bindings an order is about."""

    PREVIOUS_OWNER = ("previous_owner", 1)
    CURRENT_OWNER = ("current_owner", 2)


class Action(CodedEnum):
    """What a platform is asked to do."""

    DETACH = ("detach", 1)
    CLOSE_ACCOUNT = ("close_account", 2)


class ConsentMethod(CodedEnum):
    """How the carrier authenticated the holder."""

    SMS_OTP = ("sms_otp", 1)
    IN_APP = ("in_app", 2)
    IN_STORE = ("in_store", 3)
    REAL_NAME = ("real_name", 4)


class HoldReason(CodedEnum):
    """Why an order is held."""

    UNDO_WINDOW = ("undo_window", 1)
    DISPUTED_HOLDING = ("disputed_holding", 2)
    BRAKED = ("braked", 3)  # until an administrator releases the brake


OPEN = frozenset({OrderStatus.HELD, OrderStatus.IN_PROGRESS})
