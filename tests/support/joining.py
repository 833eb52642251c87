"""Orders about many numbers, which do not join each other, and about one, which do."""

from unbind_broker.base.numbers import PhoneNumber


def a_number(place: int) -> PhoneNumber:
    """One of the made-up numbers, from 0 to 9999."""
    return PhoneNumber(f"+861380000{place:04d}")
