"""What a carrier posts to have an order accepted."""

from datetime import datetime

from unbind_broker.base.instants import show_instant


def order_body(number: str, consented_at: datetime) -> dict[str, object]:
    """Give the least that is asked for, about this number."""
    return {
        "number": number,
        "owner_since": "2025-03-01",
        "consent": {"method": "sms_otp", "at": show_instant(consented_at)},
    }


def a_number(place: int) -> str:
    """Give a valid mobile number, made up here and kept nowhere; 10^8 differ."""
    return f"+861{39}{place:08}"
