"""Every router of the API, in the order of the document."""

from fastapi import APIRouter

from unbind_broker.api import (
    admin_carriers,
    admin_endpoints,
    admin_keys,
    admin_numbers,
    admin_platforms,
    carrier_keys,
    directory,
    endpoint,
    items,
    me,
    order_undo,
    orders,
    queries,
    results,
)

ROUTERS: tuple[APIRouter, ...] = (
    queries.router,
    orders.router,
    order_undo.router,
    results.router,
    items.router,
    directory.router,
    endpoint.router,
    me.router,
    admin_carriers.router,
    admin_platforms.router,
    admin_keys.router,
    admin_numbers.router,
    admin_endpoints.router,
    carrier_keys.router,
)
