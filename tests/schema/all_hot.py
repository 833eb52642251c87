"""All statements that run all the time, by their names."""

from tests.schema import hot_delivery, hot_figures, hot_orders
from tests.schema.hot import Hot
from tests.schema.large_tables import Past

_GROUPS = (*hot_delivery.GROUPS, *hot_orders.GROUPS, *hot_figures.GROUPS)


def all_of(past: Past) -> dict[str, Hot]:
    return {name: hot for group in _GROUPS for name, hot in group(past).items()}
