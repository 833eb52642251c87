"""How much one carrier may have under way about one number. Pure."""

from collections.abc import Sequence
from typing import ClassVar

from unbind_broker.base.errors import BrokerError
from unbind_broker.intake.repeating import EarlierOrder, Repeated
from unbind_broker.orders.order import Order

REPETITIONS = 10
"""So many times as many queries may be open that only repeat another one: they ask
nobody, but each result is passed on to all of them."""


class TooManyOpenOrders(BrokerError):
    """The carrier has enough under way about this number."""

    code: ClassVar[str] = "too-many-open-orders"
    title: ClassVar[str] = "Too much is under way about this number"


def check_room(
    order: Order,
    others: Sequence[EarlierOrder],
    repeated: Repeated | None,
    limit: int,
) -> None:
    """Refuse an order where its carrier has ``limit`` open ones about the number.

    What it was told to be over counts no more, though a sensitive platform may still be
    at work. Raises ``TooManyOpenOrders``.
    """
    own = [
        one for one in others if one.carrier_id == order.carrier_id and one.seen_open
    ]
    repeating = sum(one.is_repetition for one in own)
    if repeated is not None:
        under_way, limit = repeating, limit * REPETITIONS
    else:
        under_way = len(own) - repeating
    if under_way >= limit:
        raise TooManyOpenOrders(
            f"{limit} of your queries and orders about this number are open; wait for "
            "their end, or cancel what is not needed"
        )
